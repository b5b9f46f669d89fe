"""The index from an order or a waybill to where its bindings lie.

Answers for: the repository ``Orders``; an order has one current binding, by the primary key: there ``former`` is empty,
in an earlier one it is the binding's key. Must not know: bindings themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    delete,
    exists,
    literal_column,
    select,
    true,
    update,
)
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

_NOT_FORMER: ColumnElement[str] = literal_column("''")
_IS_CURRENT = _O.former == _NOT_FORMER


def held_once(statement: Insert) -> Insert:
    """An order has one current binding: the second gets nothing."""
    return statement.on_conflict_do_nothing(index_elements=[_O.tenant_id, _O.order_id, _O.former])


def has_current(tenant: ColumnElement[str], order: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the tenant's order has a current binding."""
    return exists().where(_O.tenant_id == tenant, _O.order_id == order, _IS_CURRENT)


_CLAIM = held_once(upsert(ORDERS))
_GIVE_UP = delete(ORDERS).where(*_OF_BINDING)
_CURRENT = select(_O.virtual_number, _O.binding).where(*_OF_ORDER, _IS_CURRENT)
_RETIRE = update(ORDERS).where(*_OF_BINDING).values(former=bindparam("as_former"))
_CHANGE = update(ORDERS).where(*_OF_BINDING)
_PLACE = select(_O.virtual_number, _O.binding).where(*_OF_BINDING)


def of_waybill(dialect: str) -> tuple[ColumnElement[bool], ...]:
    """The rows of a tenant's waybill: parameters ``tenant`` and ``waybill``. PostgreSQL has them in a hash index, which
    takes one value: the two in a row, of which the first has always the same length."""
    tenant = bindparam("tenant", type_=_O.tenant_id.type)
    waybill = bindparam("waybill", type_=Text())
    rows = (_O.tenant_id == tenant, _O.waybill == waybill)
    if dialect == "sqlite":
        return rows
    return (*rows, cast(_O.tenant_id, Text).concat(_O.waybill) == cast(tenant, Text).concat(waybill))


@lru_cache(maxsize=2)
def _by_waybill(dialect: str) -> Select[Any]:
    return (
        select(_O.virtual_number, _O.binding)
        .where(*of_waybill(dialect), _IS_CURRENT)
        .order_by(_O.binding.desc())
        .limit(_MOST_BY_WAYBILL)
    )


@lru_cache(maxsize=2)
def _claim_many(dialect: str) -> ReturningInsert[Any]:
    rows, place, (order, key, number, waybill) = listed(dialect, 4)
    binding: ColumnElement[Any] = key if dialect == "sqlite" else cast(key, Uuid)
    wanted = (
        select(bindparam("tenant", type_=_O.tenant_id.type), order, binding, number, waybill, _NOT_FORMER)
        .select_from(rows)
        # SQLite reads the ON of an upsert as a join's without a WHERE.
        .where(true())
        .order_by(place)
    )
    columns = [_O.tenant_id, _O.order_id, _O.binding, _O.virtual_number, _O.waybill, _O.former]
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
        "former": "",
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
        self._statements.change(_RETIRE, {**_at(tenant_id, order_id, binding.key), "as_former": binding.key.hex})

    def place_of(self, tenant_id: str, order_id: str, key: UUID) -> BindingId | None:
        row = self._statements.first(_PLACE, _at(tenant_id, order_id, key))
        return None if row is None else BindingId(row[0], row[1])

    def by_waybill(self, tenant_id: str, waybill: str) -> Sequence[BindingId]:
        given = {"tenant": tenant_id, "waybill": waybill}
        rows = self._statements.rows(_by_waybill(self._statements.dialect), given)
        return [BindingId(number, key) for number, key in rows]

    def set_waybill(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> None:
        self._statements.change(_CHANGE, {**_at(tenant_id, order_id, binding.key), "waybill": waybill})
