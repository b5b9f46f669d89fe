"""Placing an order on a virtual number: the order's claim, the slot, the sealed binding.

Answers for: the steps that create and reopen share, within the caller's unit of work. Must not know: who asked, why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from maskservice.domain.allocation import proposals_needed, propose
from maskservice.domain.binding import Binding, Status
from maskservice.domain.call_policy import BindingRules
from maskservice.domain.errors import DatabaseUnavailable, PoolExhausted
from maskservice.domain.ids import BindingId
from maskservice.domain.names import mask_name
from maskservice.services.content import Recipient, seal_content
from maskservice.services.endings import end_seen
from maskservice.services.placements import Placement
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import PoolOffer, StoredBinding, Tenant
from maskservice.services.slots import POOL_IS_FULL, shuffled, take_slot
from maskservice.services.views import BindingView, Bound, compose_view

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What a new binding is to be made of."""

    tenant: Tenant
    order_id: str
    pool: str
    recipient: Recipient
    expires_at: datetime
    waybill: str | None
    warnings: tuple[str, ...] = ()
    reopened_from: BindingId | None = None
    keep_answer: bool = False
    call_rules: BindingRules | None = None


def place_at_once(
    order: Order, offer: PoolOffer, *, key: UUID, now: datetime, uow: UnitOfWork, ports: Ports
) -> Bound | None:
    """Places an order that is new, on a number that has room, in one write; None for any other: nothing is written then
    and :func:`place_order` finds out what it is. For a unit that is whole by itself."""
    if not offer.numbers or offer.order_is_held or order.keep_answer:
        return None
    # Among those that were offered any is as good: picking at random spreads evenly also where few stand in the ring.
    chosen = ports.randomness.below(len(offer.numbers))
    place = BindingId(offer.numbers[chosen], key)
    binding = new_binding(order, place, extension="", masked_name=masked_name_of(order), now=now)
    row = ports.cipher.new_row(order.tenant.id, str(place))
    content = seal_content(order.recipient, row, index=ports.index, virtual_number=place.virtual_number)
    enough = proposals_needed(offer.policy, held=offer.policy.ceiling - offer.rooms[chosen])
    proposals = propose(offer.policy, ports.randomness.below, count=enough)
    placement = Placement(StoredBinding(binding, content), offer.policy.ceiling, proposals)
    extension = uow.placements.place(placement)
    if extension is None:
        return None
    return Bound(view_of_new(order, placement.with_extension(extension).binding, now=now), created=True)


def place_order(
    order: Order,
    offer: PoolOffer,
    *,
    key: UUID,
    now: datetime,
    uow: UnitOfWork,
    ports: Ports,
    answer_existing: Callable[[StoredBinding], Bound],
) -> Bound:
    """Within :func:`services.slots.until_placed`, which begins again where a number filled up."""
    # Among those that were offered any is as good: picking at random spreads evenly also where few stand in the ring.
    offer = replace(offer, numbers=shuffled(offer.numbers, ports.randomness))
    # A full pool must not hide that the order has its number already, so the order is looked at in either case.
    place = BindingId(offer.numbers[0] if offer.numbers else "+0", key)
    existing = _claim_order(order, place, now=now, uow=uow)
    if existing is not None:
        return answer_existing(existing)
    if not offer.numbers:
        raise PoolExhausted(POOL_IS_FULL)
    virtual_number, extension = take_slot(offer, binding=key, at=now, uow=uow, randomness=ports.randomness)
    binding = new_binding(order, place, extension=extension, masked_name=masked_name_of(order), now=now)
    view = view_of_new(order, binding, now=now)
    row = ports.cipher.new_row(order.tenant.id, str(place))
    content = seal_content(order.recipient, row, index=ports.index, virtual_number=virtual_number)
    answer = row.seal("creation_answer", view.snapshot()) if order.keep_answer else None
    uow.bindings.add(StoredBinding(binding, content), creation_answer=answer)
    return Bound(view, created=True)


def masked_name_of(order: Order) -> str:
    policy = order.tenant.policy
    return mask_name(order.recipient.name, mask=policy.mask, latin_mask=policy.latin_mask)


def new_binding(order: Order, binding_id: BindingId, *, extension: str, masked_name: str, now: datetime) -> Binding:
    return Binding(
        id=binding_id,
        tenant_id=order.tenant.id,
        order_id=order.order_id,
        extension=extension,
        status=Status.ACTIVE,
        created_at=now,
        expires_at=order.expires_at,
        waybill=order.waybill,
        masked_name=masked_name,
        reopened_from=order.reopened_from,
        call_rules=None if order.call_rules is None else order.call_rules.or_none(),
    )


def view_of_new(order: Order, binding: Binding, *, now: datetime) -> BindingView:
    return compose_view(
        binding,
        now=now,
        address=order.recipient.address,
        metadata=order.recipient.metadata,
        warnings=order.warnings,
    )


def _claim_order(order: Order, place: BindingId, *, now: datetime, uow: UnitOfWork) -> StoredBinding | None:
    """Makes ``place`` the order's current binding; the stored one where the order is held already."""
    for _ in range(_ATTEMPTS):
        if uow.orders.claim(order.tenant.id, order.order_id, binding=place, waybill=order.waybill):
            return None
        current = uow.orders.current(order.tenant.id, order.order_id)
        stored = None if current is None else uow.bindings.get(current, for_update=True)
        if stored is None or current is None:
            continue
        if stored.binding.holds_order(now):
            return stored
        end_seen(stored, uow, now)
        uow.orders.retire(order.tenant.id, order.order_id, binding=stored.binding.id)
    raise DatabaseUnavailable("The order is being bound by other requests; try again.")
