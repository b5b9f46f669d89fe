"""Bindings: the facts that steps change, the sealed content, and the purge.

Answers for: the repository ``Bindings``. Must not know: which steps are allowed, what sealed values say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from maskservice.domain.binding import ENDED, Binding, Status
from maskservice.domain.ids import BindingId
from maskservice.services.records import SealedContent, StoredBinding
from maskservice.storage.hot_models import BINDINGS, ORDERS, SLOTS, not_ended
from maskservice.storage.listed import padded
from maskservice.storage.orders import of_waybill
from maskservice.storage.rows import (
    BINDING_COLUMNS,
    FACT_COLUMNS,
    binding_of,
    content_to_row,
    facts_to_row,
    stored_binding,
)
from maskservice.storage.statements import Statements

_B, _S, _O = BINDINGS.c, SLOTS.c, ORDERS.c


def _here(columns: ReadOnlyColumnCollection[str, Any], key: str = "key") -> tuple[ColumnElement[bool], ...]:
    return (columns.virtual_number == bindparam("at_number"), columns[key] == bindparam("at_key"))


def _place(binding_id: BindingId) -> dict[str, Any]:
    return {"at_number": binding_id.virtual_number, "at_key": binding_id.key}


_ADD = insert(BINDINGS)
_GET = select(*BINDING_COLUMNS).where(*_here(_B))
_GET_LOCKED = _GET.with_for_update()
# No join, here and in _page: on Citus the two tables lie by different columns, and a join of them would be refused.
_CURRENT_OF = select(*BINDING_COLUMNS).where(
    tuple_(_B.virtual_number, _B.key).in_(
        select(_O.virtual_number, _O.binding).where(
            _O.tenant_id == bindparam("tenant"),
            _O.order_id.in_(bindparam("orders", type_=Text, expanding=True)),
            _O.former == literal_column("''"),
        )
    )
)
# What the server says of a row that it refuses begins with its first columns: no text of a platform among them.
_LOADED_FIRST = ("virtual_number", "key", "created_at", "expires_at")
_LOADED = (
    *_LOADED_FIRST,
    *(each.name for each in BINDING_COLUMNS if each.name not in _LOADED_FIRST),
)
_ANSWER = select(_B.creation_answer).where(*_here(_B))
_SAVE = update(BINDINGS).where(*_here(_B))
_BY_SLOT = (
    select(*BINDING_COLUMNS)
    .join_from(
        SLOTS,
        BINDINGS,
        # A rekeyed binding answers to its present extension only.
        (_B.virtual_number == _S.virtual_number) & (_B.key == _S.binding) & (_B.extension == _S.extension),
    )
    .where(_S.virtual_number == bindparam("at_number"), _S.extension == bindparam("digits"))
)
_NOW = bindparam("now", type_=_B.expires_at.type)
_TRUE_STATUS = case((not_ended(BINDINGS) & (_B.expires_at <= _NOW), literal_column("'expired'")), else_=_B.status)
_COUNT = select(_TRUE_STATUS.label("true_status"), func.count()).select_from(BINDINGS).group_by(literal_column("1"))

# 64 MB: counted in some 20 ms.
_COUNTED_BYTES = 64 * 1024 * 1024
_IS_SMALL = text("SELECT pg_relation_size('bindings') <= :most")
# The share of each status in the sample of the last ANALYZE, of the rows that there were estimated to be. A status that
# is too rare to be in the sample has none.
_ESTIMATE = text(
    "SELECT found.status, round(shares.share * greatest(known.reltuples, 0)) FROM pg_class AS known "
    "JOIN pg_stats AS stats ON stats.schemaname = CAST(known.relnamespace::regnamespace AS text) "
    "AND stats.tablename = known.relname AND stats.attname = 'status' "
    "CROSS JOIN unnest(CAST(CAST(stats.most_common_vals AS text) AS text[])) WITH ORDINALITY AS found (status, place) "
    "JOIN unnest(stats.most_common_freqs) WITH ORDINALITY AS shares (share, place) USING (place) "
    "WHERE known.oid = 'bindings'::regclass"
)

_STEP_FACTS = ("status", "status_before_lock", "waybill", "masked_name", "expires_at", "delivered_at", "ended_at",
    "extension", "rekeyed_at", "call_rules",
)  # fmt: skip


def _true_status(status: Status) -> ColumnElement[bool]:
    """A binding is dead at ``expires_at``, whatever is stored."""
    stored = _B.status == literal_column(f"'{status.value}'")
    if status is Status.EXPIRED:
        return or_(stored, not_ended(BINDINGS) & (_B.expires_at <= _NOW))
    return stored if status in ENDED else stored & (_B.expires_at > _NOW)


@lru_cache(maxsize=8)
def _to_rekey(limit: int) -> Select[Any]:
    """Along the slots: no index of the bindings begins with the number. As for the limit see :func:`_due`. Rows are
    locked in the order of their keys, which rekeying leaves alone: two runs at once wait for each other in no ring."""
    before = bindparam("before", type_=_B.created_at.type)
    wanted = (
        not_ended(BINDINGS),
        _B.expires_at > _NOW,
        or_(_B.rekeyed_at.is_(None), _B.rekeyed_at < before),
        _B.created_at < before,
    )
    number = bindparam("at_number", type_=_B.virtual_number.type)
    chosen = (
        select(_B.key)
        .join_from(SLOTS, BINDINGS, (_B.virtual_number == _S.virtual_number) & (_B.key == _S.binding))
        # Not by an earlier extension, which rests.
        .where(_S.virtual_number == number, _B.virtual_number == number, _S.free_at.is_(None), *wanted)
        .order_by(_S.extension)
        .limit(literal_column(str(limit)))
        .subquery("chosen")
    )
    return (
        select(*FACT_COLUMNS)
        .join_from(chosen, BINDINGS, _B.key == chosen.c.key)
        # Once more: under the lock they may hold no longer.
        .where(_B.virtual_number == number, *wanted)
        .order_by(_B.key)
        .with_for_update(of=BINDINGS)
    )


@lru_cache(maxsize=8)
def _due(limit: int) -> Select[Any]:
    """The limit stands in the text: a plan for an unknown one expects a tenth of the table, and reads all of it."""
    return (
        select(*FACT_COLUMNS)
        .where(not_ended(BINDINGS), _B.expires_at <= _NOW)
        .order_by(_B.expires_at)
        .limit(literal_column(str(limit)))
        .with_for_update(skip_locked=True)
    )


@lru_cache(maxsize=64)
def _page(dialect: str, status: Status | None, *, before: bool, order: bool, waybill: bool) -> Select[Any]:
    """Keyset by the key, which sorts by time. Orders and waybills are found through their index table, not among all of
    a tenant's rows."""
    statement = select(*BINDING_COLUMNS)
    if order or waybill:
        places = select(_O.virtual_number, _O.binding).where(_O.tenant_id == bindparam("tenant"))
        if order:
            places = places.where(_O.order_id == bindparam("order"))
        if waybill:
            places = places.where(*of_waybill(dialect))
        statement = statement.where(tuple_(_B.virtual_number, _B.key).in_(places))
    statement = statement.where(_B.tenant_id == bindparam("tenant"))
    if before:
        statement = statement.where(_B.key < bindparam("before"))
    if status is not None:
        statement = statement.where(_true_status(status))
    return statement.order_by(_B.key.desc()).limit(bindparam("room", type_=Integer()))


