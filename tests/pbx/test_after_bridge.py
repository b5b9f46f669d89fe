"""What is next after a bridge, through a real Asterisk: the care line, the sentence, the cause; the answer's report.

Each call that is connected is searched, also for what the one who was not reached may have learned.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.pbx.lab import Lab, side_of
from tests.pbx.leaks import leaks
from tests.pbx.service import NATIONAL_X, X
from tests.pbx.sipp import Phone, Running
from tests.pbx.traces import Played

BOTH = pytest.mark.parametrize("by", ["http", "agi"])
CARE_LINE = "+886223456789"
SHOWS_X = f"<sip:{X}@127.0.0.1>".encode()


@pytest.fixture
def care_line(lab: Lab) -> Iterator[None]:
    lab.service.set_up("tenant", "change", "商店", "--care-line", CARE_LINE)
    yield
    lab.service.set_up("tenant", "change", "商店", "--no-care-line")


def until_called(phone: Running, *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not Played(0, phone.folder).received:
        assert time.monotonic() < end, "the phone was not called"
        time.sleep(0.02)


def contact(lab: Lab, *, by: str) -> tuple[Phone, Phone]:
    """A recipient whose courier has just tried to reach him: their phones."""
    order = lab.order()
    courier = lab.courier(by=by).dials(f"{NATIONAL_X}*{order.extension}").is_refused(486)
    lab.play(courier, lab.recipient(order).is_called().rings().replies("486 Busy Here"))
    recipient = Phone(courier.address, order.recipient, "Mei Recipient")
    return recipient, Phone("127.0.0.4", courier.number, courier.name)


@BOTH
@pytest.mark.parametrize("reply", ["480 Temporarily Unavailable", "486 Busy Here", "603 Decline"])
def test_a_courier_who_does_not_answer_has_the_care_line_rung(lab: Lab, care_line: None, by: str, reply: str) -> None:
    recipient, courier = contact(lab, by=by)
    recipient.dials(NATIONAL_X).is_answered().waits(300).hangs_up()
    courier.is_called().rings().waits(900).replies(reply)
    care = Phone("127.0.0.8", CARE_LINE, "Care Line").is_called().rings().waits(200).answers().is_hung_up()
    lab.leave_by(courier)
    first, second = lab.start(courier), lab.start(care)
    calling = lab.start(recipient)
    try:
        until_called(first)
        lab.leave_by(care)
        heard, missed, rung = calling.ends(), first.ends(), second.ends()
    finally:
        for each in (first, second, calling):
            each.stop()
    for each in (heard, missed, rung):
        assert each.code == 0, f"{each.why()}\n{lab.asterisk.log[-2000:]}"
    assert SHOWS_X in missed.received[0]
    assert SHOWS_X in rung.received[0]
    for learned in (missed.received, rung.received):
        assert leaks(learned, of=side_of(recipient)) == []
    assert leaks(rung.received, of=side_of(courier)) == []
    for other in (courier, care):
        assert leaks(heard.received, of=side_of(other)) == []


@BOTH
def test_without_a_care_line_who_was_asked_hears_the_sentence(lab: Lab, by: str) -> None:
    order = lab.order()
    courier = lab.courier(by=by).dials(NATIONAL_X).is_answered().waits(700).keys(order.extension).is_hung_up()
    lab.play(courier, lab.recipient(order).is_called().replies("486 Busy Here"))
    assert lab.service.last_outcome(order, expected="busy") == "busy"


@BOTH
def test_a_service_that_is_gone_after_the_bridge_leaves_the_cause_or_the_sentence(lab: Lab, by: str) -> None:
    order = lab.order()
    courier = lab.courier(by="http").dials(f"{NATIONAL_X}*{order.extension}").is_refused(486)
    if by == "agi":
        courier = lab.courier().dials(NATIONAL_X).is_answered().waits(700).keys(order.extension).is_hung_up()
    recipient = lab.recipient(order).is_called().rings().waits(2500).replies("486 Busy Here")
    lab.leave_by(recipient)
    waiting = lab.start(recipient)
    calling = lab.start(courier)
    try:
        until_called(waiting)
        lab.service.stop()
        heard, rung = calling.ends(), waiting.ends()
    finally:
        lab.service.start()
        calling.stop()
        waiting.stop()
    assert (heard.code, rung.code) == (0, 0), f"{heard.why()}\n{rung.why()}"


def test_the_answer_is_reported_at_once(lab: Lab) -> None:
    order = lab.order()
    courier = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().waits(1500).hangs_up()
    recipient = lab.recipient(order).is_called().rings().answers().is_hung_up()

    def look() -> None:
        assert lab.service.last_outcome(order, expected="answered") == "answered"
        assert lab.service.calls(order)[0]["answered_at"] is not None

    lab.play_with(courier, recipient, during=look)
    assert lab.service.last_outcome(order, expected="completed") == "completed"


@pytest.mark.parametrize("broken", ["down", "slow"])
def test_a_report_that_cannot_be_made_keeps_nobody_waiting(lab: Lab, broken: str) -> None:
    order = lab.order()
    courier = lab.courier().dials(f"{NATIONAL_X}*{order.extension}").is_answered().hangs_up()
    recipient = lab.recipient(order).is_called().rings().waits(2500).answers().is_hung_up()
    lab.leave_by(recipient)
    waiting = lab.start(recipient)
    calling = lab.start(courier)
    try:
        until_called(waiting)
        if broken == "down":
            lab.service.stop()
        else:
            lab.service.slow(6.0)
        heard, rung = calling.ends(), waiting.ends()
    finally:
        if broken == "down":
            lab.service.start()
        else:
            lab.service.slow(None)
        calling.stop()
        waiting.stop()
    assert (heard.code, rung.code) == (0, 0), f"{heard.why()}\n{rung.why()}"
    (took,) = heard.answer_times_ms()
    assert took < 2500 + 2000
