"""Binding an order's recipient to a masked number: create, and reopen for a return or a second delivery.

Answers for: the order of the steps and the one commit. Must not know: HTTP, SQL, which cipher.
At most six statements for an ordinary create: idempotency key, offer, order, count, slot, binding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from maskservice.domain.binding import Binding, Status, expired, released, require_reopenable, resolve_expiry
from maskservice.domain.errors import (
    DatabaseUnavailable,
    FieldError,
    IdempotencyKeyReused,
    InvalidContent,
    OrderAlreadyBound,
    PhoneRefused,
    PoolExhausted,
)
from maskservice.domain.ids import BindingId, uuid7
from maskservice.domain.names import mask_name
from maskservice.domain.phone import PhoneNumber, PhoneReading, judge_phone
from maskservice.services.content import Recipient, open_recipient, printable_address, seal_content
from maskservice.services.endings import load_own, settled, write_end
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import (
    IdempotencyClaim,
    OrderPlace,
    PoolOffer,
    StoredBinding,
    Tenant,
)
from maskservice.services.slots import take_slot
from maskservice.services.views import BindingView, compose_view, open_view

_OWN_SCOPE = "own"
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """``route`` and ``body`` (in one canonical form) are what 'the same request' means."""

    key: str
    route: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreateBinding:
    """Shape checked already: texts within their limits. ``expires_in`` in seconds. ``phone`` is judged here, where own numbers are known."""

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


@dataclass(frozen=True, slots=True)
class ReopenBinding:
    tenant: Tenant
    binding_id: BindingId
    expires_in: int | None = None
    expires_at: datetime | None = None
    idempotency: IdempotentRequest | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """``created`` is False when the order had its live binding already; ``replayed`` when an Idempotency-Key gave the first answer again."""

    view: BindingView
    created: bool
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Order:
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


def create_binding(command: CreateBinding, ports: Ports) -> Bound:
    """Binds the order, or gives its live binding back when the phone is the same.

    Raises InvalidContent (every field error at once), OrderAlreadyBound, PoolExhausted, IdempotencyKeyReused, IdempotencyInProgress,
    DatabaseUnavailable.
    """
    with ports.unit() as uow:
        bound = _create(command, uow, ports)
        uow.commit()
        return bound


def _create(command: CreateBinding, uow: UnitOfWork, ports: Ports) -> Bound:
    now = ports.clock.now()
    key = uuid7(now, ports.randomness.randbytes(10))
    replayed = _claim_key(command.idempotency, command.tenant, command.order_id, key=key, now=now, uow=uow, ports=ports)
    if replayed is not None:
        return replayed
    offer = _offer(command.tenant, command.pool, command.phone.base, uow, ports)
    phone, expires_at = _judge(command, offer, now)
    if offer is None:  # _judge has refused already; this line is for the type checker
        raise InvalidContent
    address, hidden = printable_address(command.address)
    recipient = Recipient(name=command.name, phone=phone, address=address, metadata=command.metadata)
    order = _Order(
        tenant=command.tenant,
        order_id=command.order_id,
        pool=command.pool,
        recipient=recipient,
        expires_at=expires_at,
        waybill=command.waybill,
        warnings=command.phone.warnings + hidden,
        keep_answer=command.idempotency is not None,
    )

    def answer_existing(stored: StoredBinding) -> Bound:
        view = _same_recipient(stored, phone, now=now, ports=ports)
        if command.idempotency is not None:
            uow.idempotency.answered_with(command.tenant.id, command.idempotency.key, binding=stored.binding.id.key)
        return Bound(view, created=False)

    return _bind(order, offer, key=key, now=now, uow=uow, ports=ports, answer_existing=answer_existing)


def reopen_binding(command: ReopenBinding, ports: Ports) -> Bound:
    """A new binding with a new extension for the same recipient; the old one ends and its extension stays dead.

    Raises NotFound, BindingNotLive (locked), BindingPurged, OrderAlreadyBound (the order has a newer live binding), PoolExhausted.
    """
    with ports.unit() as uow:
        bound = _reopen(command, uow, ports)
        uow.commit()
        return bound


def _reopen(command: ReopenBinding, uow: UnitOfWork, ports: Ports) -> Bound:
    now = ports.clock.now()
    tenant = command.tenant
    old = load_own(tenant.id, command.binding_id, uow, now, change=True)
    key = uuid7(now, ports.randomness.randbytes(10))
    replayed = _claim_key(command.idempotency, tenant, old.binding.order_id, key=key, now=now, uow=uow, ports=ports)
    if replayed is not None:
        return replayed
    require_reopenable(old.binding, now)
    expires_at = resolve_expiry(
        now=now,
        expires_in=command.expires_in,
        expires_at=command.expires_at,
        default=tenant.policy.default_life,
        longest=tenant.policy.longest_life,
    )
    if old.binding.holds_order(now):
        write_end(released(old.binding, now), uow)
    pool = uow.pools.of_number(old.binding.id.virtual_number)
    pool_name = "default" if pool is None else pool.name
    offer = _offer(tenant, pool_name, None, uow, ports)
    if offer is None:
        raise InvalidContent((FieldError("/pool", "unknown_pool", "Your tenant may no longer use this binding's pool."),))
    order = _Order(
        tenant=tenant,
        order_id=old.binding.order_id,
        pool=pool_name,
        recipient=open_recipient(old, ports.cipher),
        expires_at=expires_at,
        waybill=old.binding.waybill,
        reopened_from=old.binding.id,
        keep_answer=command.idempotency is not None,
    )

    def answer_existing(stored: StoredBinding) -> Bound:
        raise OrderAlreadyBound("The order has a newer live binding; reopen that one.")

    return _bind(order, offer, key=key, now=now, uow=uow, ports=ports, answer_existing=answer_existing)


def phone_fault(reading: PhoneReading, tenant: Tenant, ports: Ports) -> FieldError | None:
    """The phone's field error, for a request that is refused for other fields too: all errors are told at once."""
    with ports.unit(write=False) as uow:
        own = reading.base is not None and uow.numbers.is_own(own_mark(reading.base.reveal(), ports))
    return _phone_error(reading, tenant, is_own=own)


