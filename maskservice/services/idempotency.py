"""An Idempotency-Key: the same key and request get the first answer again.

Answers for: the claim of a key, and the replay. Must not know: HTTP, what the request makes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from maskservice.domain.errors import DatabaseUnavailable, IdempotencyKeyReused
from maskservice.services.endings import settled
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import IdempotencyClaim, Tenant
from maskservice.services.views import BindingView, Bound, open_view


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """``route`` and ``body`` (in one canonical form) are what 'the same request' means."""

    key: str
    route: str
    body: bytes = field(repr=False)


def claim_key(
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
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used with another request; take a new key for a new request."
        )
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


def claim_plain_key(
    request: IdempotentRequest | None,
    tenant: Tenant,
    *,
    key: UUID,
    now: datetime,
    uow: UnitOfWork,
    ports: Ports,
) -> IdempotencyClaim | None:
    """Claims the Idempotency-Key for something that hangs on no order, to be made under ``key``; the earlier claim
    where the key was used before for the same request. Raises IdempotencyKeyReused, IdempotencyInProgress.

    No answer is stored with it: whoever asks makes the first one again from the request, which is the same, and from
    the key of what was made, which tells its id and its moment.
    """
    if request is None:
        return None
    print_ = ports.index.fingerprint("request", tenant.id.encode(), request.route.encode(), request.body)
    earlier = uow.idempotency.claim(IdempotencyClaim(tenant.id, request.key, print_, "", key, now))
    if earlier is not None and earlier.fingerprint != print_:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used with another request; take a new key for a new request."
        )
    return earlier
