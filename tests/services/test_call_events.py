"""What a report does to a call's record: which side it is about, which end stands, in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from maskservice.domain.call import Direction, Outcome
from maskservice.domain.causes import Cause, EndedBy
from maskservice.domain.ids import CallId
from maskservice.services.call_events import CallReport, Noted, Side, noted, report_call
from maskservice.services.records import CallRecord
from tests.factories import pool_id
from tests.services.conftest import Shop, X

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
CALLER, CALLED = Side.CALLER, Side.CALLED
RINGING, ANSWERED, COMPLETED, CANCELED, BUSY, NO_ANSWER, FAILED, ASKING, UNAVAILABLE = (
    Outcome.RINGING,
    Outcome.ANSWERED,
    Outcome.COMPLETED,
    Outcome.CANCELED,
    Outcome.BUSY,
    Outcome.NO_ANSWER,
    Outcome.FAILED,
    Outcome.ASKING,
    Outcome.UNAVAILABLE,
)
NORMAL, CUT, GONE, TOO_LONG, PHONE_OFF, NO_NUMBER, DECLINED = (
    Cause.NORMAL_CLEARING,
    Cause.NETWORK_FAILURE,
    Cause.CALLER_CANCELED,
    Cause.MAX_DURATION,
    Cause.UNREACHABLE,
    Cause.UNALLOCATED_NUMBER,
    Cause.REJECTED,
)
BY_CALLER, BY_CALLED, PBX = EndedBy.CALLER, EndedBy.CALLED, EndedBy.PBX
CONNECTED = CallRecord(
    id=CallId(X, UUID(int=1)),
    pbx_id="pbx_1",
    pbx_call_id="c",
    pool_id=pool_id(1),
    outcome=Outcome.CONNECTING,
    trace=(),
    direction=Direction.TO_RECIPIENT,
    connected_at=START,
)
BEING_ASKED = replace(CONNECTED, outcome=ASKING, connected_at=None)
HUNG_UP_ON = replace(BEING_ASKED, outcome=UNAVAILABLE, ended_at=START, cause=Cause.REFUSED, ended_by=EndedBy.SERVICE)

# What happened, and when (seconds after the connect), with the talk's length and the cause that was told.
Happened = tuple[Side, Outcome, int, int | None] | tuple[Side, Outcome, int, int | None, Cause]


def after(record: CallRecord, *reports: Happened) -> CallRecord:
    for side, kind, seconds, duration, *told in reports:
        at = START + timedelta(seconds=seconds)
        report = CallReport("pbx_1", "c", X, kind, at, duration, side, *told)  # type: ignore[arg-type]
        record = noted(record, report, at=at)
    return record


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("story", "cause", "ended_by", "answered"),
    [
        # the caller goes while it rings, and the PBX clears his leg normally
        ([(CALLED, RINGING, 2, None), (CALLER, COMPLETED, 9, 12, NORMAL)], GONE, BY_CALLER, None),
        ([(CALLER, COMPLETED, 9, 12), (CALLED, CANCELED, 9, None, GONE)], GONE, BY_CALLER, None),
        # his line is cut
        ([(CALLER, FAILED, 9, 12, CUT)], CUT, PBX, None),
        ([(CALLER, FAILED, 9, 12, CUT), (CALLED, CANCELED, 9, None)], CUT, PBX, None),
        ([(CALLER, FAILED, 9, 12, CUT), (CALLED, NO_ANSWER, 9, 0)], Cause.NO_ANSWER, PBX, None),
        # what the caller's leg says of itself is not why the called side did not come
        ([(CALLED, BUSY, 7, 0, DECLINED), (CALLER, COMPLETED, 7, 20, CUT)], DECLINED, BY_CALLED, None),
        ([(CALLED, BUSY, 7, 0), (CALLER, BUSY, 7, 20, PHONE_OFF)], Cause.BUSY, BY_CALLED, None),
        ([(CALLED, NO_ANSWER, 30, 0, PHONE_OFF), (CALLER, COMPLETED, 31, 40)], PHONE_OFF, PBX, None),
        ([(CALLED, FAILED, 3, None, NO_NUMBER)], NO_NUMBER, PBX, None),
        ([(CALLED, FAILED, 3, None)], Cause.UNKNOWN, PBX, None),
        # a talk: nobody says who hung up, unless it was neither
        ([(CALLED, ANSWERED, 5, None), (CALLER, COMPLETED, 41, 50), (CALLED, COMPLETED, 41, 36)], NORMAL, None, 5),
        ([(CALLED, ANSWERED, 5, None), (CALLER, COMPLETED, 41, 50, Cause.BUSY)], NORMAL, None, 5),
        ([(CALLED, COMPLETED, 1805, 1800, TOO_LONG), (CALLER, COMPLETED, 1805, 1810)], TOO_LONG, PBX, 5),
        ([(CALLED, COMPLETED, 41, 36), (CALLER, COMPLETED, 41, 50, CUT)], CUT, PBX, 5),
        # Asterisk reports the end only; a report of the answer itself says better when it was
        ([(CALLED, COMPLETED, 41, 36)], NORMAL, None, 5),
        ([(CALLED, COMPLETED, 41, 36), (CALLED, ANSWERED, 6, None)], NORMAL, None, 6),
        ([(CALLED, COMPLETED, 41, 0)], NORMAL, None, 41),
        ([(CALLED, COMPLETED, 41, 99)], NORMAL, None, 0),
        ([(CALLED, COMPLETED, 41, None)], NORMAL, None, None),
        ([(CALLED, BUSY, 41, 36)], Cause.BUSY, BY_CALLED, None),
    ],
)  # fmt: skip
def test_why_and_by_whom_a_story_ended_is_the_same_in_every_order(
    story: list[Happened], cause: Cause, ended_by: EndedBy | None, answered: int | None
) -> None:
    for order in permutations(story):
        record = after(CONNECTED, *order)
        assert (record.cause, record.ended_by, record.answered_at) == (cause, ended_by, moment(answered)), order
        assert after(record, *order) == record, "the same reports again change nothing"


def test_a_length_that_comes_later_tells_when_the_answer_was() -> None:
    record = after(CONNECTED, (CALLED, COMPLETED, 41, None), (CALLED, COMPLETED, 43, 36))
    assert (record.answered_at, record.ended_at, record.duration_s) == (moment(5), moment(41), 36)


@pytest.mark.parametrize(
    ("story", "outcome", "duration", "ended"),
    [
        # the caller hangs up while it rings: nobody says more, or the called side says what it made of it
        ([(CALLED, RINGING, 2, None), (CALLER, COMPLETED, 9, 12)], CANCELED, None, 9),
        ([(CALLED, RINGING, 2, None), (CALLER, CANCELED, 9, None), (CALLED, CANCELED, 9, None)], CANCELED, None, 9),
        ([(CALLED, RINGING, 2, None), (CALLER, COMPLETED, 9, 12), (CALLED, NO_ANSWER, 9, 0)], NO_ANSWER, 0, 9),
        # a talk: the caller's own duration holds the asking and is not its length
        ([(CALLED, ANSWERED, 5, None), (CALLER, COMPLETED, 41, 50)], COMPLETED, None, 41),
        ([(CALLED, ANSWERED, 5, None), (CALLER, COMPLETED, 41, 50), (CALLED, COMPLETED, 41, 36)], COMPLETED, 36, 41),
        ([(CALLED, COMPLETED, 41, 36), (CALLER, COMPLETED, 41, 50)], COMPLETED, 36, 41),
        # the recipient does not come; the caller hears the sentence and goes
        ([(CALLED, BUSY, 7, 0), (CALLER, COMPLETED, 7, 20)], BUSY, 0, 7),
        ([(CALLED, FAILED, 7, None), (CALLER, COMPLETED, 7, 20)], FAILED, None, 7),
    ],
)
def test_a_story_ends_the_same_in_every_order(
    story: list[Happened], outcome: Outcome, duration: int | None, ended: int
) -> None:
    for order in permutations(story):
        record = after(CONNECTED, *order)
        assert (record.outcome, record.duration_s) == (outcome, duration), order
        assert record.ended_at == START + timedelta(seconds=ended), order
        assert after(record, *order) == record, "the same reports again change nothing"


def test_a_caller_who_goes_while_he_is_asked_was_never_connected() -> None:
    for kind in (COMPLETED, BUSY, NO_ANSWER, FAILED, CANCELED):
        record = after(BEING_ASKED, (CALLER, kind, 3, 3))
        assert (record.outcome, record.duration_s, record.ended_at) == (CANCELED, None, START + timedelta(seconds=3))
        assert (record.cause, record.ended_by) == (Cause.CALLER_CANCELED, EndedBy.CALLER)
        for told, cause, ended_by in (
            (Cause.BUSY, Cause.CALLER_CANCELED, EndedBy.CALLER),
            (Cause.NETWORK_FAILURE, Cause.NETWORK_FAILURE, EndedBy.PBX),
        ):
            for side in Side:
                record = after(BEING_ASKED, (side, kind, 3, None, told))
                assert (record.cause, record.ended_by, record.answered_at) == (cause, ended_by, None)
        assert after(record, (CALLED, COMPLETED, 4, 9)).outcome is CANCELED
        assert after(record, (CALLED, ANSWERED, 4, None)).outcome is CANCELED


def test_what_the_caller_s_side_says_before_its_end_says_nothing_of_the_connection() -> None:
    assert after(CONNECTED, (CALLER, RINGING, 1, None), (CALLER, ANSWERED, 2, None)) == CONNECTED


def test_a_call_that_was_hung_up_on_stays_so() -> None:
    for side in Side:
        for kind in (COMPLETED, CANCELED, FAILED):
            assert after(HUNG_UP_ON, (side, kind, 5, 5, Cause.NETWORK_FAILURE)) == HUNG_UP_ON


def test_the_first_end_of_the_called_side_stands() -> None:
    for first in (COMPLETED, BUSY, NO_ANSWER, FAILED):
        record = after(CONNECTED, (CALLED, first, 5, 1))
        for second in (COMPLETED, BUSY, NO_ANSWER, FAILED, CANCELED):
            assert after(record, (CALLED, second, 9, 9)) == record
            if first is not COMPLETED:
                assert after(record, (CALLED, second, 9, 9, Cause.CONGESTION)) == record


def test_a_report_says_whether_it_was_the_end(shop: Shop) -> None:
    shop.leg("+886987654321", X, call="c")

    def told(kind: Outcome, side: Side = CALLED) -> Noted | None:
        return report_call(CallReport("pbx_1", "c", X, kind, side=side), shop.ports)

    assert told(ANSWERED, CALLER) == Noted(ASKING, ended=False)
    assert told(COMPLETED, CALLER) == Noted(CANCELED, ended=True)
    assert told(COMPLETED, CALLER) == Noted(CANCELED, ended=False)
    assert report_call(CallReport("pbx_2", "c", X, COMPLETED), shop.ports) is None
