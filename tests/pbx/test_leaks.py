"""The search for leaks finds what is there, on paper and in a real call through a dialplan that masks nothing."""

from __future__ import annotations

import base64

import pytest

from tests.pbx.lab import Lab, side_of
from tests.pbx.leaks import Side, leaks
from tests.pbx.service import NATIONAL_X

SIDE = Side(("+886987654321",), ("Wang Courier",), ("127.0.0.2",), (25123, 26124))


@pytest.mark.parametrize(
    "text",
    [
        "From: <sip:+886987654321@127.0.0.1>",
        "From: <sip:886987654321@127.0.0.1>",
        "From: <sip:00886987654321@127.0.0.1>",
        "From: <sip:0987654321@127.0.0.1>",
        "Subject: 0987-654-321",
        "Subject: (0987) 654 321",
        "X: %30%39%38%37%36%35%34%33%32%31",
        "X: %2B886987654321",
        "X: 30393837363534333231",
        "X: 123456789",
        "X: 88967856" + "3412",
        "X: 9078563412",
        "Contact: <sip:asterisk@127.0.0.2:5070>",
        "c=IN IP4 127.0.0.2",
        "X: 7f000002",
        "X: 3132372e302e302e32",
        "m=audio 25123 RTP/AVP 8",
        "Contact: <sip:x@127.0.0.1:26124>",
        'From: "WANG COURIER" <sip:x@127.0.0.1>',
        "X: Wang%20Courier",
        *(f"X: {base64.b64encode(b'ab'[:before] + b'0987654321@x').decode()}" for before in range(3)),
        *(f"X: {base64.b64encode(b'ab'[:before] + b'Wang Courier').decode()}" for before in range(3)),
    ],
)
def test_every_form_is_found(text: str) -> None:
    assert leaks([f"INVITE sip:x SIP/2.0\r\n{text}\r\n\r\n".encode()], of=SIDE)


@pytest.mark.parametrize(
    "text",
    [
        "From: <sip:+886900000000@127.0.0.1>",
        "Call-ID: 25123abc@127.0.0.1",
        "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK25123",
        "c=IN IP4 127.0.0.25",
        "o=- 125123 2 IN IP4 127.0.0.1",
        "Call-ID: 3b0c-25123-9f",
    ],
)
def test_what_is_none_is_not(text: str) -> None:
    assert leaks([f"INVITE sip:x SIP/2.0\r\n{text}\r\n\r\n".encode()], of=SIDE) == []


def test_a_dialplan_and_a_trunk_that_tell_all_are_caught(lab: Lab) -> None:
    """The same call as everywhere, with the docs' guards taken out of dialplan and trunk."""
    order = lab.order()
    caller = lab.courier(by="leaky").dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(200).hangs_up()
    called = lab.recipient(order).is_called().rings().answers().is_hung_up()
    heard, rung = lab.play_unsearched(caller, called, trunk="leaky")
    to_recipient = leaks(rung.received, of=side_of(caller))
    assert any("number" in each for each in to_recipient)
    assert any("name" in each for each in to_recipient)
    invite = rung.received[0]
    for header in (b"\r\nFrom:", b"\r\nP-Asserted-Identity:", b"\r\nRemote-Party-ID:", b"\r\nDiversion:"):
        line = invite.partition(header)[2].partition(b"\r\n")[0]
        assert caller.number.encode() in line, header
    assert any("number" in each for each in leaks(heard.received, of=side_of(called)))


def test_the_docs_dialplan_is_clean_on_a_trunk_that_tells_all(lab: Lab) -> None:
    order = lab.order()
    caller = lab.courier(by="gossip").dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(300).hangs_up()
    called = lab.recipient(order).is_called().rings().answers().is_hung_up()
    heard, rung = lab.play_unsearched(caller, called, trunk="gossip")
    assert (heard.code, rung.code) == (0, 0), f"{heard.why()}\n{rung.why()}"
    assert leaks(rung.received, of=side_of(caller)) == []
    assert leaks(heard.received, of=side_of(called)) == []


def test_neither_log_holds_a_number(lab: Lab) -> None:
    """The service's and the FastAGI entrance's, after a call by each."""
    order = lab.order()
    for by in ("http", "agi"):
        caller = lab.courier(by=by).dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
        lab.play(caller, lab.recipient(order).is_called().answers().is_hung_up())
        assert leaks([lab.service.log.encode()], of=Side((caller.number, order.recipient))) == []
