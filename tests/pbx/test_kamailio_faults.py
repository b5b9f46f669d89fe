"""What fails around Kamailio: the service, the relay, a leaky script. Whatever cannot be masked is not passed on."""

from __future__ import annotations

import socket

import pytest

from tests.pbx.asterisk import PBX_IP
from tests.pbx.lab import side_of
from tests.pbx.leaks import leaks
from tests.pbx.media_relay import MediaRelay
from tests.pbx.proxy_lab import ProxyLab
from tests.pbx.scripted_service import Answer, ScriptedService
from tests.pbx.service import NATIONAL_X
from tests.pbx.sipp import free_udp_port
from tests.pbx.test_kamailio import CALLEE, CONNECT, REFUSED, ask


def refused(proxy: ProxyLab, status: int) -> None:
    """A live extension is dialled; its phone stays silent."""
    order = proxy.order()
    caller = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_refused(status)
    proxy.play_refused(caller, silent=proxy.recipient(order))


def test_the_service_is_down(proxy: ProxyLab) -> None:
    proxy.asterisk.settings["MASK_URL"] = '"http://127.0.0.1:9/v1/pbx/pbx_1"'
    refused(proxy, 503)


def test_the_service_takes_longer_than_a_proxy_waits(proxy: ProxyLab) -> None:
    """Three seconds; nothing is asked twice."""
    with ScriptedService([CONNECT], delay_s=3.5) as service:
        ask(proxy, service)
        refused(proxy, 503)
    assert len(service.asked) == 1


def test_a_wrong_secret(proxy: ProxyLab) -> None:
    proxy.asterisk.settings["MASK_SECRET"] = f'"whsec_{"QUJD" * 11}"'
    refused(proxy, 503)


def no_connects() -> list[Answer]:
    return [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"null",
        b'{"action":',
        {},
        {"action": "hangup"},
        {"action": "gather", "max_digits": "4"},
        {"action": ["connect"]},
        {**CONNECT, "action": "Connect"},
        {**CONNECT, "to": ""},
        {**CONNECT, "to": None},
        {**CONNECT, "to": f"{CALLEE}@127.0.0.5:5060"},
        {**CONNECT, "to": f"{CALLEE};user=phone"},
        {**CONNECT, "to": f"{CALLEE}\r\nX-Injected: 1"},
        {**CONNECT, "to": f"{CALLEE}\nX-Injected: 1"},
        {**CONNECT, "to": f"X-Injected: 1\n{CALLEE}"},
        {**CONNECT, "to": f"{CALLEE}\n"},
        {**CONNECT, "caller_id": f"{CALLEE}\n+886900000000"},
        {**CONNECT, "caller_id": ""},
        {**CONNECT, "caller_id": "anonymous"},
        {**CONNECT, "caller_id": '"Boss" <sip:+886911111111>'},
        {**CONNECT, "ring_timeout_s": None},
        {**CONNECT, "ring_timeout_s": "0"},
        {**CONNECT, "ring_timeout_s": "20x"},
        {**CONNECT, "max_duration_s": "forever"},
        {**CONNECT, "max_duration_s": ""},
    ]


def test_an_answer_that_is_no_whole_connect_rings_nobody(proxy: ProxyLab) -> None:
    answers = no_connects()
    with ScriptedService(answers) as service:
        ask(proxy, service)
        caller = proxy.courier().dials(NATIONAL_X).is_refused(REFUSED)
        proxy.play_refused(caller, silent=proxy.stranger(), count=len(answers))
    assert len(service.asked) == len(answers)