def judged_phone(reading: PhoneReading, tenant: Tenant, uow: UnitOfWork, ports: Ports) -> PhoneNumber:
    """The phone, if this tenant may bind it. Raises InvalidContent at /recipient/phone."""
    own = reading.base is not None and uow.numbers.is_own(own_mark(reading.base.reveal(), ports))
    fault = _phone_error(reading, tenant, is_own=own)
    if fault is not None or reading.number is None:
        raise InvalidContent(() if fault is None else (fault,))
    return reading.number


def own_mark(virtual_number: str, ports: Ports) -> bytes:
    """The blind index by which one of our own numbers is recognised, so that a real number never stands in a statement."""
    return ports.index.number(_OWN_SCOPE, virtual_number)


def _offer(
    tenant: Tenant, pool: str, phone: PhoneNumber | None, uow: UnitOfWork, ports: Ports
) -> PoolOffer | None:
    mark = None if phone is None else own_mark(phone.reveal(), ports)
    return uow.numbers.offer(
        tenant_id=tenant.id, pool_name=pool, phone_mark=mark, spread=ports.randomness.below(2**31)
    )


def _phone_error(reading: PhoneReading, tenant: Tenant, *, is_own: bool) -> FieldError | None:
    try:
        judge_phone(reading, is_own=is_own, allowed_countries=tenant.policy.countries)
    except PhoneRefused as refusal:
        return FieldError("/recipient/phone", refusal.code, refusal.detail)
    return None


def _judge(command: CreateBinding, offer: PoolOffer | None, now: datetime) -> tuple[PhoneNumber, datetime]:
    """Everything that only can be judged here, with every error at once."""
    errors: list[FieldError] = []
    if offer is None:
        errors.append(FieldError("/pool", "unknown_pool", "There is no pool of this name that your tenant may use."))
    fault = _phone_error(command.phone, command.tenant, is_own=offer is not None and offer.phone_is_own)
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


