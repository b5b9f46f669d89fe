"""Pools: their policy, who may use them, how full they are.

Answers for: the repository ``Pools``, and the one condition 'this tenant may use this pool'. Must not know: how numbers
are allocated.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.call_policy import PoolCalls
from maskservice.domain.errors import NameTaken
from maskservice.domain.guard import GuardPolicy
from maskservice.services.records import Pool, PoolUse
from maskservice.storage.call_policy import calls_to_json, pool_calls_of
from maskservice.storage.guard_policy import guard_of, guard_to_json
from maskservice.storage.models import NUMBERS, POOL_TENANTS, POOLS
from maskservice.storage.statements import Statements

_P, _M, _N = POOLS.c, POOL_TENANTS.c, NUMBERS.c

POLICY_COLUMNS = (_P.extension_length, _P.density, _P.check_digit, _P.quarantine)
_COLUMNS = (_P.id, _P.name, *POLICY_COLUMNS, _P.created_at, _P.shared, _P.guard, _P.calls, _M.tenant_id)


def usable_by(tenant: BindParameter[Any]) -> ColumnElement[bool]:
    """The pool is everybody's, or the tenant is named."""
    return or_(_P.shared, exists().where(_M.pool_id == _P.id, _M.tenant_id == tenant).correlate(POOLS))


def policy_of(cells: Sequence[Any]) -> PoolPolicy:
    """From :data:`POLICY_COLUMNS`."""
    length, density, check_digit, quarantine = cells
    return PoolPolicy(length, Decimal(density), bool(check_digit), quarantine)


# A pool comes as one row a tenant: one statement for the pool and who may use it.
_POOLS = select(*_COLUMNS).join_from(POOLS, POOL_TENANTS, _M.pool_id == _P.id, isouter=True)
_ADD = upsert(POOLS).on_conflict_do_nothing(index_elements=[_P.name])
_ADMIT = upsert(POOL_TENANTS).on_conflict_do_nothing(index_elements=[_M.pool_id, _M.tenant_id])
_ADMIT_FIRST = insert(POOL_TENANTS)
_NAMED = _POOLS.where(_P.name == bindparam("wanted"))
_OF_NUMBER = _POOLS.join(NUMBERS, _N.pool_id == _P.id).where(_N.virtual_number == bindparam("wanted"))
_ALL = _POOLS.order_by(_P.id)
_REPLACE = update(POOLS).where(_P.id == bindparam("wanted"))
_USE = (
    select(_P.name, func.count(_N.virtual_number), func.coalesce(func.sum(_N.held), 0), _P.ceiling, _P.low_water)
    .join_from(POOLS, NUMBERS, _N.pool_id == _P.id, isouter=True)
    .group_by(_P.id, _P.name, _P.ceiling, _P.low_water)
    .order_by(_P.id)
)


def _pools(rows: Sequence[Sequence[Any]]) -> list[Pool]:
    tenants: dict[str, set[str]] = {}
    firsts: dict[str, Sequence[Any]] = {}
    for row in rows:
        firsts.setdefault(row[0], row)
        named = tenants.setdefault(row[0], set())
        if row[-1] is not None:
            named.add(row[-1])
    return [
        Pool(
            row[0],
            row[1],
            policy_of(row[2:6]),
            row[6],
            bool(row[7]),
            frozenset(tenants[pool_id]),
            guard_of(row[8]),
            pool_calls_of(row[9]),
        )
        for pool_id, row in firsts.items()
    ]


class SqlPools:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, pool: Pool) -> None:
        policy = pool.policy
        row = {
            "id": pool.id,
            "name": pool.name,
            "created_at": pool.created_at,
            "extension_length": policy.extension_length,
            "density": str(policy.density),
            "check_digit": policy.check_digit,
            "quarantine": policy.quarantine,
            "ceiling": policy.ceiling,
            "low_water": policy.low_water,
            "shared": pool.shared,
            "guard": guard_to_json(pool.guard),
            "calls": calls_to_json(pool.calls),
        }
        if not self._statements.change(_ADD, row):
            raise NameTaken("There is a pool of this name already.")
        if pool.tenant_ids:
            self._statements.change(
                _ADMIT_FIRST, [{"pool_id": pool.id, "tenant_id": tenant_id} for tenant_id in sorted(pool.tenant_ids)]
            )

    def named(self, name: str) -> Pool | None:
        return next(iter(_pools(self._statements.rows(_NAMED, {"wanted": name}))), None)

    def of_number(self, virtual_number: str) -> Pool | None:
        return next(iter(_pools(self._statements.rows(_OF_NUMBER, {"wanted": virtual_number}))), None)

    def all(self) -> Sequence[Pool]:
        return _pools(self._statements.rows(_ALL))

    def replace_guard(self, pool_id: str, guard: GuardPolicy) -> None:
        self._statements.change(_REPLACE, {"wanted": pool_id, "guard": guard_to_json(guard)})

    def replace_calls(self, pool_id: str, calls: PoolCalls) -> None:
        self._statements.change(_REPLACE, {"wanted": pool_id, "calls": calls_to_json(calls)})

    def admit(self, pool_id: str, tenant_ids: Sequence[str]) -> None:
        for tenant_id in sorted(set(tenant_ids)):
            self._statements.change(_ADMIT, {"pool_id": pool_id, "tenant_id": tenant_id})

    def use(self) -> Sequence[PoolUse]:
        """All figures are sums over the pool's numbers, the low-water mark too."""
        return [
            PoolUse(name, numbers, int(held), numbers * ceiling, numbers * low_water)
            for name, numbers, held, ceiling, low_water in self._statements.rows(_USE)
        ]
