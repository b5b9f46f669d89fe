"""Calls through a real Kamailio with the docs' script: the extension stands in the dialled string or nowhere."""

from __future__ import annotations

import re

import pytest

from tests.pbx.leaks import Side, leaks
from tests.pbx.proxy_lab import ProxyLab
from tests.pbx.scripted_service import ScriptedService
from tests.pbx.service import NATIONAL_X, X

REFUSED = 480
CALLEE = "+886912345678"
CONNECT = {"action": "connect", "to": CALLEE, "caller_id": X, "ring_timeout_s": "30", "max_duration_s": "1800"}


def other_than(extension: str) -> str:
    return f"{(int(extension) + 5000) % 10_000:04d}"


def ask(proxy: ProxyLab, service: ScriptedService) -> None:
    """The proxy asks this service from its next start on."""
    proxy.asterisk.settings["MASK_URL"] = f'"{service.url}/v1/pbx/pbx_1"'


@pytest.mark.parametrize(
    "dialled",
    [
        "0900000000*{}",
        "0900000000%23{}",
        "0900000000;ext={}",
        "0900000000;postd=pp{}",
        "0900000000{}",
        "+886900000000*{}",
    ],
)
def test_the_extension_in_the_dialled_string(proxy: ProxyLab, dialled: str) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(dialled.format(order.extension)).is_answered().waits(100).hangs_up()
    _, rung = proxy.play(courier, proxy.recipient(order).is_called().rings().answers().is_hung_up())
    head = rung.received[0].partition(b"\r\n\r\n")[0]
    assert re.search(rb"\r\nFrom: *<sip:\+886900000000@127\.0\.0\.1", head), "X is what the recipient's phone shows"
    assert proxy.service.last_outcome(order, expected="completed") == "completed"


def test_the_recipient_hangs_up_first(proxy: ProxyLab) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().is_hung_up()
    recipient = proxy.recipient(order).is_called().rings().answers().waits(1100).hangs_up_on_caller()
    proxy.play(courier, recipient)
    assert proxy.service.last_outcome(order, expected="completed") == "completed"
    assert proxy.service.calls(order)[0]["duration_s"] in (1, 2)


def test_whatever_is_no_connect_is_one_and_the_same_refusal(proxy: ProxyLab) -> None:
    """No extension, a wrong one, an order that ended, a number that is not ours: the caller cannot tell which."""
    order, ended = proxy.order(), proxy.order()
    proxy.service.release(ended)
    heard = set()
    wrong = (NATIONAL_X, f"{NATIONAL_X}*{other_than(order.extension)}", f"{NATIONAL_X}*{ended.extension}", "0900999999")
    for dialled in wrong:
        caller = proxy.courier().dials(dialled).is_refused(REFUSED)
        answer = proxy.play_refused(caller, silent=proxy.recipient(order)).received[-1]
        lines = answer.replace(dialled.encode(), b"").split(b"\r\n")
        heard.add(tuple(line for line in lines if not re.match(rb"(Via|From|To|Call-ID):", line)))
    assert len(heard) == 1
    assert proxy.service.calls(order) == []


def test_the_recipient_calls_back(proxy: ProxyLab) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(486)
    proxy.play(courier, proxy.recipient(order).is_called().rings().replies("486 Busy Here"))
    recipient = proxy.recipient(order).dials(NATIONAL_X).is_answered().waits(100).hangs_up()
    _, rung = proxy.play(recipient, proxy.again(courier).is_called().rings().answers().is_hung_up())
    assert X.encode() in rung.received[0]


@pytest.mark.parametrize(
    ("reply", "caller_gets", "outcome"),
    [
        ("486 Mei Recipient is busy", 486, "busy"),
        ("603 Decline", 603, "busy"),
        ("480 Temporarily Unavailable", 480, "no_answer"),
        ("404 Not Found", 404, "failed"),
        ("503 Service Unavailable", 503, "failed"),
        ("302 Moved Temporarily", 480, "failed"),
    ],
)
def test_the_recipient_s_phone_refuses(proxy: ProxyLab, reply: str, caller_gets: int, outcome: str) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(caller_gets)
    proxy.play(courier, proxy.recipient(order).is_called().replies(reply))
    assert proxy.service.last_outcome(order, expected=outcome) == outcome


def test_nobody_answers_within_the_service_s_time(proxy: ProxyLab) -> None:
    order = proxy.order()
    with ScriptedService([{**CONNECT, "to": order.recipient, "ring_timeout_s": "1"}]) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_refused(REFUSED)
        proxy.play(caller, proxy.recipient(order).is_called().rings().sees_it_given_up())
        service.wait_told(b"event=no_answer")


