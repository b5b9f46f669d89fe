"""Reopening an order for a return or a second delivery: a new binding tied to the old one, which ends.

Answers for: the order of the steps and the one commit. Must not know: HTTP, SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maskservice.domain.binding import released, require_reopenable, resolve_expiry
from maskservice.domain.errors import FieldError, InvalidContent, OrderAlreadyBound
from maskservice.domain.ids import BindingId, uuid7
from maskservice.services.caller_rules import inherit_rules
from maskservice.services.content import open_recipient
from maskservice.services.endings import load_own, write_end
from maskservice.services.idempotency import IdempotentRequest, claim_key
from maskservice.services.judging import offer_of
from maskservice.services.placing import Order, place_order
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import StoredBinding, Tenant
from maskservice.services.slots import until_placed
from maskservice.services.views import Bound


@dataclass(frozen=True, slots=True)
class ReopenBinding:
    tenant: Tenant
    binding_id: BindingId
    expires_in: int | None = None
    expires_at: datetime | None = None
    idempotency: IdempotentRequest | None = None


def reopen_binding(command: ReopenBinding, ports: Ports) -> Bound:
    """A new binding with a new extension for the same recipient, with the same rules for calls; the old one ends and
    its extension stays dead.

    Raises NotFound, BindingNotLive (locked), BindingPurged, OrderAlreadyBound (the order has a newer live binding),
    PoolExhausted.
    """
    with ports.unit() as uow:
        bound = until_placed(lambda: _reopen(command, uow, ports), uow)
        uow.commit()
        return bound


def _reopen(command: ReopenBinding, uow: UnitOfWork, ports: Ports) -> Bound:
    now = ports.clock.now()
    tenant = command.tenant
    old = load_own(tenant.id, command.binding_id, uow, now, change=True)
    key = uuid7(now, ports.randomness.randbytes(10))
    replayed = claim_key(command.idempotency, tenant, old.binding.order_id, key=key, now=now, uow=uow, ports=ports)
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
    offer = offer_of(tenant, pool_name, None, uow, ports)
    if offer is None:
        raise InvalidContent(
            (FieldError("/pool", "unknown_pool", "Your tenant may no longer use this binding's pool."),)
        )
    order = Order(
        tenant=tenant,
        order_id=old.binding.order_id,
        pool=pool_name,
        recipient=open_recipient(old, ports.cipher),
        expires_at=expires_at,
        waybill=old.binding.waybill,
        reopened_from=old.binding.id,
        keep_answer=command.idempotency is not None,
        call_rules=old.binding.call_rules,
    )

    def answer_existing(_: StoredBinding) -> Bound:
        raise OrderAlreadyBound("The order has a newer live binding; reopen that one.")

    bound = place_order(order, offer, key=key, now=now, uow=uow, ports=ports, answer_existing=answer_existing)
    inherit_rules(tenant, old.binding.id, bound.view.id, uow, ports)
    return bound
