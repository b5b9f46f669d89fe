"""The roster of a tenant: couriers added, listed, changed, removed.

Answers for: the order of the steps and the one commit; a phone and a PIN are one courier's. Must not know: HTTP, SQL,
how a call asks for any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from maskservice.domain.errors import NotFound, PhoneEnrolled, PinTaken
from maskservice.domain.ids import plain_id, read_plain_id, time_of, uuid7
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.roster import AUTO, plain_text
from maskservice.services.binding_reads import Page
from maskservice.services.binding_steps import UNCHANGED
from maskservice.services.content import seal_phone
from maskservice.services.idempotency import IdempotentRequest, claim_plain_key
from maskservice.services.pins import Draw, drawn_at_random, drawn_for, free_pin, pin_mark, pin_of
from maskservice.services.ports import Ports, RowCipher, UnitOfWork
from maskservice.services.records import Tenant
from maskservice.services.roster_judging import CourierDraft, Judged, judge, own_marks
from maskservice.services.roster_records import EnrolledPhone, StoredCourier, phone_field
from maskservice.services.roster_views import CourierView, open_courier, shown_name, shown_phones

COURIER_PREFIX = "cou"


@dataclass(frozen=True, slots=True)
class Added:
    """``replayed``: an Idempotency-Key gave the first answer again."""

    view: CourierView
    replayed: bool = False


def add_courier(
    tenant: Tenant, draft: CourierDraft, ports: Ports, *, idempotency: IdempotentRequest | None = None
) -> Added:
    """Puts a courier on the roster. Raises InvalidContent (every field error at once), PhoneEnrolled, PinTaken,
    IdempotencyKeyReused, IdempotencyInProgress."""
    with ports.unit() as uow:
        now = ports.clock.now()
        key = uuid7(now, ports.randomness.randbytes(10))
        draw = drawn_at_random(ports) if idempotency is None else drawn_for(idempotency, tenant.id, ports)
        earlier = claim_plain_key(idempotency, tenant, key=key, now=now, uow=uow, ports=ports)
        if earlier is not None:
            return Added(_first_view(tenant, draft, earlier.binding, draw, uow, ports), replayed=True)
        judged = judged_draft(tenant, draft, uow, ports)
        uow.couriers.hold(tenant.id)
        view, _ = enter_courier(tenant, judged, key=key, draw=draw, uow=uow, ports=ports)
        uow.commit()
    return Added(view)


def enter_courier(
    tenant: Tenant, judged: Judged, *, key: UUID, draw: Draw, uow: UnitOfWork, ports: Ports
) -> tuple[CourierView, StoredCourier]:
    """Writes a courier of whom everything is named; the roster is held. Raises PhoneEnrolled, PinTaken."""
    name, carrier, phones, pin = _whole(judged)
    pin = free_pin(tenant.id, draw, uow, ports) if pin == AUTO else pin
    courier_id = plain_id(COURIER_PREFIX, key)
    row = ports.cipher.new_row(tenant.id, courier_id)
    courier = StoredCourier(
        id=courier_id,
        tenant_id=tenant.id,
        carrier=carrier,
        wrapped_key=row.wrapped_key,
        name=row.seal("name", name),
        # From the key, so that the first answer can be told again from it.
        created_at=time_of(key),
        pin_mark=None if pin is None else pin_mark(pin, ports),
        phones=sealed_phones(phones, row),
    )
    uow.couriers.add(courier)
    return (
        CourierView(
            id=courier_id,
            name=shown_name(name, tenant),
            carrier=carrier,
            phones=shown_phones(phones.values()),
            has_pin=pin is not None,
            created_at=courier.created_at,
            pin=pin,
        ),
        courier,
    )


def get_courier(tenant: Tenant, courier_id: str, *, ports: Ports) -> CourierView:
    """Raises NotFound."""
    read_plain_id(COURIER_PREFIX, courier_id)
    with ports.unit(write=False) as uow:
        courier = _own(tenant, courier_id, uow)
    return open_courier(courier, tenant, ports.cipher)


def list_couriers(
    tenant: Tenant, *, limit: int, before: UUID | None = None, carrier: str | None = None, ports: Ports
) -> Page[CourierView]:
    """Newest first. ``before``: the key of the last one already seen; ``limit`` 1 to 200; ``carrier``: exactly so."""
    last = None if before is None else plain_id(COURIER_PREFIX, before)
    wanted = None if carrier is None else plain_text(carrier)
    with ports.unit(write=False) as uow:
        found = uow.couriers.page(tenant.id, limit=limit + 1, before=last, carrier=wanted)
    rows = [open_courier(each, tenant, ports.cipher) for each in found[:limit]]
    return Page(rows, read_plain_id(COURIER_PREFIX, rows[-1].id) if len(found) > limit else None)


def change_courier(tenant: Tenant, courier_id: str, draft: CourierDraft, ports: Ports) -> CourierView:
    """Changes what the draft names; ``phones`` are all of the courier's from now on. Raises NotFound, InvalidContent,
    PhoneEnrolled, PinTaken."""
    read_plain_id(COURIER_PREFIX, courier_id)
    with ports.unit() as uow:
        uow.couriers.hold(tenant.id)
        courier = _own(tenant, courier_id, uow)
        judged = judged_draft(tenant, draft, uow, ports)
        view, _ = rewrite_courier(tenant, courier, judged, uow, ports)
        uow.commit()
    return view


def rewrite_courier(
    tenant: Tenant, courier: StoredCourier, judged: Judged, uow: UnitOfWork, ports: Ports
) -> tuple[CourierView, StoredCourier]:
    """Writes what differs; the roster is held. Raises PhoneEnrolled, PinTaken, before anything is written."""
    row = ports.cipher.open_row(tenant.id, courier.id, courier.wrapped_key)
    after, pin = courier, None
    if judged.phones is not UNCHANGED:
        owners = uow.couriers.owners(tenant.id, judged.phones)
        if set(owners.values()) - {courier.id}:
            raise PhoneEnrolled("A phone is on another courier of this roster. Take it off there first.")
    if judged.pin is None:
        after = replace(after, pin_mark=None)
    elif judged.pin is not UNCHANGED:
        pin = free_pin(tenant.id, drawn_at_random(ports), uow, ports) if judged.pin == AUTO else judged.pin
        after = replace(after, pin_mark=_free_mark(pin, courier, uow, ports))
    if judged.carrier is not UNCHANGED:
        after = replace(after, carrier=judged.carrier)
    if judged.name is not UNCHANGED and row.open("name", courier.name) != judged.name:
        after = replace(after, name=row.seal("name", judged.name))
    if after != courier:
        uow.couriers.save(after)
    if judged.phones is not UNCHANGED:
        after = replace(after, phones=_exchange(courier, judged.phones, row, uow))
    return open_courier(after, tenant, ports.cipher, pin=pin), after


def renew_pin(tenant: Tenant, courier_id: str, *, ports: Ports) -> CourierView:
    """A new PIN, in the view; the old one is a wrong PIN from now on. Raises NotFound."""
    return change_courier(tenant, courier_id, CourierDraft(pin=AUTO), ports)


def remove_courier(tenant: Tenant, courier_id: str, *, ports: Ports) -> None:
    """Takes a courier off: name, phones, PIN and assignments are forgotten at once. Again: nothing. Raises NotFound."""
    read_plain_id(COURIER_PREFIX, courier_id)
    with ports.unit() as uow:
        uow.couriers.hold(tenant.id)
        if not uow.couriers.remove(tenant.id, courier_id, at=ports.clock.now()):
            raise NotFound("There is no such courier.")
        uow.assignments.forget_courier(courier_id)
        uow.commit()


def judged_draft(tenant: Tenant, draft: CourierDraft, uow: UnitOfWork, ports: Ports) -> Judged:
    """Raises InvalidContent."""
    return judge(draft, tenant, uow.numbers.own_among(own_marks((draft,), ports)), ports)


def sealed_phones(phones: Mapping[bytes, PhoneNumber], row: RowCipher) -> tuple[EnrolledPhone, ...]:
    return tuple(EnrolledPhone(caller, seal_phone(phone, row, phone_field(caller))) for caller, phone in phones.items())


def _own(tenant: Tenant, courier_id: str, uow: UnitOfWork) -> StoredCourier:
    courier = uow.couriers.get(tenant.id, courier_id)
    if courier is None:
        raise NotFound("There is no such courier.")
    return courier


def _free_mark(pin: str, courier: StoredCourier, uow: UnitOfWork, ports: Ports) -> bytes:
    mark = pin_mark(pin, ports)
    if uow.couriers.pin_owner(courier.tenant_id, mark) not in (None, courier.id):
        raise PinTaken("Another courier of this tenant has this PIN. Take another, or 'auto'.")
    return mark


def _exchange(
    courier: StoredCourier, phones: Mapping[bytes, PhoneNumber], row: RowCipher, uow: UnitOfWork
) -> tuple[EnrolledPhone, ...]:
    kept = tuple(each for each in courier.phones if each.caller in phones)
    there = {each.caller for each in kept}
    fresh = sealed_phones({caller: phone for caller, phone in phones.items() if caller not in there}, row)
    uow.couriers.strike(courier.tenant_id, courier.id, {each.caller for each in courier.phones} - there)
    uow.couriers.enroll(courier.tenant_id, courier.id, fresh)
    return kept + fresh


def _first_view(
    tenant: Tenant, draft: CourierDraft, key: UUID, draw: Draw, uow: UnitOfWork, ports: Ports
) -> CourierView:
    """The first answer again, made of the request, which is the same: whatever has become of the courier since. A made
    PIN is told again as long as it is his."""
    name, carrier, phones, pin = _whole(judged_draft(tenant, draft, uow, ports))
    had_pin = pin is not None
    courier_id = plain_id(COURIER_PREFIX, key)
    if pin == AUTO:
        courier = uow.couriers.get(tenant.id, courier_id)
        pin = None if courier is None else pin_of(courier.pin_mark, draw, ports)
    shown = shown_phones(phones.values())
    return CourierView(courier_id, shown_name(name, tenant), carrier, shown, had_pin, time_of(key), pin)


def _whole(judged: Judged) -> tuple[str, str, Mapping[bytes, PhoneNumber], str | None]:
    """Name, carrier, phones and PIN of a new courier, who has the first two at least."""
    if judged.name is UNCHANGED or judged.carrier is UNCHANGED:
        raise ValueError("a new courier has a name and a carrier")
    phones = {} if judged.phones is UNCHANGED else judged.phones
    return judged.name, judged.carrier, phones, None if judged.pin is UNCHANGED else judged.pin


__all__ = [
    "COURIER_PREFIX", "Added", "add_courier", "change_courier", "enter_courier", "get_courier", "judged_draft",
    "list_couriers", "remove_courier", "renew_pin", "rewrite_courier", "sealed_phones",
]  # fmt: skip
