"""Ends, purges and deletions of many bindings at once, for the worker.

Answers for: the repository ``Endings``: a few statements for a whole batch. Must not know: which bindings are due, when
a quarantine is over. Every row lock is taken in the order binding, slot, what hangs on it, number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Double,
    Integer,
    Select,
    Table,
    Uuid,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from maskservice.domain.binding import Binding, Status
from maskservice.services.worker_repositories import RestedSlot
from maskservice.storage.hot_models import BINDINGS, CALL_DAYS, CALLS, CONTACTS, ORDERS, SLOTS, not_ended
from maskservice.storage.listed import LISTED, listed, written
from maskservice.storage.models import NUMBERS, POOLS
from maskservice.storage.roster_models import ASSIGNMENTS, CALLER_RULES
from maskservice.storage.statements import Statements
from maskservice.storage.types import TENANT_ID

_B, _C, _K, _N, _O, _S = BINDINGS.c, CONTACTS.c, CALLS.c, NUMBERS.c, ORDERS.c, SLOTS.c

# The data key goes with the values, so that older copies of the row in a backup or a replica cannot be opened with it
# either.
_PERSONAL = (
    "wrapped_key", "sealed_phone", "sealed_name", "sealed_address", "sealed_metadata", "sealed_lock_reason",
    "phone_mark", "masked_name", "creation_answer",
)  # fmt: skip
_OF_A_BINDING = (CONTACTS, ASSIGNMENTS, CALLER_RULES, CALL_DAYS)


def _key(dialect: str, cell: ColumnElement[str]) -> ColumnElement[Any]:
    return cell if dialect == "sqlite" else cast(cell, Uuid)


def _moment(dialect: str, cell: ColumnElement[str]) -> ColumnElement[Any]:
    """Seconds since 1970, which to_timestamp reads to the microsecond: what a text says as a moment hangs on the
    session's settings, and in an UPDATE Citus takes only functions that hang on nothing."""
    return cell if dialect == "sqlite" else func.to_timestamp(cast(cell, Double))


def _text(dialect: str, moment: datetime) -> str:
    """As the column holds it: SQLite's is a text, see :class:`UtcDateTime`."""
    if dialect == "sqlite":
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return repr(moment.timestamp())


@lru_cache(maxsize=2)
def _end(dialect: str) -> ReturningUpdate[Any]:
    _, _, (number, key, ended_at) = listed(dialect, 3)
    return (
        update(BINDINGS)
        .where(_B.virtual_number == number, _B.key == _key(dialect, key), not_ended(BINDINGS))
        .values(
            status=literal_column(f"'{Status.EXPIRED.value}'"),
            status_before_lock=None,
            ended_at=_moment(dialect, ended_at),
        )
        .returning(_B.virtual_number, _B.key)
    )


@lru_cache(maxsize=2)
def _quarantines(dialect: str) -> Select[Any]:
    rows, _, (number,) = listed(dialect, 1)
    return select(_N.virtual_number, POOLS.c.quarantine).select_from(
        rows.join(NUMBERS, _N.virtual_number == number).join(POOLS, POOLS.c.id == _N.pool_id)
    )


@lru_cache(maxsize=2)
def _rest(dialect: str) -> Any:
    _, _, (number, extension, key, until) = listed(dialect, 4)
    return (
        update(SLOTS)
        .where(_S.virtual_number == number, _S.extension == extension, _S.binding == _key(dialect, key))
        .values(free_at=_moment(dialect, until))
    )


@lru_cache(maxsize=2)
def _shorten(dialect: str) -> Any:
    _, _, (number, key, until) = listed(dialect, 3)
    moment = _moment(dialect, until)
    return (
        update(CONTACTS)
        .where(_C.virtual_number == number, _C.binding == _key(dialect, key), _C.expires_at > moment)
        .values(expires_at=moment)
    )


@lru_cache(maxsize=2)
def _purge(dialect: str) -> ReturningUpdate[Any]:
    _, _, (number, extension, key) = listed(dialect, 3)
    return (
        update(BINDINGS)
        .where(_B.virtual_number == number, _B.key == _key(dialect, key), _B.extension == extension)
        .values(purged_at=bindparam("moment", type_=_B.purged_at.type), **dict.fromkeys(_PERSONAL))
        .returning(_B.virtual_number, _B.key)
    )


@lru_cache(maxsize=8)
def _forget_of(dialect: str, table: Table) -> Delete:
    """SQLite has no DELETE … USING; a row value in a subquery is understood by both."""
    rows, _, (number, key) = listed(dialect, 2)
    wanted = select(number, _key(dialect, key)).select_from(rows)
    return delete(table).where(tuple_(table.c.virtual_number, table.c.binding).in_(wanted))


@lru_cache(maxsize=2)
def _free(dialect: str) -> ReturningDelete[Any]:
    rows, _, (number, extension, key) = listed(dialect, 3)
    wanted = select(number, extension, _key(dialect, key)).select_from(rows)
    return (
        delete(SLOTS)
        .where(tuple_(_S.virtual_number, _S.extension, _S.binding).in_(wanted))
        .returning(_S.virtual_number)
    )


@lru_cache(maxsize=2)
def _lock_numbers(dialect: str) -> Select[Any]:
    """An UPDATE takes its rows in whatever order it likes: two workers could wait for each other in a ring."""
    rows, _, (number,) = listed(dialect, 1)
    wanted = select(number).select_from(rows)
    return select(_N.virtual_number).where(_N.virtual_number.in_(wanted)).order_by(_N.virtual_number).with_for_update()


