"""Reading bindings: one, a page of them, a label, a courier app's resolution.

Answers for: showing a tenant only its own, as they truly are now. Must not know: HTTP, SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from maskservice.domain.binding import Status
from maskservice.domain.errors import BindingNotLive, NotFound
from maskservice.domain.ids import BindingId
from maskservice.domain.masked import MaskedNumber
from maskservice.services.endings import load_own
from maskservice.services.ports import Ports
from maskservice.services.records import StoredBinding, Tenant
from maskservice.services.views import BindingView, open_view

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``next`` is the key to go on after, None at the end."""

    rows: Sequence[T]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class ListBindings:
    """``before``: the key of the last row already seen; ``limit`` 1 to 200."""

    tenant: Tenant
    limit: int
    before: UUID | None = None
    order_id: str | None = None
    waybill: str | None = None
    status: Status | None = None


def get_binding(tenant: Tenant, binding_id: BindingId, *, ports: Ports) -> BindingView:
    """Raises NotFound."""
    now = ports.clock.now()
    return open_view(_read(tenant, binding_id, now=now, ports=ports), cipher=ports.cipher, now=now)


def list_bindings(query: ListBindings, ports: Ports) -> Page[BindingView]:
    """Newest first."""
    now = ports.clock.now()
    with ports.unit(write=False) as uow:
        found = uow.bindings.page(
            query.tenant.id,
            now=now,
            limit=query.limit + 1,
            before=query.before,
            order_id=query.order_id,
            waybill=query.waybill,
            status=query.status,
        )
    rows = [_keep_seen_death(each, now=now, ports=ports) for each in found[: query.limit]]
    more = found[query.limit - 1].binding.id.key if len(found) > query.limit else None
    return Page([open_view(each, cipher=ports.cipher, now=now) for each in rows], more)


def get_label(tenant: Tenant, binding_id: BindingId, *, ports: Ports) -> str:
    """The recipient line. Raises NotFound, and BindingNotLive for a number that is dead: it must not be printed."""
    return _label(get_binding(tenant, binding_id, ports=ports))


def get_label_of_order(tenant: Tenant, order_id: str, *, ports: Ports) -> str:
    """The recipient line of the order's current binding. Raises NotFound, BindingNotLive."""
    with ports.unit(write=False) as uow:
        place = uow.orders.current(tenant.id, order_id)
    if place is None:
        raise NotFound("There is no binding for this order.")
    return get_label(tenant, place, ports=ports)


def _label(view: BindingView) -> str:
    if view.label is None or view.status in (Status.EXPIRED, Status.RELEASED):
        raise BindingNotLive(
            f"The binding is {view.status}: its number is dead and must not be printed. Reopen it for a new one."
        )
    return view.label


def resolve_masked_number(tenant: Tenant, masked: MaskedNumber, *, ports: Ports) -> BindingView:
    """The tenant's live binding of a masked number. Raises NotFound where there is none or it is not live."""
    now = ports.clock.now()
    with ports.unit(write=False) as uow:
        stored = uow.bindings.by_slot(masked.virtual_number, masked.extension)
    return _live_view(tenant, (stored,), now=now, ports=ports)


def resolve_waybill(tenant: Tenant, waybill: str, *, ports: Ports) -> BindingView:
    """The tenant's newest live binding of a waybill. Raises NotFound."""
    now = ports.clock.now()
    with ports.unit(write=False) as uow:
        found = [uow.bindings.get(place) for place in uow.orders.by_waybill(tenant.id, waybill)]
    return _live_view(tenant, found, now=now, ports=ports)


def _live_view(tenant: Tenant, found: Sequence[StoredBinding | None], *, now: datetime, ports: Ports) -> BindingView:
    for each in found:
        if each is not None and each.binding.tenant_id == tenant.id:
            true = _keep_seen_death(each, now=now, ports=ports)
            if true.binding.is_live(now):
                return open_view(true, cipher=ports.cipher, now=now)
    raise NotFound("No live binding answers to this.")


def _read(tenant: Tenant, binding_id: BindingId, *, now: datetime, ports: Ports) -> StoredBinding:
    with ports.unit(write=False) as uow:
        stored = uow.bindings.get(binding_id)
    if stored is None or stored.binding.tenant_id != tenant.id:
        raise NotFound("There is no such binding.")
    return _keep_seen_death(stored, now=now, ports=ports)


def _keep_seen_death(stored: StoredBinding, *, now: datetime, ports: Ports) -> StoredBinding:
    """A death that is shown is stored first, so that a clock going backwards cannot revive it. Rare: once a binding
    at most."""
    if not stored.binding.needs_end(now):
        return stored
    with ports.unit() as uow:
        return load_own(stored.binding.tenant_id, stored.binding.id, uow, now, change=True)
