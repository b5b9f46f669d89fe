"""One tap: a courier app asks to call, and for a short time that caller reaches that recipient without an extension.

Answers for: finding the tenant's own live binding, judging the caller, writing the pass. Must not know: HTTP, SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from maskservice.domain.binding import Binding
from maskservice.domain.errors import NotFound
from maskservice.domain.ids import BindingId
from maskservice.domain.masked import MaskedNumber
from maskservice.domain.phone import PhoneReading
from maskservice.services.endings import settled
from maskservice.services.judging import judged_phone
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import StoredBinding, Tenant

# As Volcengine's `EnableDuration` of `BindAXBForAXNE` in its sample (field.md, finding 6): time to tap, wait for a lift
# and dial once more, and gone before the next stop.
PASS_LIFE = timedelta(seconds=180)
CALLER_POINTER = "/caller"


@dataclass(frozen=True, slots=True)
class Tap:
    """``parcel``: the binding's id, its masked number, or its waybill as a text. ``caller``: the phone from which the
    courier is going to call. Of a phone with an extension it is the number that counts: no switchboard shows more."""

    parcel: BindingId | MaskedNumber | str
    caller: PhoneReading = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pass:
    """``virtual_number`` is to be dialled alone, until ``expires_at``."""

    virtual_number: str
    expires_at: datetime

    @property
    def dial_uri(self) -> str:
        return f"tel:{self.virtual_number}"


def tap(tenant: Tenant, command: Tap, ports: Ports) -> Pass:
    """Gives the caller his pass to the recipient: 180 seconds, never longer than the binding. He has one pass on a
    virtual number: a newer tap replaces an older one. The recipient himself may be tapped for: he then reaches this
    order's courier, as by his own link (``call_links.py``), and nobody learns by this whose number it is.

    Raises InvalidContent at /caller for a phone that the tenant may not bind either, NotFound where no live binding of
    the tenant answers to the parcel.
    """
    now = ports.clock.now()
    with ports.unit() as uow:
        caller = judged_phone(command.caller, tenant, uow, ports, pointer=CALLER_POINTER)
        binding = _live(tenant, _found(tenant, command.parcel, uow), now=now, uow=uow)
        number = binding.id.virtual_number
        expires_at = min(now + PASS_LIFE, binding.expires_at)
        mark = ports.index.number(number, caller.reveal())
        uow.passes.give(binding.id, mark, expires_at=expires_at)
        uow.commit()
    return Pass(number, expires_at)


def _found(tenant: Tenant, parcel: BindingId | MaskedNumber | str, uow: UnitOfWork) -> Sequence[StoredBinding | None]:
    match parcel:
        case BindingId():
            return (uow.bindings.get(parcel),)
        case MaskedNumber(virtual_number, extension):
            return (uow.bindings.by_slot(virtual_number, extension),)
        case _:
            return [uow.bindings.get(place) for place in uow.orders.by_waybill(tenant.id, parcel)]


def _live(tenant: Tenant, found: Sequence[StoredBinding | None], *, now: datetime, uow: UnitOfWork) -> Binding:
    """The first live one of the tenant, newest first. A locked binding is not live."""
    for each in found:
        if each is not None and each.binding.tenant_id == tenant.id:
            binding = settled(each, uow, now).binding
            if binding.is_live(now):
                return binding
    raise NotFound("No live binding answers to this.")


__all__ = ["CALLER_POINTER", "PASS_LIFE", "Pass", "Tap", "tap"]
