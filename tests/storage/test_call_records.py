"""The records of calls: kept as they were, grouped by redials, read by filter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from maskservice.domain.attempts import REDIAL_WITHIN, group_founded_by
from maskservice.domain.call import Direction, Outcome
from maskservice.domain.causes import Cause, EndedBy
from maskservice.domain.ids import AttemptGroupId, BindingId, CallId, uuid7
from maskservice.services.call_filter import CallFilter
from maskservice.services.records import CallRecord
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, CallRecordFactory, tenant_id
from tests.storage.conftest import World, elsewhere

LATER = NOW + timedelta(days=1)
OTHER_NUMBER = "+886911111111"
ANN, BOB = b"a" * 16, b"b" * 16
ONE, TWO = UUID(int=1), UUID(int=2)


def begun(
    seconds: float, *, caller: bytes = ANN, binding: UUID | None = None, number: str = NUMBER, **more: Any
) -> CallRecord:
    """A call that begins so long after NOW, as a leg hands it to storage."""
    moment = NOW + timedelta(seconds=seconds)
    call_id = CallId(number, uuid7(moment, CallRecordFactory().id.key.bytes))
    founds = group_founded_by(call_id, binding)
    made: CallRecord = CallRecordFactory(id=call_id, caller=caller, binding=binding, attempt_group=founds, **more)
    return made


def group(uow: SqlUnitOfWork, record: CallRecord) -> UUID | None:
    found = uow.calls.get(record.id)
    assert found is not None
    return found.attempt_group


def test_a_record_comes_back_as_it_was_and_takes_what_events_change(uow: SqlUnitOfWork, world: World) -> None:
    record = begun(0, asked_at=NOW, keyed_at=LATER)
    uow.calls.add(record)
    assert uow.calls.get(record.id) == record
    changed = replace(
        record,
        outcome=Outcome.COMPLETED,
        trace=(),
        tenant_id=world.tenant.id,
        binding=elsewhere().key,
        direction=Direction.TO_COURIER,
        party="courier",
        tries_used=2,
        connected_at=NOW,
        ringing_at=NOW,
        answered_at=NOW,
        ended_at=LATER,
        duration_s=86400,
        cause=Cause.NORMAL_CLEARING,
        ended_by=EndedBy.CALLED,
    )
    uow.calls.save(changed)
    assert uow.calls.get(record.id, for_update=True) == changed
    uow.calls.save(replace(changed, caller=BOB, attempt_group=ONE))
    assert uow.calls.get(record.id) == changed, "who called and with which calls it belongs is no event's to change"
    assert uow.calls.get(replace(record.id, virtual_number=OTHER_NUMBER)) is None


def test_a_record_of_the_version_before_comes_back(uow: SqlUnitOfWork) -> None:
    record = CallRecordFactory(caller=None, attempt_group=None)
    uow.calls.add(record)
    assert uow.calls.get(record.id) == record


def test_the_first_asking_and_keying_stay_and_an_ended_call_takes_no_leg(uow: SqlUnitOfWork) -> None:
    record = begun(0, asked_at=NOW)
    uow.calls.add(record)
    second = replace(record, asked_at=LATER, keyed_at=LATER, tries_used=1)
    uow.calls.save_leg(second)
    uow.calls.save_leg(replace(second, keyed_at=LATER + timedelta(1), tries_used=2))
    refused = replace(
        second, outcome=Outcome.UNAVAILABLE, ended_at=LATER, cause=Cause.REFUSED, ended_by=EndedBy.SERVICE, tries_used=3
    )
    uow.calls.save_leg(refused)
    assert uow.calls.get(record.id) == replace(refused, asked_at=NOW, keyed_at=LATER)
    uow.calls.save_leg(replace(refused, outcome=Outcome.CONNECTING, binding=ONE))
    assert uow.calls.get(record.id) == replace(refused, asked_at=NOW, keyed_at=LATER)


@pytest.mark.parametrize(
    ("second", "together"),
    [
        (begun(30), True),
        (begun(0.001), True),
        (begun(30.002), False),
        (begun(10, caller=BOB), False),
        (begun(10, binding=ONE), False),
        (begun(10, number=OTHER_NUMBER), False),
    ],
    ids=["in time", "at once", "too late", "another caller", "a binding was met", "another number"],
)
def test_who_dials_again_soon_belongs_to_the_call_before(
    uow: SqlUnitOfWork, database: Database, second: CallRecord, together: bool
) -> None:
    first = begun(0)
    with count_statements(database) as sent:
        uow.calls.add(first)
        uow.calls.add(second)
    assert len(sent) == 2, "the group costs no statement of its own"
    assert group(uow, first) == first.id.key
    assert (group(uow, second) == first.id.key) is together


def test_a_chain_of_redials_is_one_group_however_long(uow: SqlUnitOfWork) -> None:
    chain = [begun(place * REDIAL_WITHIN.total_seconds(), binding=ONE) for place in range(5)]
    for record in chain:
        uow.calls.add(record)
    assert {group(uow, record) for record in chain} == {chain[0].attempt_group}


def test_the_group_is_found_when_a_later_leg_meets_the_binding(uow: SqlUnitOfWork, database: Database) -> None:
    """Asked, keyed, not answered; the handset dials again, is asked again, keys again."""
    first = begun(0)
    uow.calls.add(first)
    met = replace(first, binding=ONE, attempt_group=group_founded_by(first.id, ONE))
    uow.calls.save_leg(met)
    asked_only = begun(8)
    uow.calls.add(asked_only)
    assert group(uow, asked_only) == asked_only.id.key, "it met nothing so far"
    again = begun(12)
    uow.calls.add(again)
    assert group(uow, again) == asked_only.id.key
    with count_statements(database) as sent:
        uow.calls.save_leg(replace(again, binding=ONE, attempt_group=group_founded_by(again.id, ONE)))
    assert len(sent) == 1
    assert group(uow, again) == group(uow, first) == met.attempt_group
    # Another leg that meets nothing new does not look again.
    uow.calls.add(begun(13, binding=ONE))
    uow.calls.save_leg(replace(again, binding=ONE, attempt_group=TWO, tries_used=1))
    assert group(uow, again) == met.attempt_group


def test_who_joined_before_the_binding_was_met_does_not_follow_it(uow: SqlUnitOfWork) -> None:
    first, second = begun(0), begun(5)
    uow.calls.add(first)
    uow.calls.add(second)
    assert group(uow, second) == first.id.key
    uow.calls.save_leg(replace(first, binding=ONE, attempt_group=group_founded_by(first.id, ONE)))
    assert group(uow, first) != group(uow, second)
    uow.calls.save_leg(replace(second, binding=TWO, attempt_group=group_founded_by(second.id, TWO)))
    assert len({group(uow, first), group(uow, second), first.id.key}) == 3


def test_side_by_side_the_earlier_call_joins_the_later_one_that_met_the_binding_first(uow: SqlUnitOfWork) -> None:
    first, second = begun(0), begun(5, binding=ONE)
    uow.calls.add(first)
    uow.calls.add(second)
    uow.calls.save_leg(replace(first, binding=ONE, attempt_group=group_founded_by(first.id, ONE)))
    assert group(uow, first) == group(uow, second) == second.attempt_group


def test_calls_are_listed_by_tenant_newest_first_and_unbound_ones_apart(uow: SqlUnitOfWork, world: World) -> None:
    binding = BindingId(NUMBER, ONE)
    of_binding = [CallRecordFactory(tenant_id=world.tenant.id, binding=binding.key) for _ in range(3)]
    other = CallRecordFactory(tenant_id=world.tenant.id, binding=TWO)
    nobodys = [CallRecordFactory(), CallRecordFactory(id__virtual_number=OTHER_NUMBER), CallRecordFactory()]
    for record in (*of_binding, other, *nobodys):
        uow.calls.add(record)
    page, mine = uow.calls.page, world.tenant.id
    assert page(mine, limit=10, before=None) == [other, *of_binding[::-1]]
    assert page(mine, limit=2, before=other.id.key) == of_binding[:0:-1]
    assert page(mine, limit=10, before=None, which=CallFilter(binding)) == of_binding[::-1]
    assert page(mine, limit=10, before=of_binding[1].id.key, which=CallFilter(binding)) == of_binding[:1]
    assert page(tenant_id(2), limit=10, before=None, which=CallFilter(binding)) == []
    assert page(None, limit=10, before=None) == nobodys[::-1]
    assert page(None, limit=1, before=nobodys[2].id.key) == [nobodys[1]]
    here = CallFilter(virtual_number=NUMBER)
    assert page(None, limit=10, before=None, which=here) == [nobodys[2], nobodys[0]]
    assert page(None, limit=10, before=nobodys[2].id.key, which=here) == [nobodys[0]]
    assert page(mine, limit=10, before=None, which=here) == [other, *of_binding[::-1]]


def test_each_filter_narrows_and_all_of_them_hold(uow: SqlUnitOfWork, world: World) -> None:
    mine = world.tenant.id
    calls = [
        begun(
            minute * 60,
            binding=ONE,
            tenant_id=mine,
            direction=Direction.TO_RECIPIENT if minute % 2 else Direction.TO_COURIER,
            outcome=Outcome.BUSY if minute % 3 else Outcome.CANCELED,
            cause=Cause.REJECTED if minute % 3 else Cause.CALLER_CANCELED,
        )
        for minute in range(6)
    ]
    for record in calls:
        uow.calls.add(record)

    def found(**named: Any) -> list[int]:
        rows = uow.calls.page(mine, limit=10, before=None, which=CallFilter(**named))
        return [calls.index(row) for row in rows]

    minute = timedelta(minutes=1)
    start = calls[0].id.started_at
    lone = AttemptGroupId(NUMBER, calls[4].attempt_group or ONE)
    for named, expected in (
        ({}, [5, 4, 3, 2, 1, 0]),
        ({"direction": Direction.TO_RECIPIENT}, [5, 3, 1]),
        ({"outcome": Outcome.CANCELED}, [3, 0]),
        ({"cause": Cause.REJECTED}, [5, 4, 2, 1]),
        ({"since": start + 2 * minute}, [5, 4, 3, 2]),
        ({"since": start + 2 * minute + timedelta(microseconds=1)}, [5, 4, 3]),
        ({"until": start + 2 * minute}, [1, 0]),
        ({"until": start + 2 * minute + timedelta(microseconds=1)}, [2, 1, 0]),
        ({"since": start + minute, "until": start + 3 * minute, "virtual_number": NUMBER}, [2, 1]),
        ({"group": lone}, [4]),
        ({"group": lone, "cause": Cause.BUSY}, []),
        ({"group": AttemptGroupId(OTHER_NUMBER, lone.key)}, []),
        ({"group": lone, "binding": BindingId(OTHER_NUMBER, ONE)}, []),
        ({"binding": BindingId(NUMBER, ONE), "direction": Direction.TO_COURIER, "outcome": Outcome.BUSY}, [4, 2]),
        ({"virtual_number": OTHER_NUMBER}, []),
        ({"binding": BindingId(NUMBER, ONE), "virtual_number": OTHER_NUMBER}, []),
    ):
        assert found(**named) == expected, named


def test_callers_are_forgotten_in_time_and_the_records_stay(uow: SqlUnitOfWork) -> None:
    made = [begun(seconds, binding=ONE) for seconds in (0, 10, 20, 30)]
    for record in made:
        uow.calls.add(record)
    kept = [uow.calls.get(record.id) for record in made]
    limit_time = made[3].id.started_at
    assert uow.calls.forget_callers(older_than=limit_time, limit=2) == 2
    assert [found and found.caller for found in map(uow.calls.get, [each.id for each in made])] == [
        None,
        None,
        ANN,
        ANN,
    ]
    assert uow.calls.forget_callers(older_than=limit_time, limit=2) == 1
    assert uow.calls.forget_callers(older_than=limit_time, limit=2) == 0
    left = [uow.calls.get(record.id) for record in made]
    assert left == [*(replace(each, caller=None) for each in kept[:3] if each), kept[3]]
