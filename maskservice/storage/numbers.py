"""The virtual numbers: which pool each is in, how many of its extensions are held, which to offer.

Answers for: the repository ``Numbers``; the count never passes the ceiling. Must not know: which extensions are taken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    Text,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningUpdate

from maskservice.services.records import PoolOffer
from maskservice.storage.hot_models import ORDERS
from maskservice.storage.listed import LISTED, listed, padded, written
from maskservice.storage.models import NUMBERS, POOLS
from maskservice.storage.orders import has_current
from maskservice.storage.pools import POLICY_COLUMNS, policy_of, usable_by
from maskservice.storage.statements import Statements

_N, _P = NUMBERS.c, POOLS.c

# No conflict target: the number and its mark are unique each, and either one means that it is known.
_ADD = upsert(NUMBERS).on_conflict_do_nothing()
_IS_OWN = select(_N.virtual_number).where(_N.mark == bindparam("wanted"))


def taken_where(*conditions: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """One more extension of the number is held, below its ceiling and where the conditions hold."""
    wanted = bindparam("wanted", type_=_N.virtual_number.type)
    below = _N.held < bindparam("ceiling_given", type_=Integer())
    return (
        update(NUMBERS)
        .where(_N.virtual_number == wanted, below, *conditions)
        .values(held=_N.held + 1)
        .returning(_N.held)
    )


_TAKE = taken_where()
_COUNT = bindparam("count", type_=Integer())
_RESERVE = (
    update(NUMBERS)
    .where(_N.virtual_number == bindparam("wanted"), _N.held + _COUNT <= bindparam("ceiling_given"))
    .values(held=_N.held + _COUNT)
)
_HELD_LOCKED = select(_N.held).where(_N.virtual_number == bindparam("wanted")).with_for_update()
_OWN_AMONG = select(_N.mark).where(_N.mark.in_(bindparam("wanted", type_=LargeBinary, expanding=True)))
_MARKS, _, (_MARK,) = listed("postgresql", 1)
_OWN_LISTED = select(_N.mark).select_from(
    _MARKS.join(NUMBERS, _N.mark == func.decode(_MARK, literal_column("'hex'"), type_=LargeBinary))
)
_GIVE_BACK = update(NUMBERS).where(_N.virtual_number == bindparam("wanted")).values(held=_N.held - _COUNT)
_AFTER = (
    select(_N.virtual_number)
    .where(_N.virtual_number > bindparam("number", type_=_N.virtual_number.type))
    .order_by(_N.virtual_number)
    .limit(bindparam("room", type_=Integer()))
)
_OF_POOL = select(_N.virtual_number, _N.held).where(_N.pool_id == bindparam("wanted")).order_by(_N.virtual_number)


@lru_cache(maxsize=8)
def _offer(limit: int) -> Select[Any]:
    """The pool's numbers are a ring by ``spread``: those from a random place on, then those before it. Each half reads
    at most ``room`` rows off the index (pool_id, spread), so nothing sorts the pool, and no second statement is needed
    where the ring wraps."""
    room: ColumnElement[int] = literal_column(str(limit))
    pool = (
        select(_P.id, *POLICY_COLUMNS, _P.ceiling)
        .where(_P.name == bindparam("pool_name"), usable_by(bindparam("tenant")))
        .cte("pool")
    )
    place = bindparam("place", type_=_N.spread.type)
    below_ceiling = (
        _N.pool_id == select(pool.c.id).scalar_subquery(),
        _N.held < select(pool.c.ceiling).scalar_subquery(),
    )
    halves = [
        select(literal_column(str(lap)).label("lap"), _N.spread, _N.virtual_number, _N.held)
        .where(*below_ceiling, condition)
        .order_by(_N.spread)
        .limit(room)
        .subquery(f"half_{lap}")
        for lap, condition in enumerate((_N.spread >= place, _N.spread < place))
    ]
    ring = union_all(*(select(half) for half in halves)).subquery("ring")
    own = exists().where(NUMBERS.alias("own").c.mark == bindparam("mark", type_=LargeBinary)).select()
    held = has_current(bindparam("tenant", type_=ORDERS.c.tenant_id.type), bindparam("order", type_=Text()))
    return (
        select(
            *(pool.c[column.name] for column in POLICY_COLUMNS),
            own.scalar_subquery(),
            held.label("order_is_held"),
            ring.c.held,
            ring.c.virtual_number,
        )
        .join_from(pool, ring, true(), isouter=True)
        .order_by(ring.c.lap, ring.c.spread)
        .limit(room)
    )


class SqlNumbers:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, virtual_number: str, *, pool_id: str, mark: bytes, spread: int, at: datetime) -> bool:
        row = {
            "virtual_number": virtual_number,
            "pool_id": pool_id,
            "held": 0,
            "spread": spread,
            "mark": mark,
            "created_at": at,
        }
        return self._statements.change(_ADD, row) == 1

    def is_own(self, mark: bytes) -> bool:
        return self._statements.first(_IS_OWN, {"wanted": mark}) is not None

    def offer(
        self,
        *,
        tenant_id: str,
        pool_name: str,
        phone_mark: bytes | None,
        spread: int,
        limit: int = 8,
        order_id: str | None = None,
    ) -> PoolOffer | None:
        given = {"tenant": tenant_id, "pool_name": pool_name, "mark": phone_mark, "place": spread, "order": order_id}
        rows = self._statements.rows(_offer(limit), given)
        if not rows:
            return None
        *cells, is_own, is_held, _, _ = rows[0]
        policy = policy_of(cells)
        found = [(number, held) for *_, held, number in rows if number is not None]
        ceiling = policy.ceiling
        return PoolOffer(
            policy,
            tuple(number for number, _ in found),
            bool(is_own),
            tuple(ceiling - held for _, held in found),
            bool(is_held),
        )

    def take(self, virtual_number: str, *, ceiling: int) -> int | None:
        row = self._statements.changed(_TAKE, {"wanted": virtual_number, "ceiling_given": ceiling})
        return None if row is None else int(row[0])

    def reserve(self, virtual_number: str, count: int, *, ceiling: int) -> int:
        """One statement where all of them fit, three at the ceiling: the second locks the row, so that the third counts
        what is true."""
        given = {"wanted": virtual_number, "ceiling_given": ceiling}
        if self._statements.change(_RESERVE, {**given, "count": count}):
            return count
        row = self._statements.first(_HELD_LOCKED, {"wanted": virtual_number})
        room = 0 if row is None else min(ceiling - int(row[0]), count)
        return room if room > 0 and self._statements.change(_RESERVE, {**given, "count": room}) else 0

    def own_among(self, marks: Collection[bytes]) -> frozenset[bytes]:
        if not marks:
            return frozenset()
        if self._statements.dialect == "sqlite":  # has no way from a text to bytes in all of its versions
            found = self._statements.rows(_OWN_AMONG, {"wanted": padded(list(marks))})
        else:
            found = self._statements.rows(_OWN_LISTED, {LISTED: written([(mark.hex(),) for mark in marks])})
        return frozenset(bytes(row[0]) for row in found)

    def give_back(self, virtual_number: str, count: int) -> None:
        self._statements.change(_GIVE_BACK, {"wanted": virtual_number, "count": count})

    def after(self, virtual_number: str, *, limit: int) -> Sequence[str]:
        return [row[0] for row in self._statements.rows(_AFTER, {"number": virtual_number, "room": limit})]

    def of_pool(self, pool_id: str) -> Sequence[tuple[str, int]]:
        return [(number, held) for number, held in self._statements.rows(_OF_POOL, {"wanted": pool_id})]
