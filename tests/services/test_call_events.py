"""What a report does to a call's record: which side it is about, which end stands, in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from maskservice.domain.call import Direction, Outcome
from maskservice.domain.ids import CallId
from maskservice.services.call_events import CallReport, Noted, Side, noted, report_call
from maskservice.services.records import CallRecord
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
CONNECTED = CallRecord(
    id=CallId(X, UUID(int=1)),
    pbx_id="pbx_1",
    pbx_call_id="c",
    pool_id="pool_1",
    outcome=Outcome.CONNECTING,
    trace=(),
    direction=Direction.TO_RECIPIENT,
    connected_at=START,
)
BEING_ASKED = replace(CONNECTED, outcome=ASKING, connected_at=None)
HUNG_UP_ON = replace(BEING_ASKED, outcome=UNAVAILABLE, ended_at=START)

# What happened, and when: seconds after the connect.
Happened = tuple[Side, Outcome, int, int | None]


def after(record: CallRecord, *reports: Happened) -> CallRecord:
    for side, kind, seconds, duration in reports:
        at = START + timedelta(seconds=seconds)
        record = noted(record, CallReport("pbx_1", "c", X, kind, at, duration, side), at=at)
    return record


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
        assert after(record, (CALLED, COMPLETED, 4, 9)).outcome is CANCELED
        assert after(record, (CALLED, ANSWERED, 4, None)).outcome is CANCELED


def test_what_the_caller_s_side_says_before_its_end_says_nothing_of_the_connection() -> None:
    assert after(CONNECTED, (CALLER, RINGING, 1, None), (CALLER, ANSWERED, 2, None)) == CONNECTED


def test_a_call_that_was_hung_up_on_stays_so() -> None:
    for side in Side:
        assert after(HUNG_UP_ON, (side, COMPLETED, 5, 5)) == HUNG_UP_ON


def test_the_first_end_of_the_called_side_stands() -> None:
    for first in (COMPLETED, BUSY, NO_ANSWER, FAILED):
        record = after(CONNECTED, (CALLED, first, 5, 1))
        for second in (COMPLETED, BUSY, NO_ANSWER, FAILED, CANCELED):
            assert after(record, (CALLED, second, 9, 9)) == record


def test_a_report_says_whether_it_was_the_end(shop: Shop) -> None:
    shop.leg("+886987654321", X, call="c")

    def told(kind: Outcome, side: Side = CALLED) -> Noted | None:
        return report_call(CallReport("pbx_1", "c", X, kind, side=side), shop.ports)

    assert told(ANSWERED, CALLER) == Noted(ASKING, ended=False)
    assert told(COMPLETED, CALLER) == Noted(CANCELED, ended=True)
    assert told(COMPLETED, CALLER) == Noted(CANCELED, ended=False)
    assert report_call(CallReport("pbx_2", "c", X, COMPLETED), shop.ports) is None
