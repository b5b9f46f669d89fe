"""Ends and purges of many bindings at once do exactly what one at a time would, in a few statements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.binding import Status, expired
from maskservice.services.endings import write_end
from maskservice.services.records import StoredBinding
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, SealedContactFactory, key
from tests.storage.conftest import build_world, slot_of

QUARANTINE = timedelta(days=12, hours=5, microseconds=7)
OTHER = f"+{int(NUMBER) + 1}"


def bound(uow: SqlUnitOfWork, count: int = 4, **facts: object) -> list[StoredBinding]:
    """Bindings on two numbers, dead since NOW and later, each with a contact."""
    world = build_world(uow, policy=PoolPolicy(quarantine=QUARANTINE), numbers=2)
    made = []
    for place in range(count):
        number = (NUMBER, OTHER)[place % 2]
        uow.numbers.take(number, ceiling=1000)
        stored = world.bind(
            uow,
            binding__id__virtual_number=number,
            binding__expires_at=NOW + timedelta(minutes=place, microseconds=place),
            **facts,
        )
        uow.contacts.remember(SealedContactFactory(binding_id=stored.binding.id))
        made.append(stored)
    return made


def snapshot(database: Database, uow: SqlUnitOfWork) -> list[list[tuple[object, ...]]]:
    uow.commit()
    with database.engine.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))]
            for table in ("bindings", "slots", "contacts")
        ]


@pytest.mark.parametrize("facts", [{}, {"binding__locked": True}, {"binding__status": Status.DELIVERED}])
def test_a_batch_of_ends_is_what_each_would_be(database: Database, facts: dict[str, object]) -> None:
    now = NOW + timedelta(hours=1)
    with database.unit() as uow:
        made = [each.binding for each in bound(uow, **facts)]
        before = snapshot(database, uow)
        for each in made:
            write_end(expired(each, now), uow)
        one_by_one = snapshot(database, uow)
        for table, rows in zip(("bindings", "slots", "contacts"), before, strict=True):
            _put_back(table, rows, database)
        assert snapshot(database, uow) == before
        ended = uow.endings.end([expired(each, now) for each in made])
        assert {each.id for each in ended} == {each.id for each in made}
        assert snapshot(database, uow) == one_by_one
        (slot,) = uow.slots.rested(now=made[0].expires_at + QUARANTINE, limit=10)
        assert slot[2] == made[0].id.key  # at rest from the moment of death, to the microsecond


def _put_back(table: str, rows: list[tuple[object, ...]], database: Database) -> None:
    with database.engine.begin() as connection:
        names = list(connection.execute(text(f"SELECT * FROM {table}")).keys())
        connection.execute(text(f"DELETE FROM {table}"))
        marks, quoted = ", ".join(f":{name}" for name in names), ", ".join(f'"{name}"' for name in names)
        for row in rows:
            connection.execute(
                text(f"INSERT INTO {table} ({quoted}) VALUES ({marks})"), dict(zip(names, row, strict=True))
            )


def test_who_ended_a_binding_first_has_ended_it(database: Database) -> None:
    with database.unit() as uow:
        made = [each.binding for each in bound(uow)]
        now = NOW + timedelta(hours=1)
        write_end(expired(made[0], now), uow)
        ended = uow.endings.end([expired(each, now) for each in made])
        assert [each.id for each in ended if each.id == made[0].id] == []
        assert len(ended) == 3
        assert uow.endings.end([expired(each, now) for each in made]) == []
        assert uow.endings.end([]) == []


@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_of_any_size_is_as_many_statements(database: Database, count: int) -> None:
    with database.unit() as uow:
        made = bound(uow, count)
        now = NOW + timedelta(days=60)
        with count_statements(database) as sent:
            uow.endings.end([expired(each.binding, now) for each in made])
        assert len(sent) == 4
        slots = [slot_of(each) for each in made]
        with count_statements(database) as sent:
            assert uow.endings.purge(slots, at=now) == count
            assert uow.endings.free(slots) == count
        assert len(sent) == (7 if database.is_sqlite else 8)
        assert uow.numbers.of_pool(uow.pools.all()[0].id) == [(NUMBER, 0), (OTHER, 0)]


def test_a_slot_that_another_binding_holds_is_left_alone(uow: SqlUnitOfWork) -> None:
    made = bound(uow)
    number, extension, _ = slot_of(made[0])
    assert uow.endings.free([(number, extension, key(1))]) == 0
    assert uow.endings.purge([(number, "9999", made[0].binding.id.key)], at=NOW) == 0  # rekeyed: it lives on
    assert uow.bindings.get(made[0].binding.id) == made[0]
    assert uow.contacts.get(made[0].binding.id) is not None
    assert uow.endings.purge([], at=NOW) == uow.endings.free([]) == 0


def test_purged_bindings_and_their_orders_are_forgotten_past_retention(uow: SqlUnitOfWork, database: Database) -> None:
    made = bound(uow, 5)
    for place, each in enumerate(made[:4]):
        uow.endings.purge([slot_of(each)], at=NOW + timedelta(days=place))
    assert uow.endings.forget(purged_before=NOW + timedelta(days=3), limit=2) == 2
    assert uow.endings.forget(purged_before=NOW + timedelta(days=3), limit=2) == 1
    assert uow.endings.forget(purged_before=NOW + timedelta(days=3), limit=2) == 0
    left = [uow.bindings.get(each.binding.id) is not None for each in made]
    assert left == [False, False, False, True, True]
    places = [uow.orders.current(each.binding.tenant_id, each.binding.order_id) is not None for each in made]
    assert places == left
    uow.commit()
    with database.engine.connect() as connection:  # slots are the pool's business, not retention's
        assert connection.execute(text("SELECT count(*) FROM slots")).scalar() == 5
