"""What is next where the one who was rung does not answer: a care line within the call, masked as the first phone was.

Calls through a real Kamailio with the docs' script. Both phones lie behind one carrier, so they are one SIPp here.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.pbx.media_relay import MediaRelay
from tests.pbx.proxy_lab import ProxyLab
from tests.pbx.scripted_service import Answer, ScriptedService
from tests.pbx.service import NATIONAL_X, X
from tests.pbx.sipp import Phone
from tests.pbx.test_kamailio import CONNECT, REFUSED, ask
from tests.pbx.traces import Played

CARE_LINE = "+886223456789"


@pytest.fixture
def care_line(proxy: ProxyLab) -> Iterator[None]:
    proxy.service.set_up("tenant", "change", "商店", "--care-line", CARE_LINE)
    yield
    proxy.service.set_up("tenant", "change", "商店", "--no-care-line")


def invites(rung: Played) -> list[bytes]:
    return [message for message in rung.received if message.startswith(b"INVITE ")]


def must_have_moved_on(caller: Phone, first: Phone, heard: Played, rung: Played) -> None:
    """Both phones were rung showing X, and each of the three learned of no other."""
    one, two = invites(rung)
    assert one.startswith(f"INVITE sip:{first.number}@".encode())
    assert two.startswith(f"INVITE sip:{CARE_LINE}@".encode())
    assert f"<sip:{X}@127.0.0.1".encode() in two.partition(b"\r\nFrom:")[2].partition(b"\r\n")[0]
    assert first.number.encode() not in two
    told = b"".join(heard.received)
    assert all(each.lstrip("+").encode() not in told for each in (CARE_LINE, first.number))
    assert caller.number.encode() not in two


def busy_then_answers(phone: Phone) -> Phone:
    return phone.is_called().rings().replies("486 Wang Courier is busy").is_called().rings().answers()


def legs(recipient: str, *, first: dict[str, str] | None = None, then: Answer | None = None) -> list[list[Answer]]:
    """Two answers a call: the order's recipient, then ``then``, which is the care line unless told."""
    care: Answer = {**CONNECT, "to": CARE_LINE}
    return [[{**CONNECT, "to": recipient, **(first or {})}, care if then is None else then]]


def test_a_courier_who_is_busy_leads_to_the_care_line(proxy: ProxyLab, care_line: None) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(100).hangs_up()
    proxy.play(courier, proxy.recipient(order).is_called().rings().answers().is_hung_up())
    recipient = proxy.recipient(order).dials(NATIONAL_X).is_answered().waits(100).hangs_up()
    called = busy_then_answers(proxy.again(courier)).is_hung_up()
    heard, rung = proxy.play(recipient, called)
    must_have_moved_on(recipient, courier, heard, rung)
    assert proxy.service.last_outcome(order, expected="completed") == "completed"
    assert proxy.service.calls(order)[0]["party"] == "care_line"


def test_a_recipient_who_is_busy_leads_nowhere(proxy: ProxyLab, care_line: None) -> None:
    order = proxy.order()
    courier = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(486)
    _, rung = proxy.play(courier, proxy.recipient(order).is_called().rings().replies("486 Busy Here"))
    assert len(invites(rung)) == 1
    assert proxy.service.last_outcome(order, expected="busy") == "busy"


def test_a_phone_that_nobody_picks_up_leads_to_the_care_line(proxy: ProxyLab) -> None:
    """One SIPp is both phones, so the first one leaves out its 487, whose ACK may come after the second INVITE."""
    order = proxy.order()
    with ScriptedService(legs(order.recipient, first={"ring_timeout_s": "1"})) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_answered().waits(100).hangs_up()
        called = proxy.recipient(order)
        given_up = called.is_called().rings().sees_it_given_up(replies=False)
        played = given_up.is_called().rings().answers().is_hung_up()
        must_have_moved_on(caller, called, *proxy.play(caller, played))
        service.wait_told(b"event=ended")
    first, second = service.asked
    assert second == first + b"&leg=2&event=no_answer"
    assert not any(b"no_answer" in each for each in service.told)


def replied(request: bytes, status: str, *, sdp: bytes = b"") -> bytes:
    """A phone's reply. It is reached where it was asked."""
    place = request.partition(b"@")[2].partition(b" ")[0]
    kept = [b"SIP/2.0 " + status.encode()]
    for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name = line.partition(b":")[0].strip().lower()
        if name == b"to" and b";tag=" not in line:
            kept.append(line + b";tag=called")
        elif name in (b"via", b"from", b"to", b"call-id", b"cseq", b"record-route"):
            kept.append(line)
    kept += [b"Contact: <sip:called@" + place + b">", b"Content-Type: application/sdp"] if sdp else []
    return b"\r\n".join([*kept, b"Content-Length: %d" % len(sdp), b"", sdp])


