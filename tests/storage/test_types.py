"""Ids of tenants and pools: sixteen bytes on PostgreSQL, texts on SQLite, the same to whoever asks."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from maskservice.domain.errors import MaskServiceError
from maskservice.domain.ids import plain_id, read_plain_id
from maskservice.storage.db import Database
from maskservice.storage.types import TENANT_ID
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.databases import opened
from tests.factories import BindingIdFactory, PoolFactory, TenantFactory, key, tenant_id
from tests.storage.conftest import World

NONE_OF_OURS = [
    "",
    "ten_",
    "ten_1",
    "店",
    "ten_" + "z" * 26,
    plain_id("ten", key(1)).upper(),
    plain_id("ten", key(1)) + " ",
    plain_id("pool", key(1)),
    str(key(1)),
    "ten_" + "v" * 26,  # the last digit has two bits that nothing stands for
    "x" * 10_000,
]


def test_ids_take_sixteen_bytes_where_the_database_can(database: Database, world: World, uow: SqlUnitOfWork) -> None:
    uow.commit()
    with database.engine.connect() as connection:
        stored = connection.execute(text("SELECT id FROM tenants")).scalar_one()
    assert str(stored) == (world.tenant.id if database.is_sqlite else str(read_plain_id("ten", world.tenant.id)))


@pytest.mark.parametrize("given", NONE_OF_OURS)
def test_a_text_that_is_no_id_finds_nothing_and_is_no_error(uow: SqlUnitOfWork, world: World, given: str) -> None:
    world.bind(uow, waybill="W")
    assert uow.tenants.get(given) is None
    assert uow.api_keys.of_tenant(given) == []
    assert uow.orders.current(given, "o") is None
    assert uow.orders.by_waybill(given, "W") == []
    assert uow.numbers.offer(tenant_id=given, pool_name=world.pool.name, phone_mark=None, spread=0) is None
    assert uow.numbers.of_pool(given) == []


def test_a_text_that_is_no_id_is_stored_nowhere(postgres_url: str) -> None:
    with opened(postgres_url) as database:
        for wrong in ("ten_1", plain_id("pool", key(1))):
            with database.unit() as uow, pytest.raises(MaskServiceError, match="refused"):
                uow.orders.claim(wrong, "o", binding=BindingIdFactory(), waybill=None)
        with database.unit() as uow, pytest.raises(MaskServiceError, match="refused"):
            uow.pools.add(PoolFactory(id=tenant_id(1)))
        with database.unit() as uow, pytest.raises(MaskServiceError, match="refused"):
            uow.tenants.add(TenantFactory(id="ten_1"))


def test_what_a_list_holds_is_what_the_column_holds() -> None:
    assert TENANT_ID.written(tenant_id(1), "sqlite") == tenant_id(1)
    assert TENANT_ID.written(tenant_id(1), "postgresql") == key(500_001).hex
    assert TENANT_ID.written("ten_1", "postgresql") is None
