"""Binding an order's recipient to a masked number.

Answers for: the order of the steps and the one commit. Must not know: HTTP, SQL, which cipher.
A new order is an offer and one write; with an idempotency key at most six statements: key, offer, order, count, slot,
binding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from maskservice.domain.binding import resolve_expiry
from maskservice.domain.call_policy import BindingRules
from maskservice.domain.errors import FieldError, InvalidContent, OrderAlreadyBound
from maskservice.domain.ids import uuid7
from maskservice.domain.phone import PhoneNumber, PhoneReading
from maskservice.services.content import Recipient, numbers_outside, open_recipient, printable_address
from maskservice.services.idempotency import IdempotentRequest, claim_key
from maskservice.services.judging import UNKNOWN_POOL, offer_of, own_mark, phone_error
from maskservice.services.placing import Order, place_at_once, place_order
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import PoolOffer, StoredBinding, Tenant
from maskservice.services.slots import until_placed
from maskservice.services.views import BindingView, Bound, open_view


@dataclass(frozen=True, slots=True)
class CreateBinding:
    """Shape checked already: texts within their limits. ``expires_in`` in seconds. ``phone`` is judged here, where
    own numbers are known."""

    tenant: Tenant
    order_id: str
    name: str = field(repr=False)
    phone: PhoneReading = field(repr=False)
    address: str | None = field(default=None, repr=False)
    pool: str = "default"
    expires_in: int | None = None
    expires_at: datetime | None = None
    waybill: str | None = None
    metadata: dict[str, Any] | None = field(default=None, repr=False)
    idempotency: IdempotentRequest | None = None
    call_rules: BindingRules | None = None


def create_binding(command: CreateBinding, ports: Ports) -> Bound:
    """Binds the order, or gives its live binding back when the phone is the same.

    Raises InvalidContent (every field error at once), OrderAlreadyBound, PoolExhausted, IdempotencyKeyReused,
    IdempotencyInProgress,
    DatabaseUnavailable.
    """
    if command.idempotency is None:
        bound = _at_once(command, ports)
        if bound is not None:
            return bound
    with ports.unit() as uow:
        bound = until_placed(lambda: _create(command, uow, ports), uow)
        uow.commit()
        return bound


def _at_once(command: CreateBinding, ports: Ports) -> Bound | None:
    """The straight way: an offer, and one write that is all or nothing. None where it leads nowhere: an order that is
    held already, a number that filled up."""
    now = ports.clock.now()
    key = uuid7(now, ports.randomness.randbytes(10))
    with ports.unit(whole=True) as uow:
        offer = offer_of(command.tenant, command.pool, command.phone.base, uow, ports, order_id=command.order_id)
        order = order_of(command, offer, is_own=_is_own(command.phone, offer, uow, ports), now=now)
        if offer is None:  # order_of has refused already; this line is for the type checker
            raise InvalidContent
        bound = place_at_once(order, offer, key=key, now=now, uow=uow, ports=ports)
        if bound is not None:
            uow.commit()
    return bound


def _create(command: CreateBinding, uow: UnitOfWork, ports: Ports) -> Bound:
    now = ports.clock.now()
    key = uuid7(now, ports.randomness.randbytes(10))
    replayed = claim_key(command.idempotency, command.tenant, command.order_id, key=key, now=now, uow=uow, ports=ports)
    if replayed is not None:
        return replayed
    offer = offer_of(command.tenant, command.pool, command.phone.base, uow, ports)
    order = order_of(command, offer, is_own=_is_own(command.phone, offer, uow, ports), now=now)
    if offer is None:  # order_of has refused already; this line is for the type checker
        raise InvalidContent

    def answer_existing(stored: StoredBinding) -> Bound:
        view = same_recipient(stored, order.recipient.phone, now=now, ports=ports)
        if command.idempotency is not None:
            uow.idempotency.answered_with(command.tenant.id, command.idempotency.key, binding=stored.binding.id.key)
        return Bound(view, created=False)

    return place_order(order, offer, key=key, now=now, uow=uow, ports=ports, answer_existing=answer_existing)


def _is_own(reading: PhoneReading, offer: PoolOffer | None, uow: UnitOfWork, ports: Ports) -> bool:
    """The offer says so; where there is no pool to offer anything, the phone's error must still stand beside that."""
    if offer is not None:
        return offer.phone_is_own
    return reading.base is not None and uow.numbers.is_own(own_mark(reading.base.reveal(), ports))


def order_of(command: CreateBinding, offer: PoolOffer | None, *, is_own: bool, now: datetime) -> Order:
    """The order that may be placed. ``is_own``: the phone is a number of some pool. Raises InvalidContent with every
    error."""
    phone, expires_at = _judge(command, offer, is_own=is_own, now=now)
    address, hidden = printable_address(command.address, phone)
    outside = numbers_outside(order_id=command.order_id, waybill=command.waybill)
    return Order(
        tenant=command.tenant,
        order_id=command.order_id,
        pool=command.pool,
        recipient=Recipient(name=command.name, phone=phone, address=address, metadata=command.metadata),
        expires_at=expires_at,
        waybill=command.waybill,
        warnings=command.phone.warnings + hidden + outside,
        keep_answer=command.idempotency is not None,
        call_rules=command.call_rules,
    )


def _judge(
    command: CreateBinding, offer: PoolOffer | None, *, is_own: bool, now: datetime
) -> tuple[PhoneNumber, datetime]:
    """Everything that only can be judged here, with every error at once."""
    errors: list[FieldError] = []
    if offer is None:
        errors.append(UNKNOWN_POOL)
    fault = phone_error(command.phone, command.tenant, is_own=is_own)
    if fault is not None:
        errors.append(fault)
    policy = command.tenant.policy
    expires_at = now
    try:
        expires_at = resolve_expiry(
            now=now,
            expires_in=command.expires_in,
            expires_at=command.expires_at,
            default=policy.default_life,
            longest=policy.longest_life,
        )
    except InvalidContent as invalid:
        errors.extend(invalid.errors)
    if errors or command.phone.number is None:
        raise InvalidContent(tuple(errors))
    return command.phone.number, expires_at


def same_recipient(stored: StoredBinding, phone: PhoneNumber, *, now: datetime, ports: Ports) -> BindingView:
    """The order's live binding, for one who asks with the same phone. Raises OrderAlreadyBound."""
    if open_recipient(stored, ports.cipher).phone != phone:
        raise OrderAlreadyBound(
            "The order has a live binding to another phone. Change that binding's recipient, or release it first."
        )
    return open_view(stored, cipher=ports.cipher, now=now)
