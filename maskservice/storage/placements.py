"""A new binding placed as one: the order's claim, the number's count, the slot, the binding.

Answers for: the repository ``Placements``: all of it or nothing. Must not know: content, who asks.
On a plain PostgreSQL it is one statement, as in ``leg_writes.py``; elsewhere it is the repositories' own. Both take
their locks in the one order that all writers keep: order, number, slot.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, func, literal_column, select

from maskservice.services.placements import Placement
from maskservice.storage.bindings import SqlBindings, binding_to_row
from maskservice.storage.hot_models import BINDINGS, ORDERS
from maskservice.storage.in_one import inserted_where, named
from maskservice.storage.numbers import SqlNumbers, taken_where
from maskservice.storage.orders import SqlOrders, held_once, order_to_row
from maskservice.storage.slots import SqlSlots, asked_to_claim, claimed_where
from maskservice.storage.statements import Statements

_ONE = literal_column("1", Integer())


@lru_cache(maxsize=1)
def _in_one() -> Select[Any, Any]:
    """Each part is done only where the one before was. In the end it divides by the slots that were claimed: where one
    part came too late that fails, and takes all back. The slots are seen as they were before the number's row was
    waited for, so another unit may have been faster on the one that is picked: the key decides."""
    order = held_once(inserted_where(ORDERS, "order")).returning(_ONE.label("done")).cte("claimed_order")
    number = taken_where(select(_ONE).select_from(order).exists()).cte("counted")
    slot = claimed_where("postgresql", select(_ONE).select_from(number).exists()).cte("slot")
    binding = inserted_where(BINDINGS, "new", found={"extension": slot.c.extension}, source=slot).cte("binding")
    return select(func.max(slot.c.extension), _ONE / func.count()).select_from(slot).add_cte(binding)


class SqlPlacements:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def place(self, placement: Placement) -> str | None:
        return self._place_in_one(placement) if self._statements.is_whole else self._place_each(placement)

    def _place_in_one(self, placement: Placement) -> str | None:
        binding, number = placement.stored.binding, placement.stored.binding.id.virtual_number
        parameters = (
            named(
                "order", order_to_row(binding.tenant_id, binding.order_id, binding=binding.id, waybill=binding.waybill)
            )
            | {"wanted": number, "ceiling_given": placement.ceiling}
            | asked_to_claim(number, placement.proposals, binding=binding.id.key, at=binding.created_at)
            | named("new", binding_to_row(placement.stored, creation_answer=None))
        )
        # What a slot says takes its place.
        del parameters["new_extension"]
        row = self._statements.whole(_in_one(), parameters)
        return None if row is None else str(row[0])

    def _place_each(self, placement: Placement) -> str | None:
        binding, number = placement.stored.binding, placement.stored.binding.id.virtual_number
        orders, numbers = SqlOrders(self._statements), SqlNumbers(self._statements)
        if not orders.claim(binding.tenant_id, binding.order_id, binding=binding.id, waybill=binding.waybill):
            return None
        if numbers.take(number, ceiling=placement.ceiling) is None:
            return None
        extension = SqlSlots(self._statements).claim(
            number, placement.proposals, binding=binding.id.key, at=binding.created_at
        )
        if extension is not None:
            SqlBindings(self._statements).add(placement.with_extension(extension), creation_answer=None)
        return extension
