"""Passes on both databases: the newest of a caller on a number, found by the one read of a bare call, forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest

from maskservice.domain.binding import Status
from maskservice.services.records import BareFindings, Met, Who
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, SealedContactFactory, tenant_id
from tests.storage.conftest import World, build_world

MARK, SECOND = b"caller-mark", timedelta(seconds=1)


def passed(uow: SqlUnitOfWork, mark: bytes = MARK, *, number: str = NUMBER, tenant_id: str | None = None) -> Met | None:
    found = uow.calls.line_and_recipient(number, Who(mark), now=NOW, tenant_id=tenant_id)
    assert isinstance(found, BareFindings)
    return found.passed


def test_a_pass_is_found_with_its_binding_in_the_one_statement(
    uow: SqlUnitOfWork, database: Database, world: World
) -> None:
    stored = world.bind(uow)
    own = world.bind(uow, content__phone_mark=MARK)
    contact = SealedContactFactory(binding_id=stored.binding.id)
    uow.contacts.remember(contact)
    uow.passes.give(stored.binding.id, MARK, expires_at=NOW + SECOND)
    with count_statements(database) as sent:
        found = uow.calls.line_and_recipient(NUMBER, Who(MARK), now=NOW)
    assert len(sent) == 1
    assert found is not None
    assert found.passed == Met(stored, world.tenant, contact)
    assert found.own == [Met(own, world.tenant, None)]


@pytest.mark.parametrize(("left", "counts"), [(timedelta(microseconds=1), True), (timedelta(0), False)])
def test_a_pass_lasts_until_its_moment(uow: SqlUnitOfWork, world: World, left: timedelta, counts: bool) -> None:
    stored = world.bind(uow)
    uow.passes.give(stored.binding.id, MARK, expires_at=NOW + left)
    assert (passed(uow) is not None) is counts


def test_a_pass_is_one_callers_on_one_number(uow: SqlUnitOfWork) -> None:
    world = build_world(uow, numbers=2)
    uow.passes.give(world.bind(uow).binding.id, MARK, expires_at=NOW + SECOND)
    other = f"+{int(NUMBER) + 1}"
    assert passed(uow, b"somebody-else") is None
    assert passed(uow, number=other) is None
    assert uow.calls.line_and_recipient(NUMBER, Who(None), now=NOW) is not None


def test_a_newer_tap_replaces_the_older_also_where_it_ends_earlier(uow: SqlUnitOfWork, world: World) -> None:
    first, second = world.bind(uow), world.bind(uow)
    uow.passes.give(first.binding.id, MARK, expires_at=NOW + 9 * SECOND)
    uow.passes.give(second.binding.id, MARK, expires_at=NOW + SECOND)
    found = passed(uow)
    assert found is not None
    assert found.stored == second


def test_the_rules_are_told_of_a_dead_binding_too(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow, binding__released=True)
    uow.passes.give(stored.binding.id, MARK, expires_at=NOW + SECOND)
    found = passed(uow)
    assert found is not None
    assert found.stored.binding.status is Status.RELEASED


def test_a_tenant_sees_its_own_passes_only(uow: SqlUnitOfWork, world: World) -> None:
    uow.passes.give(world.bind(uow).binding.id, MARK, expires_at=NOW + SECOND)
    theirs = world.bind(uow, binding__tenant_id=tenant_id(2))
    assert passed(uow, tenant_id=world.tenant.id) is not None
    uow.passes.give(theirs.binding.id, MARK, expires_at=NOW + SECOND)
    assert passed(uow, tenant_id=world.tenant.id) is None


def test_a_pass_is_told_by_mark_and_binding(uow: SqlUnitOfWork, world: World) -> None:
    mine, other = world.bind(uow).binding.id, world.bind(uow).binding.id
    uow.passes.give(mine, MARK, expires_at=NOW + SECOND)
    assert uow.passes.until(mine, MARK) == NOW + SECOND
    assert uow.passes.until(other, MARK) is None
    assert uow.passes.until(mine, b"somebody-else") is None


def test_a_pass_is_withdrawn_by_mark_and_binding(uow: SqlUnitOfWork, world: World) -> None:
    mine, other = world.bind(uow).binding.id, world.bind(uow).binding.id
    uow.passes.give(mine, MARK, expires_at=NOW + SECOND)
    uow.passes.withdraw(other, MARK)
    uow.passes.withdraw(mine, b"somebody-else")
    assert passed(uow) is not None
    uow.passes.withdraw(mine, MARK)
    assert passed(uow) is None


def test_expired_passes_are_forgotten_oldest_first_and_bounded(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow)
    for place in range(4):
        uow.passes.give(stored.binding.id, b"mark-%d" % place, expires_at=NOW + place * SECOND)
    assert uow.passes.forget(older_than=NOW + 3 * SECOND, limit=2) == 2
    assert passed(uow, b"mark-2") is not None
    assert uow.passes.forget(older_than=NOW + 3 * SECOND, limit=2) == 1
    assert uow.passes.forget(older_than=NOW + 3 * SECOND, limit=2) == 0
    assert passed(uow, b"mark-3") is not None
