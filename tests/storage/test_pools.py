"""Pools and virtual numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.errors import MaskServiceError, NameTaken
from maskservice.services.records import PoolUse
from maskservice.storage.db import Database
from maskservice.storage.unit_of_work import SqlUnitOfWork
from tests.counting import count_statements
from tests.factories import NOW, NUMBER, PoolFactory, TenantFactory, key
from tests.storage.conftest import World, build_world


def test_a_pool_comes_back_as_it_was_with_its_tenants(uow: SqlUnitOfWork) -> None:
    tenants = [TenantFactory(), TenantFactory()]
    for tenant in tenants:
        uow.tenants.add(tenant)
    policy = PoolPolicy(8, Decimal("0.00000123"), True, timedelta(days=30, seconds=1))
    pool = PoolFactory(policy=policy, tenant_ids=frozenset(tenant.id for tenant in tenants))
    uow.pools.add(pool)
    assert uow.pools.named(pool.name) == pool
    assert uow.pools.named("none") is None
    assert uow.numbers.add(NUMBER, pool_id=pool.id, mark=b"m", spread=2**31 - 1, at=NOW)
    assert uow.pools.of_number(NUMBER) == pool
    assert uow.pools.of_number("+886911111111") is None


def test_a_name_is_taken_once(uow: SqlUnitOfWork) -> None:
    pool = PoolFactory(shared=True)
    uow.pools.add(pool)
    with pytest.raises(NameTaken):
        uow.pools.add(PoolFactory(name=pool.name))
    assert uow.pools.all() == [pool]


def test_admitting_passes_over_those_who_may_already(uow: SqlUnitOfWork, world: World) -> None:
    other = TenantFactory()
    uow.tenants.add(other)
    uow.pools.admit(world.pool.id, [world.tenant.id, other.id, other.id])
    assert uow.pools.named("default") == replace(world.pool, tenant_ids=frozenset({world.tenant.id, other.id}))


def test_use_sums_over_the_numbers(uow: SqlUnitOfWork) -> None:
    build_world(uow, numbers=3)
    empty = PoolFactory()
    uow.pools.add(empty)
    for _ in range(2):
        uow.numbers.take(NUMBER, ceiling=1000)
    assert uow.pools.use() == [
        PoolUse("default", numbers=3, held=2, capacity=3000, low_water=2400),
        PoolUse(empty.name, numbers=0, held=0, capacity=0, low_water=0),
    ]


def test_a_number_is_in_one_pool_once(uow: SqlUnitOfWork, world: World) -> None:
    other = PoolFactory()
    uow.pools.add(other)
    assert not uow.numbers.add(NUMBER, pool_id=other.id, mark=b"another mark", spread=0, at=NOW)
    assert not uow.numbers.add("+886911111111", pool_id=other.id, mark=NUMBER.encode(), spread=0, at=NOW)
    assert uow.numbers.of_pool(other.id) == []
    assert uow.numbers.of_pool(world.pool.id) == [(NUMBER, 0)]
    assert uow.numbers.is_own(NUMBER.encode())
    assert not uow.numbers.is_own(b"another mark")


def test_taking_stops_at_the_ceiling(uow: SqlUnitOfWork, world: World) -> None:
    assert [uow.numbers.take(NUMBER, ceiling=2) for _ in range(4)] == [1, 2, None, None]
    assert uow.numbers.take("+886911111111", ceiling=2) is None
    assert uow.numbers.of_pool(world.pool.id) == [(NUMBER, 2)]


def test_the_count_never_goes_below_zero(uow: SqlUnitOfWork, world: World) -> None:
    uow.slots.claim(NUMBER, ["0001"], binding=key(1), at=NOW)  # never counted
    with pytest.raises(MaskServiceError, match=r"held|23514\)"):  # a cluster names no constraint
        uow.endings.free([(NUMBER, "0001", key(1))])


@pytest.mark.parametrize(
    ("spread", "limit", "expected"),
    [
        (0, 8, [0, 1, 2, 3, 4]),
        (2000, 8, [2, 3, 4, 0, 1]),
        (2001, 8, [3, 4, 0, 1, 2]),
        (2**31 - 1, 8, [0, 1, 2, 3, 4]),
        (3000, 1, [3]),
        (3000, 3, [3, 4, 0]),
    ],
)
def test_an_offer_is_a_walk_round_the_ring(
    uow: SqlUnitOfWork, database: Database, spread: int, limit: int, expected: list[int]
) -> None:
    world = build_world(uow, numbers=5)
    with count_statements(database) as sent:
        offer = uow.numbers.offer(
            tenant_id=world.tenant.id, pool_name="default", phone_mark=None, spread=spread, limit=limit
        )
    assert len(sent) == 1
    assert offer is not None
    assert offer.policy == world.pool.policy
    assert list(offer.numbers) == [f"+{int(NUMBER) + place}" for place in expected]
    assert not offer.phone_is_own


def test_an_offer_leaves_full_numbers_out(uow: SqlUnitOfWork) -> None:
    policy = PoolPolicy(density=Decimal("0.0002"))  # two extensions a number
    world = build_world(uow, policy=policy, numbers=2)

    def offered() -> tuple[str, ...] | None:
        offer = uow.numbers.offer(tenant_id=world.tenant.id, pool_name="default", phone_mark=None, spread=0)
        return None if offer is None else offer.numbers

    second = f"+{int(NUMBER) + 1}"
    uow.numbers.take(NUMBER, ceiling=2)
    assert offered() == (NUMBER, second)
    uow.numbers.take(NUMBER, ceiling=2)
    assert offered() == (second,)
    uow.numbers.take(second, ceiling=2)
    uow.numbers.take(second, ceiling=2)
    assert offered() == ()


def test_an_offer_knows_our_own_numbers_of_any_pool(uow: SqlUnitOfWork, world: World) -> None:
    elsewhere = PoolFactory()
    uow.pools.add(elsewhere)
    uow.numbers.add("+886911111111", pool_id=elsewhere.id, mark=b"own", spread=0, at=NOW)
    for mark, own in ((b"own", True), (b"not own", False)):
        offer = uow.numbers.offer(tenant_id=world.tenant.id, pool_name="default", phone_mark=mark, spread=0)
        assert offer is not None
        assert offer.phone_is_own is own


def test_a_pool_is_offered_only_to_those_who_may_use_it(uow: SqlUnitOfWork, world: World) -> None:
    stranger = TenantFactory()
    uow.tenants.add(stranger)
    uow.pools.add(PoolFactory(name="everybody", shared=True))

    def may(tenant_id: str, name: str) -> bool:
        return uow.numbers.offer(tenant_id=tenant_id, pool_name=name, phone_mark=None, spread=0) is not None

    assert may(world.tenant.id, "default")
    assert not may(stranger.id, "default")
    assert may(stranger.id, "everybody")
    assert not may(world.tenant.id, "none")


def test_places_are_reserved_up_to_the_ceiling(uow: SqlUnitOfWork, world: World) -> None:
    assert world.pool.name == "default"
    assert uow.numbers.reserve(NUMBER, 6, ceiling=10) == 6
    assert uow.numbers.reserve(NUMBER, 6, ceiling=10) == 4
    assert uow.numbers.reserve(NUMBER, 6, ceiling=10) == 0
    assert uow.numbers.reserve("+886911111111", 1, ceiling=10) == 0
    assert uow.numbers.take(NUMBER, ceiling=11) == 11
    offer = uow.numbers.offer(tenant_id=world.tenant.id, pool_name="default", phone_mark=None, spread=0)
    assert offer is not None
    assert (offer.numbers, offer.rooms) == ((NUMBER,), (world.pool.policy.ceiling - 11,))


@pytest.mark.parametrize("count", [1, 2, 3, 500])
def test_our_own_numbers_among_many(uow: SqlUnitOfWork, world: World, count: int) -> None:
    assert world.tenant.id
    others = [b"other-%d" % place for place in range(count - 1)]
    assert uow.numbers.own_among([*others, NUMBER.encode()]) == {NUMBER.encode()}
    assert uow.numbers.own_among(others) == frozenset()