def binding_to_row(stored: StoredBinding, *, creation_answer: bytes | None) -> dict[str, Any]:
    """Every column of the table."""
    return facts_to_row(stored.binding) | content_to_row(stored.content) | {"creation_answer": creation_answer}


class SqlBindings:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def add(self, stored: StoredBinding, *, creation_answer: bytes | None) -> None:
        self._statements.change(_ADD, binding_to_row(stored, creation_answer=creation_answer))

    def add_many(self, stored: Sequence[StoredBinding]) -> None:
        if not stored:
            return
        # One after the other: as dictionaries all of them would be the largest thing that a batch holds.
        rows = (facts_to_row(each.binding) | content_to_row(each.content) for each in stored)
        self._statements.load(BINDINGS, _LOADED, [[row[name] for name in _LOADED] for row in rows])

    def current_of(self, tenant_id: str, order_ids: Sequence[str]) -> Mapping[str, StoredBinding]:
        if not order_ids:
            return {}
        given = {"tenant": tenant_id, "orders": padded(order_ids)}
        found = (stored_binding(row) for row in self._statements.rows(_CURRENT_OF, given))
        return {each.binding.order_id: each for each in found}

    def get(self, binding_id: BindingId, *, for_update: bool = False) -> StoredBinding | None:
        """``for_update`` keeps others from changing the row until the end of the unit; on SQLite every writing unit
        does."""
        row = self._statements.first(_GET_LOCKED if for_update else _GET, _place(binding_id))
        return None if row is None else stored_binding(row)

    def creation_answer(self, binding_id: BindingId) -> bytes | None:
        row = self._statements.first(_ANSWER, _place(binding_id))
        return None if row is None else row[0]

    def save(self, binding: Binding) -> None:
        row = facts_to_row(binding)
        self._statements.change(_SAVE, {**{name: row[name] for name in _STEP_FACTS}, **_place(binding.id)})

    def save_content(self, binding_id: BindingId, content: SealedContent) -> None:
        self._statements.change(_SAVE, {**content_to_row(content), **_place(binding_id)})

    def by_slot(self, virtual_number: str, extension: str) -> StoredBinding | None:
        row = self._statements.first(_BY_SLOT, {"at_number": virtual_number, "digits": extension})
        return None if row is None else stored_binding(row)

    def page(
        self,
        tenant_id: str,
        *,
        now: datetime,
        limit: int,
        before: UUID | None,
        order_id: str | None = None,
        waybill: str | None = None,
        status: Status | None = None,
    ) -> Sequence[StoredBinding]:
        """``order_id`` and ``waybill`` are looked up in the index of orders: bindings that were never claimed there are
        not found by them."""
        named = {"before": before is not None, "order": order_id is not None, "waybill": waybill is not None}
        statement = _page(self._statements.dialect, status, **named)
        given = {"before": before, "order": order_id, "waybill": waybill}
        parameters: dict[str, Any] = {"tenant": tenant_id, "room": limit}
        parameters |= {name: value for name, value in given.items() if value is not None}
        if status not in (None, Status.RELEASED):
            parameters["now"] = now
        return [stored_binding(row) for row in self._statements.rows(statement, parameters)]

    def to_rekey(self, virtual_number: str, *, before: datetime, now: datetime, limit: int) -> Sequence[Binding]:
        given = {"at_number": virtual_number, "before": before, "now": now}
        rows = self._statements.rows(_to_rekey(limit), given)
        return [binding_of(row) for row in rows]

    def due(self, *, now: datetime, limit: int) -> Sequence[Binding]:
        return [binding_of(row) for row in self._statements.rows(_due(limit), {"now": now})]

    def count_by_status(self, now: datetime) -> Mapping[Status, int]:
        """Every status is there, with 0 where none is. Exact up to some 60,000 rows and on SQLite; above that
        PostgreSQL's own statistics, which its autovacuum renews as the table changes: reading tens of millions of rows
        for a gauge would cost more than the calls of a minute."""
        counts = dict.fromkeys(Status, 0)
        if self._statements.dialect == "sqlite" or self._statements.rows(_IS_SMALL, {"most": _COUNTED_BYTES})[0][0]:
            found = self._statements.rows(_COUNT, {"now": now})
        else:
            found = self._statements.rows(_ESTIMATE)
        for status, count in found:
            counts[Status(status)] += int(count)
        return counts