def ends_late(ear: socket.socket) -> list[bytes]:
    """Two phones behind one carrier: the first one confirms only while the second one rings that it was given up."""
    received: list[bytes] = []
    opened: list[bytes] = []
    while not received or not received[-1].startswith(b"BYE "):
        message, sender = ear.recvfrom(65535)
        received.append(message)
        if message.startswith(b"INVITE "):
            opened.append(message)
            ear.sendto(replied(message, "180 Ringing"), sender)
        elif message.startswith((b"CANCEL ", b"BYE ")):
            ear.sendto(replied(message, "200 OK"), sender)
        if message.startswith(b"INVITE ") and len(opened) == 2:
            ear.sendto(replied(opened[0], "487 Request Terminated"), sender)
        elif message.startswith(b"ACK ") and sum(each.startswith(b"ACK ") for each in received) == 1:
            time.sleep(0.04)  # workers may overtake each other, so that the 180 would come after the 200
            sdp = opened[1].partition(b"\r\n\r\n")[2]
            ear.sendto(replied(opened[1], "200 OK", sdp=sdp), sender)
    return received


def test_a_phone_that_confirms_late_that_it_was_given_up(proxy: ProxyLab) -> None:
    order = proxy.order()
    called = proxy.recipient(order)
    with (
        ScriptedService(legs(order.recipient, first={"ring_timeout_s": "1"})) as service,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
    ):
        ask(proxy, service)
        ear.bind((called.address, called.sip_port))
        ear.settimeout(10)
        proxy.leave_by(called)
        caller = proxy.courier().dials(NATIONAL_X).is_answered().waits(100).hangs_up()
        calling = proxy.start(caller)
        received = ends_late(ear)
        heard = calling.ends()
        service.wait_told(b"event=ended")
    assert heard.code == 0, heard.why()
    assert proxy.leaked(received, of=caller) == []
    assert proxy.leaked(heard.received, of=called) == []


def test_what_follows_within_the_call_is_masked_too(proxy: ProxyLab) -> None:
    order = proxy.order()
    with ScriptedService(legs(order.recipient)) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_answered().waits(100).negotiates_again().hangs_up()
        proxy.play(caller, busy_then_answers(proxy.recipient(order)).is_called().answers().is_hung_up())
        service.wait_told(b"event=ended")


def test_the_proxy_ends_it_when_its_time_is_over(proxy: ProxyLab) -> None:
    order = proxy.order()
    with ScriptedService(legs(order.recipient, first={"max_duration_s": "2"})) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_answered().is_hung_up(thinks_ms=60)
        called = busy_then_answers(proxy.recipient(order)).is_hung_up()
        must_have_moved_on(caller, called, *proxy.play(caller, called))
        service.wait_told(b"event=expired&duration_s=")


def test_with_a_relay_nobody_else_is_rung(proxy: ProxyLab, relay: MediaRelay) -> None:
    """The stored INVITE is not the masked one there: it would go out with the caller's number."""
    proxy.asterisk.settings["MASK_RTPENGINE"] = f'"{relay.socket}"'
    proxy.relayed = True
    order = proxy.order()
    with ScriptedService(legs(order.recipient)) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_refused(486)
        _, rung = proxy.play(caller, proxy.recipient(order).is_called().rings().replies("486 Busy Here"))
        service.wait_told(b"event=failed&status=486")
    assert (len(invites(rung)), len(service.asked)) == (1, 1)


@pytest.mark.parametrize(
    "then",
    [
        b"",
        {"action": "hangup"},
        {**CONNECT, "to": f"{CARE_LINE}\r\nX-Injected: 1"},
        {**CONNECT, "to": CARE_LINE, "caller_id": "+886900000001"},
        {**CONNECT, "to": "the same"},
    ],
    ids=["nothing", "a refusal", "no number", "another X", "the same phone"],
)
def test_what_cannot_be_rung_ends_as_it_would_have(proxy: ProxyLab, then: Answer) -> None:
    order = proxy.order()
    if isinstance(then, dict) and then.get("to") == "the same":
        then = {**then, "to": order.recipient}
    with ScriptedService(legs(order.recipient, then=then)) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_refused(486)
        _, rung = proxy.play(caller, proxy.recipient(order).is_called().rings().replies("486 Busy Here"))
        service.wait_told(b"event=failed&status=486")
    assert (len(invites(rung)), len(service.asked)) == (1, 2)


def test_a_care_line_that_is_busy_too_ends_the_call(proxy: ProxyLab) -> None:
    order = proxy.order()
    with ScriptedService(legs(order.recipient)) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_refused(REFUSED)
        called = proxy.recipient(order).is_called().rings().replies("486 Busy Here")
        proxy.play(caller, called.is_called().replies("480 Temporarily Unavailable"))
        service.wait_told(b"event=failed&status=480")
    assert len(service.asked) == 2


def test_the_caller_gives_up_while_the_service_thinks_of_what_is_next(proxy: ProxyLab) -> None:
    order = proxy.order()
    with ScriptedService(legs(order.recipient), delay_s=0.8) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).hears_ringing().waits(300).gives_up(before_ringing=True)
        _, rung = proxy.play(caller, proxy.recipient(order).is_called().rings().replies("486 Busy Here"))
        service.wait_told(b"event=canceled")
    assert len(invites(rung)) == 1


def test_the_service_is_down_by_then(proxy: ProxyLab) -> None:
    """It answers the first question and hangs at the second: the caller gets what the phone said, three s late."""
    order = proxy.order()
    with ScriptedService(legs(order.recipient), delay_s=(0.0, 3.5)) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_refused(486)
        _, rung = proxy.play(caller, proxy.recipient(order).is_called().rings().replies("486 Busy Here"))
    assert len(invites(rung)) == 1