def _claim_key(
    request: IdempotentRequest | None,
    tenant: Tenant,
    order_id: str,
    *,
    key: UUID,
    now: datetime,
    uow: UnitOfWork,
    ports: Ports,
) -> Bound | None:
    """Claims the Idempotency-Key; the first answer again where it was used before for the same request."""
    if request is None:
        return None
    print_ = ports.index.fingerprint("request", tenant.id.encode(), request.route.encode(), request.body)
    claim = IdempotencyClaim(tenant.id, request.key, print_, order_id, key, now)
    earlier = uow.idempotency.claim(claim)
    if earlier is None:
        return None
    if earlier.fingerprint != print_:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another request; take a new key for a new request.")
    place = uow.orders.place_of(tenant.id, earlier.order_id, earlier.binding)
    stored = None if place is None else uow.bindings.get(place)
    if place is None or stored is None:
        raise DatabaseUnavailable("The first answer cannot be read now; try again.")
    sealed = uow.bindings.creation_answer(place) if earlier.created else None
    if sealed is not None and stored.content is not None:
        row = ports.cipher.open_row(tenant.id, str(place), stored.content.wrapped_key)
        view = BindingView.from_snapshot(row.open("creation_answer", sealed))
    else:
        view = open_view(settled(stored, uow, now), cipher=ports.cipher, now=now)
    return Bound(view, created=earlier.created, replayed=True)


def _same_recipient(stored: StoredBinding, phone: PhoneNumber, *, now: datetime, ports: Ports) -> BindingView:
    if open_recipient(stored, ports.cipher).phone != phone:
        raise OrderAlreadyBound(
            "The order has a live binding to another phone. Change that binding's recipient, or release it first."
        )
    return open_view(stored, cipher=ports.cipher, now=now)


def _bind(
    order: _Order,
    offer: PoolOffer,
    *,
    key: UUID,
    now: datetime,
    uow: UnitOfWork,
    ports: Ports,
    answer_existing: Callable[[StoredBinding], Bound],
) -> Bound:
    # A full pool must not hide that the order has its number already, so the order is looked at in either case.
    place = BindingId(offer.numbers[0] if offer.numbers else "+0", key)
    existing = _claim_order(order, place, now=now, uow=uow)
    if existing is not None:
        return answer_existing(existing)
    if not offer.numbers:
        raise PoolExhausted(
            "Every virtual number of this pool is at its ceiling. Try again later, or add numbers with 'maskservice numbers import'."
        )
    virtual_number, extension = take_slot(
        offer, tenant_id=order.tenant.id, pool_name=order.pool, binding=key, at=now, uow=uow, randomness=ports.randomness
    )
    binding_id = BindingId(virtual_number, key)
    if binding_id != place:
        uow.orders.move(OrderPlace(order.tenant.id, order.order_id, place, binding_id))
    policy = order.tenant.policy
    binding = Binding(
        id=binding_id,
        tenant_id=order.tenant.id,
        pool_id=offer.pool_id,
        order_id=order.order_id,
        extension=extension,
        status=Status.ACTIVE,
        created_at=now,
        expires_at=order.expires_at,
        waybill=order.waybill,
        masked_name=mask_name(order.recipient.name, mask=policy.mask, latin_mask=policy.latin_mask),
        reopened_from=order.reopened_from,
    )
    view = compose_view(
        binding,
        now=now,
        address=order.recipient.address,
        metadata=order.recipient.metadata,
        warnings=order.warnings,
    )
    row = ports.cipher.new_row(order.tenant.id, str(binding_id))
    content = seal_content(order.recipient, row, index=ports.index, virtual_number=virtual_number)
    answer = row.seal("creation_answer", view.snapshot()) if order.keep_answer else None
    uow.bindings.add(StoredBinding(binding, content), creation_answer=answer)
    return Bound(view, created=True)


def _claim_order(order: _Order, place: BindingId, *, now: datetime, uow: UnitOfWork) -> StoredBinding | None:
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
        ended = replace(stored, binding=_end_seen(stored.binding, now, uow))
        uow.orders.retire(order.tenant.id, order.order_id, binding=ended.binding.id)
    raise DatabaseUnavailable("The order is being bound by other requests; try again.")


def _end_seen(binding: Binding, now: datetime, uow: UnitOfWork) -> Binding:
    """Stores a death that was just seen within this unit: the new binding and it stand or fall together."""
    after = expired(binding, now)
    if after is not binding:
        write_end(after, uow)
    return after


__all__ = [
    "Bound",
    "CreateBinding",
    "IdempotentRequest",
    "ReopenBinding",
    "create_binding",
    "judged_phone",
    "own_mark",
    "phone_fault",
    "reopen_binding",
]
