"""Calls: the facts for a decision in one statement each, and contacts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.call import Line
from maskservice.services.records import BareFindings, Met, Who
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, SealedContactFactory, TenantFactory
from tests.storage.conftest import World, build_world, elsewhere, slot_of

MARK = b"recipient's mark"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def rival(uow: SqlUnitOfWork, world: World) -> World:
    """Another tenant that uses the same pool."""
    tenant = TenantFactory()
    uow.tenants.add(tenant)
    uow.pools.admit(world.pool.id, [tenant.id])
    return World(tenant, world.pool)


@pytest.fixture
def stranger(uow: SqlUnitOfWork) -> str:
    """The id of a tenant that may use no pool."""
    tenant = TenantFactory()
    uow.tenants.add(tenant)
    return str(tenant.id)


def line(world: World) -> Line:
    return Line(NUMBER, world.pool.id, 4, False)


def test_the_line_says_how_much_is_dialled(uow: SqlUnitOfWork) -> None:
    world = build_world(uow, policy=PoolPolicy(extension_length=6, check_digit=True))
    assert uow.calls.line_and_slot(NUMBER, "0000000") == (Line(NUMBER, world.pool.id, 7, True), None)


def test_a_slot_is_met_with_its_tenant_and_contact_in_one_statement(
    uow: SqlUnitOfWork, database: Database, world: World
) -> None:
    stored = world.bind(uow, binding__extension="5678")
    with count_statements(database) as sent:
        assert uow.calls.line_and_slot(NUMBER, "5678") == (line(world), Met(stored, world.tenant, None))
        assert uow.calls.line_and_slot(NUMBER, "5679") == (line(world), None)
        assert uow.calls.line_and_slot("+886911111111", "5678") is None
    assert len(sent) == 3
    contact = SealedContactFactory(binding_id=stored.binding.id)
    uow.contacts.remember(contact)
    met = Met(stored, world.tenant, contact)
    assert uow.calls.line_and_slot(NUMBER, "5678") == (line(world), met)
    assert uow.calls.line_and_slot(NUMBER, "5678" * 8) == (line(world), None)
    with count_statements(database) as sent:
        assert uow.calls.line_and_binding(stored.binding.id) == (line(world), met)
    assert len(sent) == 1
    assert uow.calls.line_and_binding(replace(stored.binding.id, key=elsewhere().key)) == (line(world), None)
    assert uow.calls.line_and_binding(elsewhere()) is None


def test_a_slot_in_quarantine_still_meets_its_ended_binding(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow, binding__extension="5678", binding__released=True)
    uow.slots.rest(NUMBER, "5678", binding=stored.binding.id.key, until=LATER)
    found = uow.calls.line_and_slot(NUMBER, "5678")
    assert found is not None
    assert found[1] == Met(stored, world.tenant, None)
    uow.endings.purge([slot_of(stored)], at=LATER)
    found = uow.calls.line_and_slot(NUMBER, "5678")
    assert found is not None
    assert found[1] is not None
    assert found[1].stored.content is None


def test_a_tenant_sees_its_own_only(uow: SqlUnitOfWork, world: World, rival: World, stranger: str) -> None:
    stored = world.bind(uow, binding__extension="5678", content__phone_mark=MARK)
    uow.contacts.remember(SealedContactFactory(binding_id=stored.binding.id, mark=b"courier"))
    slot, recipient = uow.calls.line_and_slot, uow.calls.line_and_recipient
    mine = slot(NUMBER, "5678", tenant_id=world.tenant.id)
    assert mine is not None
    assert mine[1] is not None
    assert slot(NUMBER, "5678", tenant_id=rival.tenant.id) == (line(world), None)
    assert slot(NUMBER, "5678", tenant_id=stranger) is None

    for tenant_id, bindings, courier in ((world.tenant.id, 1, True), (rival.tenant.id, 0, False)):
        found = recipient(NUMBER, Who(MARK), now=NOW, tenant_id=tenant_id)
        assert found is not None
        assert len(found.own) == bindings
        found = recipient(NUMBER, Who(b"courier"), now=NOW, tenant_id=tenant_id)
        assert found is not None
        assert (found.own, found.is_courier) == ([], courier)
    assert recipient(NUMBER, Who(MARK), now=NOW, tenant_id=stranger) is None


def test_the_recipient_is_met_by_mark_newest_first_in_one_statement(
    uow: SqlUnitOfWork, database: Database, world: World, rival: World
) -> None:
    first = world.bind(uow, content__phone_mark=MARK)
    second = rival.bind(uow, content__phone_mark=MARK, binding__locked=True)
    late = world.bind(uow, content__phone_mark=MARK, binding__expires_at=NOW - timedelta(days=1))
    world.bind(uow, content__phone_mark=MARK, binding__released=True)
    world.bind(uow)
    contact = SealedContactFactory(binding_id=first.binding.id)
    uow.contacts.remember(contact)
    with count_statements(database) as sent:
        found = uow.calls.line_and_recipient(NUMBER, Who(MARK), now=NOW)
    assert len(sent) == 1
    assert found == BareFindings(
        line(world),
        [Met(late, world.tenant, None), Met(second, rival.tenant, None), Met(first, world.tenant, contact)],
    )
    assert uow.calls.line_and_recipient(NUMBER, Who(None), now=NOW) == BareFindings(line(world), [])
    assert uow.calls.line_and_recipient("+886911111111", Who(MARK), now=NOW) is None


def test_at_most_fifty_bindings_are_met(uow: SqlUnitOfWork, world: World) -> None:
    tapped = world.bind(uow)
    stored = [world.bind(uow, content__phone_mark=MARK) for _ in range(53)]
    uow.passes.give(tapped.binding.id, MARK, expires_at=LATER)
    found = uow.calls.line_and_recipient(NUMBER, Who(MARK), now=NOW)
    assert found is not None
    assert [met.stored.binding.id for met in found.own] == [each.binding.id for each in stored[:2:-1]]
    assert found.passed == Met(tapped, world.tenant, None)


@pytest.mark.parametrize(("age", "courier"), [(timedelta(microseconds=-1), True), (timedelta(0), False)])
def test_a_caller_is_a_courier_while_a_contact_lasts(
    uow: SqlUnitOfWork, world: World, age: timedelta, courier: bool
) -> None:
    stored = world.bind(uow)
    uow.contacts.remember(SealedContactFactory(binding_id=stored.binding.id, mark=b"courier", expires_at=NOW))
    found = uow.calls.line_and_recipient(NUMBER, Who(b"courier"), now=NOW + age)
    assert found is not None
    assert (found.own, found.is_courier) == ([], courier)


def test_the_later_contact_stays(uow: SqlUnitOfWork, world: World) -> None:
    stored = world.bind(uow)
    first = SealedContactFactory(binding_id=stored.binding.id)
    second = SealedContactFactory(binding_id=stored.binding.id, reached_at=NOW + timedelta(seconds=1))
    uow.contacts.remember(first)
    uow.contacts.remember(second)
    uow.contacts.remember(first)
    assert uow.contacts.get(stored.binding.id) == second
    assert uow.contacts.get(elsewhere()) is None
