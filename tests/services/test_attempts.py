"""What a call leaves behind: its phases, its end, and the group of redials that it belongs to."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from flask import Flask

from maskservice.domain.call import Outcome
from maskservice.domain.causes import Cause, EndedBy
from maskservice.domain.ids import AttemptGroupId
from maskservice.services import call_records
from maskservice.services.call_filter import CallFilter
from maskservice.services.records import CallRecord
from maskservice.storage.db import Database
from tests.counting import count_statements
from tests.services.conftest import Shop, X, number

COURIER, OTHER, RECIPIENT = "+886987654321", "+886911222333", "+886912345678"


def calls(shop: Shop, **named: object) -> list[CallRecord]:
    """Oldest first."""
    which = CallFilter(**named)  # type: ignore[arg-type]
    return list(call_records.list_calls(shop.tenant, limit=500, before=None, which=which, ports=shop.ports).rows)[::-1]


def unbound(shop: Shop) -> list[CallRecord]:
    return list(call_records.list_calls(None, limit=500, before=None, ports=shop.ports).rows)[::-1]


def groups(records: list[CallRecord]) -> list[int]:
    """The group of each as the place of the first that is in it."""
    found = [each.attempt_group for each in records]
    assert None not in found
    return [found.index(each) for each in found]


# -- phases and ends ----------------------------------------------------------------------------------------------


def test_the_phases_of_a_call_that_was_asked_twice(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    start = shop.clock.now()
    shop.leg(COURIER, X, call="c")
    shop.clock.move(seconds=8)
    shop.leg(COURIER, X, call="c")  # nothing keyed
    shop.clock.move(seconds=5)
    shop.leg(COURIER, X, "0", call="c")
    keyed = shop.clock.now()
    shop.clock.move(seconds=5)
    shop.leg(COURIER, X, extension, call="c")
    (record,) = calls(shop)
    assert (record.asked_at, record.keyed_at, record.connected_at) == (start, keyed, shop.clock.now())
    assert (record.outcome, record.cause, record.ended_by) == (Outcome.CONNECTING, None, None)


def test_what_is_dialled_with_the_number_counts_as_keyed_and_nothing_was_asked(shop: Shop) -> None:
    shop.leg(COURIER, f"0900000000#{shop.bind().masked_number.extension}")
    (record,) = calls(shop)
    assert (record.asked_at, record.keyed_at) == (None, record.connected_at)


def test_a_call_back_is_neither_asked_nor_keyed(shop: Shop) -> None:
    shop.reach(COURIER, shop.bind().masked_number.extension)
    shop.clock.move(minutes=5)
    assert number(shop.leg(RECIPIENT, X).answer) == COURIER
    back = calls(shop)[-1]
    assert (back.asked_at, back.keyed_at, back.party) == (None, None, "courier")


def test_a_refusal_is_ours(shop: Shop) -> None:
    for digits in (None, "0", "0", "0"):
        shop.leg(COURIER, X, digits, call="c")
    (record,) = unbound(shop)
    assert (record.outcome, record.cause, record.ended_by) == (Outcome.UNAVAILABLE, Cause.REFUSED, EndedBy.SERVICE)
    assert record.ended_at == shop.clock.now()


# -- groups -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_dial_string", [True, False])
@pytest.mark.parametrize("caller", [COURIER, None])
def test_redials_to_the_recipient_are_one_group(shop: Shop, in_dial_string: bool, caller: str | None) -> None:
    extension = shop.bind().masked_number.extension
    for seconds in (0, 30, 30, 31):
        shop.clock.move(seconds=seconds)
        if in_dial_string:
            shop.leg(caller, f"0900000000#{extension}")
        else:
            shop.reach(caller, extension)
    assert groups(calls(shop)) == [0, 0, 0, 3]


def test_redials_to_the_courier_are_one_group_and_not_the_courier_s(shop: Shop) -> None:
    shop.reach(COURIER, shop.bind().masked_number.extension)
    for seconds in (10, 10, 60):
        shop.clock.move(seconds=seconds)
        assert number(shop.leg(RECIPIENT, X).answer) == COURIER
    assert groups(calls(shop)) == [0, 1, 1, 3]


def test_another_caller_and_another_binding_are_other_groups(shop: Shop) -> None:
    first, second = shop.bind("A-1"), shop.bind("A-2", phone="0933444555")
    for caller, view in ((COURIER, first), (OTHER, first), (COURIER, second), (COURIER, first)):
        shop.clock.move(seconds=5)
        shop.reach(caller, view.masked_number.extension)
    assert groups(calls(shop)) == [0, 1, 2, 0]


def test_withheld_callers_of_two_pbxs_are_two(shop: Shop) -> None:
    dialled = f"0900000000#{shop.bind().masked_number.extension}"
    for pbx in ("pbx_1", "pbx_2", "pbx_1"):
        shop.clock.move(seconds=1)
        shop.leg(None, dialled, pbx=pbx)
    assert groups(calls(shop)) == [0, 1, 0]


def test_attempts_that_meet_nothing_go_by_the_number_and_never_with_those_that_do(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    shop.leg(COURIER, X, call="asked")
    shop.clock.move(seconds=2)
    shop.leg(COURIER, X, "0", call="wrong")
    shop.clock.move(seconds=2)
    shop.leg(OTHER, X, call="other")
    shop.clock.move(seconds=2)
    shop.leg(COURIER, X, extension, call="asked")
    assert groups([*unbound(shop), *calls(shop)]) == [0, 1, 2]
    shop.clock.move(seconds=2)
    shop.leg(COURIER, X, "1", call="wrong again")
    assert groups(unbound(shop)) == [0, 1, 0]


def test_a_group_is_asked_for_by_its_id(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    for seconds in (0, 10, 60):
        shop.clock.move(seconds=seconds)
        shop.reach(COURIER, extension)
    first, second, third = calls(shop)
    assert first.attempt_group is not None
    group = AttemptGroupId(X, first.attempt_group)
    assert calls(shop, group=AttemptGroupId.parse(str(group))) == [first, second]
    assert calls(shop, group=AttemptGroupId(X, third.attempt_group or UUID(int=0))) == [third]


def test_who_keys_at_once_on_many_lines_is_one_group(shop: Shop, database_app: tuple[Flask, Database]) -> None:
    """The guard holds the caller while his leg is decided, so the second of two sees the first one's record."""
    app, _ = database_app
    dialled = f"0900000000#{shop.bind().masked_number.extension}"
    gate = threading.Barrier(12)

    def dial(place: int) -> None:
        with app.app_context():
            gate.wait(10)
            shop.leg(COURIER, dialled, call=f"r-{place}", webhook=f"r-{place}")

    threads = [threading.Thread(target=dial, args=(place,)) for place in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    made = calls(shop)
    assert len(made) == 12
    assert groups(made) == [0] * 12


def test_the_group_costs_no_statement(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    shop.reach(COURIER, extension)
    for _ in range(2):
        with count_statements(shop.database) as sent:
            shop.leg(COURIER, f"0900000000#{extension}")
        # Its own write alone looks for the calls nearby.
        assert ["INSERT INTO calls " in each for each in sent if "FROM calls AS near" in each] == [True]
        assert [each for each in sent if "INSERT INTO calls " in each or "UPDATE calls " in each] == [
            each for each in sent if "attempt_group" in each
        ]
    with count_statements(shop.database) as sent:
        shop.leg(COURIER, X, call="c")
        shop.leg(COURIER, X, extension, call="c")
    written = [each for each in sent if "attempt_group" in each]
    assert ["UPDATE calls " in each for each in written] == [False, True]


# -- the export ---------------------------------------------------------------------------------------------------


def test_an_export_is_the_list_page_after_page_each_in_a_unit_of_its_own(shop: Shop) -> None:
    extension = shop.bind().masked_number.extension
    for _ in range(7):
        shop.clock.move(seconds=1)
        shop.leg(COURIER, f"0900000000#{extension}")
    shop.leg(OTHER, X)
    listed = calls(shop)[::-1]
    with count_statements(shop.database) as sent:
        pages = list(call_records.export_calls(shop.tenant, ports=shop.ports, page=3))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each for page in pages for each in page] == listed
    assert len(sent) == 3
    pages = call_records.export_calls(shop.tenant, ports=shop.ports, page=3)
    next(pages)
    # Between two pages no unit is open: a call goes on, and is not in what began before it.
    shop.clock.move(seconds=1)
    shop.leg(COURIER, f"0900000000#{extension}")
    assert [each for page in pages for each in page] == listed[3:]
    assert list(call_records.export_calls(shop.another("別家"), ports=shop.ports)) == [[]]
    assert [[each.caller_tail for each in page] for page in call_records.export_calls(None, ports=shop.ports)] == [
        ["333"]
    ]
