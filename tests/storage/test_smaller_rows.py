"""Migration 0010: every row is there afterwards, under its key, and back; what is none of our ids is left as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from maskservice.domain.binding import Status
from maskservice.domain.guard import CallerState
from maskservice.domain.ids import plain_id
from maskservice.services.records import Scope
from maskservice.storage.db import Database
from maskservice.storage.schema import current_revision, downgrade, is_current, migrate
from tests.factories import (
    NOW,
    NUMBER,
    ApiKeyFactory,
    CallRecordFactory,
    IdempotencyClaimFactory,
    PoolFactory,
    ReceiptFactory,
    TenantFactory,
    key,
)
from tests.storage.conftest import World, build_world, plain_only

Opened = tuple[Flask, Database]


@pytest.fixture
def filled(database_app: Opened) -> tuple[Flask, Database, World]:
    app, database = database_app
    with app.app_context(), database.unit() as uow:
        world = build_world(uow)
        other = TenantFactory()
        uow.tenants.add(other)
        uow.pools.add(PoolFactory(tenant_ids=frozenset({other.id})))
        uow.api_keys.add(ApiKeyFactory(tenant_id=other.id, scopes=frozenset(Scope)))
        # An order that had two bindings before its present one, and one that has none at present.
        for place in range(3):
            world.bind(uow, current=place == 2, binding__order_id="again", waybill="W")
        world.bind(uow, current=False, binding__order_id="over")
        uow.calls.add(CallRecordFactory(pool_id=world.pool.id, tenant_id=world.tenant.id))
        uow.calls.add(CallRecordFactory(pool_id=world.pool.id, tenant_id=None))
        uow.receipts.add(ReceiptFactory(tenant_id=world.tenant.id))
        uow.idempotency.claim(IdempotencyClaimFactory(tenant_id=world.tenant.id))
        uow.guard.hold(world.pool.id, b"caller", at=NOW)
        uow.guard.save(world.pool.id, b"caller", CallerState(wrong=(NOW,)))
        uow.commit()
    return app, database, world


def told(database: Database, world: World) -> list[object]:
    """What the repositories say of all of it."""
    mine = world.tenant.id
    with database.unit(write=False) as uow:
        pages = [uow.bindings.page(mine, now=NOW, limit=9, before=None, order_id=each) for each in ("again", "over")]
        return [
            uow.tenants.all(),
            uow.pools.all(),
            [uow.api_keys.of_tenant(each.id) for each in uow.tenants.all()],
            pages,
            [uow.orders.current(mine, each) for each in ("again", "over")],
            [uow.orders.place_of(mine, each.binding.order_id, each.binding.id.key) for page in pages for each in page],
            uow.orders.by_waybill(mine, "W"),
            uow.calls.page(mine, limit=9, before=None),
            uow.calls.page(None, limit=9, before=None),
            uow.numbers.of_pool(world.pool.id),
        ]


@plain_only
def test_all_rows_go_there_and_back(filled: tuple[Flask, Database, World]) -> None:
    app, database, world = filled
    with app.app_context():
        before = told(database, world)
        downgrade(database, to="0009")
        with database.engine.connect() as connection:
            kept = connection.execute(text("SELECT DISTINCT tenant_id, pool_id FROM bindings")).all()
            counts = connection.execute(text("SELECT is_current, count(*) FROM order_index GROUP BY 1")).all()
        assert [tuple(row) for row in kept] == [(world.tenant.id, world.pool.id)]
        assert {bool(current): count for current, count in counts} == {True: 1, False: 3}
        migrate(database)
        assert is_current(database)
        assert told(database, world) == before
        with database.unit() as uow:
            assert uow.guard.hold(world.pool.id, b"caller", at=NOW + timedelta(1)).wrong
            assert uow.idempotency.claim(IdempotencyClaimFactory(tenant_id=world.tenant.id)) is None
            assert not uow.orders.claim(world.tenant.id, "again", binding=before[4][0], waybill=None)  # type: ignore[index]
            assert world.bind(uow, binding__order_id="new").binding.status is Status.ACTIVE


@plain_only
def test_an_order_has_one_current_binding_after_the_migration_too(filled: tuple[Flask, Database, World]) -> None:
    _, database, _ = filled
    downgrade(database, to="0009")
    migrate(database)
    second = "UPDATE order_index SET former = '' WHERE order_id = 'again'"
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"), database.engine.begin() as connection:
        connection.exec_driver_sql(second)
    with pytest.raises(Exception, match="ck_order_index_former"), database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE order_index SET former = 'x' WHERE order_id = 'over'")


def test_an_id_that_is_none_of_ours_stops_it_before_anything_is_changed(postgres_database: Opened) -> None:
    _, database = postgres_database
    downgrade(database, to="0009")
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO guard_callers (pool_id, caller, seen_at, blocks, reached, reached_day) "
            "VALUES ('mine', 'x', now(), 0, 0, '')"
        )
    with pytest.raises(ValueError, match="none of this service's"):
        migrate(database)
    assert current_revision(database) == "0009"
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT pool_id FROM guard_callers")).scalars().all() == ["mine"]


def test_ids_of_one_key_and_two_prefixes_stay_apart(postgres_database: Opened) -> None:
    app, database = postgres_database
    with app.app_context():
        with database.unit() as uow:
            tenant, pool = TenantFactory(id=plain_id("ten", key(7))), PoolFactory(id=plain_id("pool", key(7)))
            uow.tenants.add(tenant)
            uow.pools.add(pool)
            uow.numbers.add(NUMBER, pool_id=pool.id, mark=b"m", spread=0, at=NOW)
            uow.commit()
        downgrade(database, to="0009")
        migrate(database)
        with database.unit(write=False) as uow:
            assert [each.id for each in uow.tenants.all()] == [tenant.id]
            assert uow.numbers.of_pool(pool.id) == [(NUMBER, 0)]