def exchange(proxy: ProxyLab, address: str, *texts: str, seconds: float) -> list[bytes]:
    """What comes back to a phone that sends these, each as it stands, within ``seconds``."""
    port = free_udp_port(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((address, port))
        phone.settimeout(seconds)
        for text in texts:
            message = text.format(ours=f"{address}:{port}", pbx=f"{PBX_IP}:{proxy.asterisk.sip_port}")
            phone.sendto(message.replace("\n", "\r\n").encode(), (PBX_IP, proxy.asterisk.sip_port))
        received = []
        try:
            while True:
                received.append(phone.recv(65535))
        except TimeoutError:
            return received


INVITE = (
    "INVITE sip:0900000000*5678@{pbx} SIP/2.0\nVia: SIP/2.0/UDP {ours};branch=z9hG4bKonce\n"
    "From: <sip:0987654321@{ours}>;tag=1\nTo: <sip:0900000000*5678@{pbx}>\nCall-ID: once\nCSeq: 1 INVITE\n"
    "Contact: <sip:0987654321@{ours}>\nMax-Forwards: 70\nContent-Length: 0\n\n"
)


def test_a_retransmitted_invite_is_one_question(proxy: ProxyLab) -> None:
    """Without a transaction before the question each of them would hold a worker of its own."""
    with ScriptedService([{"action": "hangup"}], delay_s=0.5) as service:
        ask(proxy, service)
        proxy.leave_by(proxy.stranger())
        heard = exchange(proxy, "127.0.0.2", INVITE, INVITE, INVITE, seconds=0.9)
    assert len(service.asked) == 1
    assert b"SIP/2.0 480" in b"".join(heard)


def test_what_comes_from_elsewhere_gets_no_answer(proxy: ProxyLab) -> None:
    with ScriptedService([CONNECT]) as service:
        ask(proxy, service)
        proxy.leave_by(proxy.stranger())
        assert exchange(proxy, "127.0.0.11", INVITE, seconds=0.3) == []
    assert service.asked == []


@pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO", "REFER", "MESSAGE"])
def test_a_request_within_an_unknown_call_is_not_passed_on(proxy: ProxyLab, method: str) -> None:
    """As after a restart: who is who is not known any more."""
    silent = proxy.stranger()
    within = INVITE.replace("INVITE", method).replace("0900000000*5678@{pbx}", f"1@{silent.address}:{silent.sip_port}")
    within = within.replace(">\nCall-ID", ">;tag=2\nCall-ID").replace("Max-", "Route: <sip:{pbx};lr;ftag=1>\nMax-")
    with proxy.nothing_rings(silent):
        (heard,) = exchange(proxy, "127.0.0.2", within, seconds=0.2)
    assert heard.startswith((b"SIP/2.0 481", b"SIP/2.0 405"))


def test_with_a_relay_nothing_at_all_passes(proxy: ProxyLab, relay: MediaRelay) -> None:
    proxy.asterisk.settings["MASK_RTPENGINE"] = f'"{relay.socket}"'
    proxy.relayed = True
    for last in ("caller", "called"):
        order = proxy.order()
        caller = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(100)
        called = proxy.recipient(order).is_called().rings().answers()
        if last == "caller":
            caller.negotiates_again().hangs_up()
            called.is_called().answers().is_hung_up()
        else:
            caller.is_hung_up()
            called.waits(200).hangs_up_on_caller()
        proxy.play(caller, called)


def test_without_the_relay_that_was_asked_for_nobody_is_rung(proxy: ProxyLab) -> None:
    """rtpengine_manage() that fails leaves the SDP as it was: the script must look at its result."""
    proxy.asterisk.settings["MASK_RTPENGINE"] = f'"udp:127.0.0.1:{free_udp_port("127.0.0.1")}"'
    refused(proxy, 503)


def test_a_script_that_masks_nothing_is_caught(proxy: ProxyLab) -> None:
    proxy.asterisk.settings["MASK_LEAKY"] = ""
    order = proxy.order()
    caller = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(100).hangs_up()
    called = proxy.recipient(order).is_called().rings().answers().is_hung_up()
    heard, rung = proxy.play_unsearched(caller, called)
    to_recipient, to_caller = proxy.leaked(rung.received, of=caller), proxy.leaked(heard.received, of=called)
    for found in (to_recipient, to_caller):
        assert any("number" in each for each in found)
        assert any("name" in each for each in found)
        assert any("address" in each for each in found)
    told = b"From Contact P-Asserted-Identity Remote-Party-ID Diversion X-Secret Subject".split()
    for header in told:
        line = rung.received[0].partition(b"\r\n" + header + b":")[2].partition(b"\r\n")[0]
        assert caller.number.encode() in line, header


def test_the_search_knows_what_the_relay_is_for(proxy: ProxyLab) -> None:
    """Without a relay each side's media address does stand in the other's SDP, and nowhere else."""
    order = proxy.order()
    caller = proxy.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
    _, rung = proxy.play(caller, proxy.recipient(order).is_called().rings().answers().is_hung_up())
    assert any("address" in each for each in leaks(rung.received, of=side_of(caller)))
