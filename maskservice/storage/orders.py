"""The index from an order or a waybill to where its bindings lie.

Answers for: the repository ``Orders``; an order has one current binding, by the partial unique index. Must not know:
bindings themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from maskservice.domain.ids import BindingId
from maskservice.services.records import OrderPlace
from maskservice.storage.hot_models import ORDERS
from maskservice.storage.statements import Statements

_MOST_BY_WAYBILL = 10

_O = ORDERS.c
_OF_ORDER = (_O.tenant_id == bindparam("at_tenant"), _O.order_id == bindparam("at_order"))
_OF_BINDING = (*_OF_ORDER, _O.binding == bindparam("at_binding"))

_CLAIM = upsert(ORDERS).on_conflict_do_nothing(
    index_elements=[_O.tenant_id, _O.order_id], index_where=text("is_current")
)
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


def _at(tenant_id: str, order_id: str, binding: UUID) -> dict[str, Any]:
    return {"at_tenant": tenant_id, "at_order": order_id, "at_binding": binding}


class SqlOrders:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def claim(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> bool:
        """On PostgreSQL a second claim waits until the first one's unit has ended."""
        row = {
            "tenant_id": tenant_id,
            "order_id": order_id,
            "binding": binding.key,
            "virtual_number": binding.virtual_number,
            "waybill": waybill,
            "is_current": True,
        }
        return self._statements.change(_CLAIM, row) == 1

    def current(self, tenant_id: str, order_id: str) -> BindingId | None:
        row = self._statements.first(_CURRENT, {"at_tenant": tenant_id, "at_order": order_id})
        return None if row is None else BindingId(row[0], row[1])

    def retire(self, tenant_id: str, order_id: str, *, binding: BindingId) -> None:
        self._statements.change(_RETIRE, _at(tenant_id, order_id, binding.key))

    def move(self, place: OrderPlace) -> None:
        self._statements.change(
            _CHANGE,
            {
                **_at(place.tenant_id, place.order_id, place.old.key),
                "virtual_number": place.new.virtual_number,
                "binding": place.new.key,
            },
        )

    def place_of(self, tenant_id: str, order_id: str, key: UUID) -> BindingId | None:
        row = self._statements.first(_PLACE, _at(tenant_id, order_id, key))
        return None if row is None else BindingId(row[0], row[1])

    def by_waybill(self, tenant_id: str, waybill: str) -> Sequence[BindingId]:
        rows = self._statements.rows(_BY_WAYBILL, {"at_tenant": tenant_id, "wanted": waybill})
        return [BindingId(number, key) for number, key in rows]

    def set_waybill(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> None:
        self._statements.change(_CHANGE, {**_at(tenant_id, order_id, binding.key), "waybill": waybill})
