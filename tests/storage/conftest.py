"""What every test of storage wants: an open unit, and a tenant with a pool and a number in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.ids import BindingId
from maskservice.services.records import Pool, StoredBinding, Tenant
from maskservice.services.worker_repositories import RestedSlot
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.databases import make
from tests.factories import NOW, NUMBER, PoolFactory, StoredBindingFactory, TenantFactory, key

plain_only = pytest.mark.skipif(
    bool(os.environ.get("MASKSERVICE_TEST_ON_CITUS")),
    reason="On a cluster the coordinator explains no shard, and takes no migration back; see docs/scaling.rst.",
)


@pytest.fixture
def uow(database: Database) -> Iterator[SqlUnitOfWork]:
    with database.unit() as unit:
        yield unit


@dataclass(frozen=True)
class World:
    tenant: Tenant
    pool: Pool

    def bind(
        self, uow: SqlUnitOfWork, *, current: bool = True, waybill: str | None = None, **facts: object
    ) -> StoredBinding:
        """A stored binding with its slot and its place in the order index."""
        facts = {
            "binding__tenant_id": self.tenant.id,
            "binding__waybill": waybill,
            **facts,
        }
        stored: StoredBinding = StoredBindingFactory(**facts)
        binding = stored.binding
        number = binding.id.virtual_number
        uow.slots.claim(number, [binding.extension], binding=binding.id.key, at=binding.created_at)
        uow.orders.claim(binding.tenant_id, binding.order_id, binding=binding.id, waybill=waybill)
        if not current:
            uow.orders.retire(binding.tenant_id, binding.order_id, binding=binding.id)
        uow.bindings.add(stored, creation_answer=b"sealed-answer")
        return stored


def build_world(
    uow: SqlUnitOfWork, *, policy: PoolPolicy | None = None, numbers: int = 1, name: str = "default"
) -> World:
    """A tenant, a pool that it may use, and numbers from NUMBER on."""
    tenant = TenantFactory()
    pool = PoolFactory(name=name, policy=policy or PoolPolicy(), tenant_ids=frozenset({tenant.id}))
    uow.tenants.add(tenant)
    uow.pools.add(pool)
    for place in range(numbers):
        number = f"+{int(NUMBER) + place}"
        assert uow.numbers.add(number, pool_id=pool.id, mark=number.encode(), spread=place * 1000, at=NOW)
    return World(tenant, pool)


@pytest.fixture
def world(uow: SqlUnitOfWork) -> World:
    return build_world(uow)


def slot_of(stored: StoredBinding) -> RestedSlot:
    """The slot that the binding holds."""
    binding = stored.binding
    return binding.id.virtual_number, binding.extension, binding.id.key


def elsewhere(place: int = 0) -> BindingId:
    """An id under which nothing lies."""
    return BindingId("+886911111111", key(900_000 + place))


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[tuple[Flask, Database]]:
    app, database = make(postgres_url)
    yield app, database
    database.dispose()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[tuple[Flask, Database]]:
    app, database = make(sqlite_url)
    yield app, database
    database.dispose()
