"""The index from an order or a waybill to where its bindings lie.

Answers for: the repository ``Orders``; an order has one current binding, by the partial unique index. Must not know:
bindings themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, cast, delete, select, text, true, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert

from maskservice.domain.ids import BindingId
from maskservice.services.records import OrderClaim
from maskservice.storage.hot_models import ORDERS
from maskservice.storage.listed import LISTED, listed, written
from maskservice.storage.statements import Statements

_MOST_BY_WAYBILL = 10

_O = ORDERS.c
_OF_ORDER = (_O.tenant_id == bindparam("at_tenant"), _O.order_id == bindparam("at_order"))
_OF_BINDING = (*_OF_ORDER, _O.binding == bindparam("at_binding"))


def held_once(statement: Insert) -> Insert:
    """An order has one current binding: the second gets nothing."""
    return statement.on_conflict_do_nothing(index_elements=[_O.tenant_id, _O.order_id], index_where=text("is_current"))


_CLAIM = held_once(upsert(ORDERS))
_GIVE_UP = delete(ORDERS).where(*_OF_BINDING)
_CURRENT = select(_O.virtual_number, _O.binding).where(*_OF_ORDER, _O.is_current)
_RETIRE = update(ORDERS).where(*_OF_BINDING).values(is_current=False)
_CHANGE = update(ORDERS).where(*_OF_BINDING)
_PLACE = select(_O.virtual_number, _O.binding).where(*_OF_BINDING)
_BY_WAYBILL = (
    select(_O.virtual_number, _O.binding)
    .where(_O.tenant_id == bindparam("at_tenant"), _O.waybill == bindparam("wanted"), _O.is_current)
    .order_by(_O.binding.desc())
    .limit(_MOST_BY_WAYBILL)
)


@lru_cache(maxsize=2)
def _claim_many(dialect: str) -> ReturningInsert[Any]:
    rows, place, (order, key, number, waybill) = listed(dialect, 4)
    binding: ColumnElement[Any] = key if dialect == "sqlite" else cast(key, Uuid)
    wanted = (
        select(bindparam("tenant", type_=_O.tenant_id.type), order, binding, number, waybill, true())
        .select_from(rows)
        # SQLite reads the ON of an upsert as a join's without a WHERE.
        .where(true())
        .order_by(place)
    )
    columns = [_O.tenant_id, _O.order_id, _O.binding, _O.virtual_number, _O.waybill, _O.is_current]
    return held_once(upsert(ORDERS).from_select(columns, wanted, include_defaults=False)).returning(_O.binding)


def _at(tenant_id: str, order_id: str, binding: UUID) -> dict[str, Any]:
    return {"at_tenant": tenant_id, "at_order": order_id, "at_binding": binding}


def order_to_row(tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> dict[str, Any]:
    """Every column of the table, for a binding that becomes current."""
    return {
        "tenant_id": tenant_id,
        "order_id": order_id,
        "binding": binding.key,
        "virtual_number": binding.virtual_number,
        "waybill": waybill,
        "is_current": True,
    }


class SqlOrders:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def claim(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> bool:
        """On PostgreSQL a second claim waits until the first one's unit has ended."""
        row = order_to_row(tenant_id, order_id, binding=binding, waybill=waybill)
        return self._statements.change(_CLAIM, row) == 1

    def claim_many(self, tenant_id: str, claims: Sequence[OrderClaim]) -> frozenset[UUID]:
        """In the order of the orders' names, whatever order they are given in: claims then never wait for each other in
        a ring."""
        rows = [
            (claim.order_id, claim.binding.key.hex, claim.binding.virtual_number, claim.waybill)
            for claim in sorted(claims, key=lambda claim: claim.order_id)
        ]
        given = {"tenant": tenant_id, LISTED: written(rows)}
        return frozenset(row[0] for row in self._statements.changed_rows(_claim_many(self._statements.dialect), given))

    def give_up(self, tenant_id: str, claims: Sequence[OrderClaim]) -> None:
        if claims:
            self._statements.change(_GIVE_UP, [_at(tenant_id, claim.order_id, claim.binding.key) for claim in claims])

    def current(self, tenant_id: str, order_id: str) -> BindingId | None:
        row = self._statements.first(_CURRENT, {"at_tenant": tenant_id, "at_order": order_id})
        return None if row is None else BindingId(row[0], row[1])

    def retire(self, tenant_id: str, order_id: str, *, binding: BindingId) -> None:
        self._statements.change(_RETIRE, _at(tenant_id, order_id, binding.key))

    def place_of(self, tenant_id: str, order_id: str, key: UUID) -> BindingId | None:
        row = self._statements.first(_PLACE, _at(tenant_id, order_id, key))
        return None if row is None else BindingId(row[0], row[1])

    def by_waybill(self, tenant_id: str, waybill: str) -> Sequence[BindingId]:
        rows = self._statements.rows(_BY_WAYBILL, {"at_tenant": tenant_id, "wanted": waybill})
        return [BindingId(number, key) for number, key in rows]

    def set_waybill(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> None:
        self._statements.change(_CHANGE, {**_at(tenant_id, order_id, binding.key), "waybill": waybill})
