"""Odd callers, odd digits, odd orders of events: each has a defined, audible and recorded outcome."""

from __future__ import annotations

import pytest

from maskservice.domain.call import Answer, Bridge, Gather, Hangup, Outcome
from maskservice.domain.prompts import PromptId
from maskservice.services.call_events import CallReport, report_call
from maskservice.services.call_records import list_calls
from maskservice.services.records import CallRecord
from tests.services.conftest import Shop, X, number

COURIER, RECIPIENT = "+886987654321", "+886912345678"


def recorded(shop: Shop) -> list[CallRecord]:
    """Everything that the operator sees, attempts that met no binding too."""
    found = [
        *list_calls(shop.tenant, limit=50, before=None, ports=shop.ports).rows,
        *list_calls(None, limit=50, before=None, ports=shop.ports).rows,
    ]
    return sorted(found, key=lambda record: record.id.key)


def audible(answer: Answer) -> bool:
    return isinstance(answer, Bridge) or (answer.prompt is not None and bool(answer.prompt.text))


@pytest.mark.parametrize(
    ("caller", "tail", "remembered"),
    [
        (None, None, False),
        ("anonymous", None, False),
        ("Restricted", None, False),
        ("alice", None, False),
        ("", None, False),
        ("+", None, False),
        ("0" * 40, None, False),
        ("+12025550123", "123", False),
        ("+8613800138000", "000", False),
        (X, "000", False),
        (COURIER, "321", True),
        ("0987-654-321", "321", True),
    ],
    ids=str,
)
def test_a_right_extension_connects_whoever_shows_whatever_and_only_a_number_that_may_be_rung_is_rung_back(
    shop: Shop, caller: str | None, tail: str | None, remembered: bool
) -> None:
    extension = shop.bind().masked_number.extension
    assert number(shop.leg(caller, X, extension).answer) == RECIPIENT
    record = recorded(shop)[-1]
    assert (record.outcome, record.caller_tail) == (Outcome.CONNECTING, tail)
    back = shop.leg(RECIPIENT, X).answer
    assert number(back) == (COURIER if remembered else None)
    assert audible(back)


def test_the_recipient_s_own_number_reaches_the_last_courier_and_never_himself(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    assert isinstance(shop.leg(RECIPIENT, X, extension).answer, Hangup)
    shop.leg(COURIER, X, extension)
    assert number(shop.leg(RECIPIENT, X, extension).answer) == COURIER


@pytest.mark.parametrize(
    "digits",
    ["*", "**", "*#", "#", "##", "*5678", "5678*", "5678**1234", "*1*2*3", "abcd", "56a8", "٥٦٧٨", "５６７８x",
     "1" * 40, "*" * 40, "-1", " ", "\u0000", "5678#1234", "'; DROP TABLE calls; --"],
)  # fmt: skip
def test_odd_digits_are_answered_aloud_and_recorded(shop: Shop, digits: str) -> None:
    shop.bind()
    shop.leg(COURIER, X, call="c")
    for _ in range(4):
        answer = shop.leg(COURIER, X, digits, call="c").answer
        assert audible(answer)
        assert not isinstance(answer, Bridge)
    records = [record for record in recorded(shop) if record.pbx_call_id == "c"]
    assert len(records) == 1
    assert records[0].outcome in (Outcome.UNAVAILABLE, Outcome.ASKING)


def test_one_call_id_from_two_pbxs_is_two_calls(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    for pbx in ("pbx_1", "pbx_2"):
        asked = shop.leg(COURIER, X, call="same", webhook="same", pbx=pbx).answer
        assert isinstance(asked, Gather)
        assert asked.prompt.id is PromptId.ENTER_EXTENSION
    assert number(shop.leg(COURIER, X, extension, call="same", pbx="pbx_2").answer) == RECIPIENT
    assert report_call(CallReport("pbx_2", "same", X, Outcome.COMPLETED), shop.ports) is not None
    ends = {(record.pbx_id, record.outcome) for record in recorded(shop)}
    assert ends == {("pbx_1", Outcome.ASKING), ("pbx_2", Outcome.COMPLETED)}


def test_a_status_before_its_call_changes_nothing_and_the_call_goes_on_as_ever(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    for kind in (Outcome.COMPLETED, Outcome.RINGING, Outcome.FAILED):
        assert report_call(CallReport("pbx_1", "early", X, kind), shop.ports) is None
    assert number(shop.leg(COURIER, X, extension, call="early").answer) == RECIPIENT
    assert [record.outcome for record in recorded(shop)] == [Outcome.CONNECTING]
