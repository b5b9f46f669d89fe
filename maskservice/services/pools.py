"""Pools and their virtual numbers: created, shared, filled, watched.

Answers for: the odds that are told when a pool is made, and the low-water mark. Must not know: HTTP, SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.call_policy import PoolCalls
from maskservice.domain.errors import MaskedNumberUnreadable, NotFound
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.ids import new_plain_id
from maskservice.domain.masked import read_virtual
from maskservice.services.judging import own_mark
from maskservice.services.ports import Ports
from maskservice.services.records import Pool, PoolUse
from maskservice.services.tenants import checked_name, tenant_named

DEFAULT_POOL = "default"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of each line: ``refused`` holds line numbers from 1, never what stood there, which could be
    somebody's phone."""

    added: tuple[str, ...]
    known: tuple[str, ...]
    refused: tuple[int, ...]


def create_pool(name: str, *, policy: PoolPolicy, tenants: Sequence[str], shared: bool = False, ports: Ports) -> Pool:
    """A pool for the named tenants. Raises InvalidContent, NameTaken, NotFound for an unknown tenant."""
    name = checked_name(name)
    policy = policy.checked()
    now = ports.clock.now()
    with ports.unit() as uow:
        tenant_ids = frozenset(tenant_named(each, uow).id for each in tenants)
        pool = Pool(new_plain_id("pool", now, ports.randomness.randbytes(10)), name, policy, now, shared, tenant_ids)
        uow.pools.add(pool)
        uow.commit()
    return pool


def ensure_default_pool(ports: Ports) -> Pool:
    """The pool ``default``, shared by all tenants; made when it is not there."""
    with ports.unit(write=False) as uow:
        pool = uow.pools.named(DEFAULT_POOL)
    return pool or create_pool(DEFAULT_POOL, policy=PoolPolicy(), tenants=(), shared=True, ports=ports)


def share_pool(name: str, *, tenants: Sequence[str], ports: Ports) -> None:
    """Lets further tenants use the pool. Raises NotFound."""
    with ports.unit() as uow:
        pool = uow.pools.named(name)
        if pool is None:
            raise NotFound("There is no pool of this name. 'maskservice pool list' shows them.")
        uow.pools.admit(pool.id, [tenant_named(each, uow).id for each in tenants])
        uow.commit()


def pool_named(name: str, *, ports: Ports) -> Pool:
    """Raises NotFound."""
    with ports.unit(write=False) as uow:
        pool = uow.pools.named(name)
    if pool is None:
        raise NotFound("There is no pool of this name. 'maskservice pool list' shows them.")
    return pool


def set_guard(name: str, guard: GuardPolicy, *, ports: Ports) -> None:
    """Replaces a pool's guard policy. Raises InvalidContent, NotFound."""
    guard = guard.checked()
    with ports.unit() as uow:
        pool = uow.pools.named(name)
        if pool is None:
            raise NotFound("There is no pool of this name. 'maskservice pool list' shows them.")
        uow.pools.replace_guard(pool.id, guard)
        uow.commit()


def set_calls(name: str, calls: PoolCalls, *, ports: Ports) -> None:
    """Replaces what holds for calls on every number of a pool. Raises InvalidContent, NotFound."""
    calls = calls.checked()
    with ports.unit() as uow:
        pool = uow.pools.named(name)
        if pool is None:
            raise NotFound("There is no pool of this name. 'maskservice pool list' shows them.")
        uow.pools.replace_calls(pool.id, calls)
        uow.commit()


def list_pools(ports: Ports) -> Sequence[Pool]:
    with ports.unit(write=False) as uow:
        return uow.pools.all()


def list_numbers(pool_name: str, *, ports: Ports) -> tuple[Pool, Sequence[tuple[str, int]]]:
    """The pool, and its virtual numbers, each with its held extensions. Raises NotFound."""
    with ports.unit(write=False) as uow:
        pool = uow.pools.named(pool_name)
        if pool is None:
            raise NotFound("There is no pool of this name. 'maskservice pool list' shows them.")
        return pool, uow.numbers.of_pool(pool.id)


def pool_use(ports: Ports) -> Sequence[PoolUse]:
    """How full every pool is."""
    with ports.unit(write=False) as uow:
        return uow.pools.use()


def running_low(uses: Iterable[PoolUse]) -> tuple[PoolUse, ...]:
    """Pools at or past their low-water mark; a pool without any number is past it."""
    return tuple(use for use in uses if use.held >= use.low_water)


def import_numbers(lines: Iterable[str], *, pool_name: str, ports: Ports) -> Imported:
    """Adds virtual numbers to a pool, one a line; blank lines and # comments are passed over. Raises NotFound for
    the pool.

    Spread over the pool at random places, so that allocation does not follow the order of the list.
    """
    added: list[str] = []
    known: list[str] = []
    refused: list[int] = []
    now = ports.clock.now()
    with ports.unit() as uow:
        pool = uow.pools.named(pool_name)
        if pool is None:
            raise NotFound("There is no pool of this name. 'maskservice pool list' shows them.")
        for place, line in enumerate(lines, start=1):
            text = line.strip().lstrip("\ufeff")
            if not text or text.startswith("#"):
                continue
            try:
                number = read_virtual(text)
            except MaskedNumberUnreadable:
                refused.append(place)
                continue
            fresh = uow.numbers.add(
                number,
                pool_id=pool.id,
                mark=own_mark(number, ports),
                spread=ports.randomness.below(2**31),
                at=now,
            )
            (added if fresh else known).append(number)
        uow.commit()
    return Imported(tuple(added), tuple(known), tuple(refused))