@lru_cache(maxsize=2)
def _give_back(dialect: str) -> Any:
    _, _, (number, count) = listed(dialect, 2)
    return update(NUMBERS).where(_N.virtual_number == number).values(held=_N.held - cast(count, Integer))


@lru_cache(maxsize=8)
def _forgettable(limit: int) -> Select[Any]:
    """The limit stands in the text: a plan for an unknown one expects a tenth of the table, and reads all of it."""
    return (
        select(_B.virtual_number, _B.key, _B.tenant_id, _B.order_id)
        .where(_B.purged_at.is_not(None), _B.purged_at < bindparam("limit_time", type_=_B.purged_at.type))
        .order_by(_B.purged_at)
        .limit(literal_column(str(limit)))
        .with_for_update(skip_locked=True)
    )


@lru_cache(maxsize=2)
def _forget(dialect: str) -> Delete:
    rows, _, (number, key) = listed(dialect, 2)
    wanted = select(number, _key(dialect, key)).select_from(rows)
    return delete(BINDINGS).where(tuple_(_B.virtual_number, _B.key).in_(wanted))


@lru_cache(maxsize=2)
def _forget_orders(dialect: str) -> Delete:
    rows, _, (tenant, order, key) = listed(dialect, 3)
    wanted = select(TENANT_ID.listed(tenant, dialect), order, _key(dialect, key)).select_from(rows)
    return delete(ORDERS).where(tuple_(_O.tenant_id, _O.order_id, _O.binding).in_(wanted))


@lru_cache(maxsize=8)
def _forget_calls(limit: int) -> Delete:
    """Of one number, along its key: no other index begins with the time."""
    old = (
        _K.virtual_number == bindparam("at_number", type_=_K.virtual_number.type),
        _K.started_at < bindparam("limit_time", type_=_K.started_at.type),
    )
    some = select(_K.started_at, _K.key).where(*old).order_by(_K.started_at).limit(literal_column(str(limit)))
    return delete(CALLS).where(*old, tuple_(_K.started_at, _K.key).in_(some))


class SqlEndings:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._dialect = statements.dialect

    def end(self, ended: Sequence[Binding]) -> Sequence[Binding]:
        moments = {(each.id.virtual_number, each.id.key): each for each in ended if each.ended_at is not None}
        if not moments:
            return []
        rows = {(number, key): (number, key.hex, self._end_of(each)) for (number, key), each in moments.items()}
        stored = self._changed(_end(self._dialect), list(rows.values()))
        ours = [moments[number, key] for number, key in stored]
        if not ours:
            return []
        quarantines = self._quarantines({each.id.virtual_number for each in ours})
        rests = [
            (each.id.virtual_number, each.extension, each.id.key.hex, self._end_of(each, quarantines)) for each in ours
        ]
        self._change(_rest(self._dialect), rests)
        self._change(_shorten(self._dialect), [rows[number, key] for number, key in stored])
        return ours

    def purge(self, rested: Sequence[RestedSlot], *, at: datetime) -> int:
        if not rested:
            return 0
        purged = self._changed(_purge(self._dialect), _slots(rested), moment=at)
        if purged:
            bindings = [(number, key.hex) for number, key in purged]
            for table in _OF_A_BINDING:
                self._change(_forget_of(self._dialect, table), bindings)
        return len(purged)

    def free(self, rested: Sequence[RestedSlot]) -> int:
        if not rested:
            return 0
        freed = Counter(row[0] for row in self._changed(_free(self._dialect), _slots(rested)))
        if freed:
            if self._dialect != "sqlite":  # where a writing unit keeps all others out anyway
                self._statements.rows(_lock_numbers(self._dialect), {LISTED: written([(each,) for each in freed])})
            self._change(_give_back(self._dialect), [(number, str(count)) for number, count in sorted(freed.items())])
        return freed.total()

    def forget(self, *, purged_before: datetime, limit: int) -> int:
        found = self._statements.rows(_forgettable(limit), {"limit_time": purged_before})
        if not found:
            return 0
        orders = [(TENANT_ID.written(tenant, self._dialect), order, key.hex) for _, key, tenant, order in found]
        self._change(_forget_orders(self._dialect), orders)
        return self._change(_forget(self._dialect), [(number, key.hex) for number, key, _, _ in found])

    def forget_calls(self, virtual_number: str, *, older_than: datetime, limit: int) -> int:
        return self._statements.change(_forget_calls(limit), {"at_number": virtual_number, "limit_time": older_than})

    def _end_of(self, binding: Binding, quarantines: Mapping[str, timedelta] | None = None) -> str:
        moment = binding.ended_at or binding.expires_at
        rest = timedelta(0) if quarantines is None else quarantines.get(binding.id.virtual_number, timedelta(0))
        return _text(self._dialect, moment + rest)

    def _quarantines(self, numbers: set[str]) -> Mapping[str, timedelta]:
        rows = self._statements.rows(
            _quarantines(self._dialect), {LISTED: written([(number,) for number in sorted(numbers)])}
        )
        return {row[0]: row[1] for row in rows}

    def _change(self, statement: Any, rows: Sequence[Sequence[str | None]]) -> int:
        return self._statements.change(statement, {LISTED: written(rows)})

    def _changed(self, statement: Any, rows: Sequence[Sequence[str | None]], **more: Any) -> Sequence[tuple[str, UUID]]:
        found: Any = self._statements.changed_rows(statement, {LISTED: written(rows)} | more)
        return found  # type: ignore[no-any-return]


def _slots(rested: Sequence[RestedSlot]) -> list[tuple[str, str, str]]:
    return [(number, extension, key.hex) for number, extension, key in rested]