def test_the_proxy_ends_a_call_that_is_over_its_time(proxy: ProxyLab) -> None:
    """Its own BYE is made of what the caller sent: without the script's care it holds his number and his Call-ID.

    The caller takes as long as a network does: Kamailio 5.6 sends him his BYE first, and where the reply overtakes the
    sending of the second one it forgets that (its issue 4169).
    """
    order = proxy.order()
    with ScriptedService([{**CONNECT, "to": order.recipient, "max_duration_s": "1"}]) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_answered().is_hung_up(thinks_ms=60)
        proxy.play(caller, proxy.recipient(order).is_called().rings().answers().is_hung_up())
        service.wait_told(b"event=expired&duration_s=")


def test_the_caller_gives_up_while_it_rings(proxy: ProxyLab) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").hears_ringing().waits(100).gives_up()
    proxy.play(courier, proxy.recipient(order).is_called().rings().sees_it_given_up())
    assert proxy.service.last_outcome(order, expected="canceled") == "canceled"


def test_the_caller_gives_up_while_the_service_thinks(proxy: ProxyLab) -> None:
    order = proxy.order()
    proxy.service.slow(0.8)
    try:
        courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").hears_trying().waits(200)
        proxy.play_refused(courier.gives_up(before_ringing=True).waits(900), silent=proxy.recipient(order))
    finally:
        proxy.service.slow(None)
    assert proxy.service.last_outcome(order, expected="canceled") == "canceled"


def test_a_bye_before_the_answer_is_not_passed_on(proxy: ProxyLab) -> None:
    """uac would let From pass as it came (Kamailio issue 4829)."""
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").hears_ringing().hangs_up_early(481).gives_up()
    proxy.play(courier, proxy.recipient(order).is_called().rings().sees_it_given_up())


def test_what_follows_within_a_call_is_masked_too(proxy: ProxyLab) -> None:
    """Display names, telling headers and SDP in a re-INVITE, its answer, and keys by INFO."""
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(100)
    courier.negotiates_again().keys("5", by_info=True).hangs_up()
    recipient = proxy.recipient(order).is_called().replies("180 Ringing at Mei Recipient").answers()
    recipient.is_called().answers().takes_info().is_hung_up()
    _, rung = proxy.play(courier, recipient)
    assert sum(message.startswith(b"INVITE ") for message in rung.received) == 2
    assert any(b"Signal=5" in message for message in rung.received)


def test_all_callers_look_alike(proxy: ProxyLab) -> None:
    """A Contact of each caller's own would be hidden by topoh alone, in the same token for each of his calls."""
    order, contacts = proxy.order(), set()
    for _ in range(2):
        courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
        _, rung = proxy.play(courier, proxy.recipient(order).is_called().rings().answers().is_hung_up())
        contacts |= set(re.findall(rb"\r\nContact: *([^\r]+)", rung.received[0]))
    assert len(contacts) == 1


def test_a_withheld_caller_is_nobody_to_the_service_and_x_to_the_recipient(proxy: ProxyLab) -> None:
    order = proxy.order()
    with ScriptedService([{**CONNECT, "to": order.recipient}]) as service:
        ask(proxy, service)
        courier = proxy.courier(withheld=True).dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
        _, rung = proxy.play(courier, proxy.recipient(order).is_called().answers().is_hung_up())
    assert [body for body in service.asked if not body.endswith(b"&from=")] == []
    assert b"nonymous" not in rung.received[0]


def test_a_release_in_mid_call_lets_it_go_on_and_refuses_the_next(proxy: ProxyLab) -> None:
    order = proxy.order()
    dialled = f"{NATIONAL_X}*{order.extension}"
    courier = proxy.courier().dials(dialled).is_answered().waits(900).hangs_up()
    recipient = proxy.recipient(order).is_called().rings().answers().is_hung_up()
    proxy.play_with(courier, recipient, during=lambda: proxy.service.release(order))
    proxy.play_refused(proxy.again(courier).dials(dialled).is_refused(REFUSED), silent=proxy.recipient(order))


def test_the_log_holds_no_number(proxy: ProxyLab) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
    proxy.play(courier, proxy.recipient(order).is_called().answers().is_hung_up())
    assert leaks([proxy.asterisk.log.encode()], of=Side((courier.number, order.recipient))) == []
