"""What is next when a bridge has ended: the care line for a recipient whose courier is not reached, and the end."""

from __future__ import annotations

import pytest

from maskservice.domain.call import BridgeEnd, Hangup, Outcome
from maskservice.domain.causes import Cause
from maskservice.services import call_records
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.calls import neutral
from maskservice.services.records import CallRecord
from maskservice.services.tenants import change_tenant
from maskservice.services.views import BindingView
from tests.services.conftest import Shop, X, number

COURIER, RECIPIENT, CARE_LINE = "+886987654321", "+886912345678", "+886223456789"


def recorded(shop: Shop, call: str) -> CallRecord:
    rows = call_records.list_calls(shop.tenant, limit=50, before=None, ports=shop.ports).rows
    return next(row for row in rows if row.pbx_call_id == call)


def report(shop: Shop, kind: Outcome, *, call: str, **more: int) -> None:
    report_call(CallReport("pbx_1", call, X, kind, **more), shop.ports)


def with_care_line(shop: Shop) -> None:
    change_tenant("示範商店", care_line="02-2345-6789", ports=shop.ports)


def called_back(shop: Shop) -> BindingView:
    """The recipient rings his courier, in the call ``back``."""
    view = shop.bind()
    assert number(shop.reach(COURIER, view.masked_number.extension)) == RECIPIENT
    assert number(shop.leg(RECIPIENT, X, call="back").answer) == COURIER
    return view


@pytest.mark.parametrize("end", [Outcome.NO_ANSWER, Outcome.BUSY, Outcome.FAILED])
def test_a_courier_who_is_not_reached_leads_to_the_care_line_within_the_call(shop: Shop, end: Outcome) -> None:
    with_care_line(shop)
    called_back(shop)
    routed = shop.leg(RECIPIENT, X, call="back", bridge_ended=BridgeEnd(end))
    assert number(routed.answer) == CARE_LINE
    assert routed.ended is None
    record = recorded(shop, "back")
    assert (record.outcome, record.party, record.ended_at, record.cause) == (
        Outcome.CONNECTING, "care_line", None, None,
    )  # fmt: skip
    # The report of the courier's side comes late; then the care line is reached, and the talk ends.
    report(shop, end, call="back")
    report(shop, Outcome.COMPLETED, call="back", duration_s=30)
    record = recorded(shop, "back")
    assert (record.outcome, record.duration_s, record.ended_by) == (Outcome.COMPLETED, 30, record.ended_by)
    steps = [(step.step, step.found) for step in record.trace]
    assert steps[-2:] == [("courier", str(end)), ("contact", "care_line")]


def test_after_the_care_line_there_is_nobody_and_without_one_there_is_the_neutral_sentence(shop: Shop) -> None:
    called_back(shop)
    routed = shop.leg(RECIPIENT, X, call="back", bridge_ended=BridgeEnd(Outcome.NO_ANSWER))
    assert routed.answer == neutral()
    assert routed.ended == BridgeEnd(Outcome.NO_ANSWER)
    assert recorded(shop, "back").outcome is Outcome.NO_ANSWER
    with_care_line(shop)
    assert number(shop.leg(RECIPIENT, X, call="third").answer) == COURIER
    missed = BridgeEnd(Outcome.BUSY)
    assert number(shop.leg(RECIPIENT, X, call="third", bridge_ended=missed).answer) == CARE_LINE
    assert shop.leg(RECIPIENT, X, call="third", bridge_ended=missed).answer == neutral()


def test_a_recipient_who_is_not_reached_leads_nowhere(shop: Shop) -> None:
    with_care_line(shop)
    view = shop.bind()
    shop.leg(COURIER, f"{X}#{view.masked_number.extension}", call="c")
    routed = shop.leg(COURIER, X, call="c", bridge_ended=BridgeEnd(Outcome.NO_ANSWER))
    assert routed.answer == neutral()


def test_after_a_talk_nothing_is_said_also_not_to_a_retry(shop: Shop) -> None:
    view = shop.bind()
    shop.leg(COURIER, f"{X}#{view.masked_number.extension}", call="c")
    end = BridgeEnd(Outcome.COMPLETED, 42, Cause.NORMAL_CLEARING)
    for replayed in (False, True):
        routed = shop.leg(COURIER, X, call="c", webhook="after", bridge_ended=end)
        assert (routed.answer, routed.replayed) == (Hangup(None), replayed)
    record = recorded(shop, "c")
    assert (record.outcome, record.duration_s, record.cause) == (Outcome.COMPLETED, 42, Cause.NORMAL_CLEARING)


def test_a_binding_that_ended_meanwhile_leads_to_no_care_line(shop: Shop) -> None:
    with_care_line(shop)
    shop.release(called_back(shop))
    routed = shop.leg(RECIPIENT, X, call="back", bridge_ended=BridgeEnd(Outcome.NO_ANSWER))
    assert routed.answer == neutral()


@pytest.mark.parametrize("end", [Outcome.NO_ANSWER, Outcome.COMPLETED])
def test_the_end_of_a_bridge_that_nobody_remembers_connects_nobody(shop: Shop, end: Outcome) -> None:
    called_back(shop)
    routed = shop.leg(RECIPIENT, X, call="unheard of", bridge_ended=BridgeEnd(end))
    assert routed.answer == neutral()
    assert recorded_unbound(shop, "unheard of").outcome is Outcome.UNAVAILABLE


def recorded_unbound(shop: Shop, call: str) -> CallRecord:
    rows = call_records.list_calls(None, limit=50, before=None, ports=shop.ports).rows
    return next(row for row in rows if row.pbx_call_id == call)
