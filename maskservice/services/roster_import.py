"""A whole roster at once: each row adds a courier, or brings the one of its phones up to date.

Answers for: one bad row spoiling no other, and the same file twice changing nothing. Must not know: CSV, JSON, HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maskservice.domain.errors import Conflict, FieldError, InvalidContent, PhoneEnrolled, PinTaken
from maskservice.domain.ids import uuid7
from maskservice.domain.roster import AUTO
from maskservice.services.binding_steps import UNCHANGED
from maskservice.services.pins import drawn_at_random, pin_mark
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Tenant
from maskservice.services.roster import enter_courier, rewrite_courier
from maskservice.services.roster_judging import CourierDraft, Judged, judge, own_marks
from maskservice.services.roster_records import StoredCourier
from maskservice.services.roster_views import CourierView

# A commit's worth: few enough that nobody else waits long for the roster, many enough that commits do not add up.
ROWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """Of one row: what the courier is now, ``created`` or found; or why it was refused."""

    courier: CourierView | None = None
    created: bool = False
    refusal: InvalidContent | Conflict | None = None


@dataclass(slots=True)
class _Roster:
    """What the rows of one unit need to know of the roster, which is held meanwhile, and what they add to it."""

    owners: dict[bytes, str]
    couriers: dict[str, StoredCourier]


def import_couriers(
    tenant: Tenant, rows: Sequence[CourierDraft | InvalidContent], ports: Ports
) -> Iterator[RowOutcome]:
    """An outcome a row, in order; a row that could not even be read is its refusal. Each hundred is committed before
    its outcomes are given, so an import that breaks off can be done again from its beginning.

    A row is the courier's whose phones they all are; where it has none, the courier's of its PIN, if name and carrier
    are his too. It changes name, carrier and PIN, never takes a phone off. 'auto' makes a PIN for one who has none.
    """
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield from _import(tenant, rows[start : start + ROWS_AT_ONCE], ports)


def _import(tenant: Tenant, rows: Sequence[CourierDraft | InvalidContent], ports: Ports) -> Sequence[RowOutcome]:
    drafts = [row for row in rows if isinstance(row, CourierDraft)]
    with ports.unit() as uow:
        own = uow.numbers.own_among(own_marks(drafts, ports))
        read = [row if isinstance(row, InvalidContent) else _judged(row, tenant, own, ports) for row in rows]
        uow.couriers.hold(tenant.id)
        roster = _roster(tenant, read, uow)
        outcomes = [
            RowOutcome(refusal=each) if isinstance(each, InvalidContent) else _enter(tenant, each, roster, uow, ports)
            for each in read
        ]
        uow.commit()
    return outcomes


def _judged(draft: CourierDraft, tenant: Tenant, own: frozenset[bytes], ports: Ports) -> Judged | InvalidContent:
    try:
        judged = judge(draft, tenant, own, ports)
    except InvalidContent as refusal:
        return refusal
    if not judged.phones and judged.pin in (None, UNCHANGED, AUTO):
        detail = "Give a phone, or a PIN of its own digits: without either the row could not be known again."
        return InvalidContent((FieldError("/phones", "phone_or_pin_required", detail),))
    return judged


def _roster(tenant: Tenant, read: Sequence[Judged | InvalidContent], uow: UnitOfWork) -> _Roster:
    callers = {
        caller for each in read if isinstance(each, Judged) and each.phones is not UNCHANGED for caller in each.phones
    }
    owners = dict(uow.couriers.owners(tenant.id, callers))
    return _Roster(owners, dict(uow.couriers.several(tenant.id, set(owners.values()))))


def _enter(tenant: Tenant, row: Judged, roster: _Roster, uow: UnitOfWork, ports: Ports) -> RowOutcome:
    """Whatever refuses a row does so before anything of it is written."""
    try:
        known = _known(tenant, row, roster, uow, ports)
        if known is not None:
            return RowOutcome(_update(tenant, known, row, roster, uow, ports))
        _require_free_pin(tenant, row, uow, ports)
    except Conflict as refusal:
        return RowOutcome(refusal=refusal)
    key = uuid7(ports.clock.now(), ports.randomness.randbytes(10))
    view, courier = enter_courier(tenant, row, key=key, draw=drawn_at_random(ports), uow=uow, ports=ports)
    roster.couriers[courier.id] = courier
    roster.owners |= {each.caller: courier.id for each in courier.phones}
    return RowOutcome(view, created=True)


def _known(tenant: Tenant, row: Judged, roster: _Roster, uow: UnitOfWork, ports: Ports) -> StoredCourier | None:
    """The courier that the row is about, if he is on the roster. Raises PhoneEnrolled, PinTaken."""
    phones = () if row.phones is UNCHANGED else row.phones
    owners = {roster.owners.get(caller) for caller in phones}
    if not phones:
        return _known_by_pin(tenant, row, uow, ports)
    if owners == {None}:
        return None
    (owner, *others) = owners
    if others or owner is None:
        raise PhoneEnrolled(
            "Only some of these phones are on the roster, or they are several couriers'. Change the courier himself."
        )
    return roster.couriers[owner]


def _known_by_pin(tenant: Tenant, row: Judged, uow: UnitOfWork, ports: Ports) -> StoredCourier | None:
    owner = uow.couriers.pin_owner(tenant.id, pin_mark(str(row.pin), ports))
    courier = None if owner is None else uow.couriers.get(tenant.id, owner)
    if courier is None:
        return None
    cipher = ports.cipher.open_row(tenant.id, courier.id, courier.wrapped_key)
    if (cipher.open("name", courier.name), courier.carrier) != (row.name, row.carrier):
        raise PinTaken("Another courier of this tenant has this PIN. Take another, or 'auto' with a phone.")
    return courier


def _require_free_pin(tenant: Tenant, row: Judged, uow: UnitOfWork, ports: Ports) -> None:
    if row.pin is UNCHANGED or row.pin in (None, AUTO):
        return
    if uow.couriers.pin_owner(tenant.id, pin_mark(row.pin, ports)) is not None:
        raise PinTaken("Another courier of this tenant has this PIN. Take another, or 'auto'.")


def _update(
    tenant: Tenant, known: StoredCourier, row: Judged, roster: _Roster, uow: UnitOfWork, ports: Ports
) -> CourierView:
    # An empty PIN in a list says nothing of the one he has, and his other phones are not the row's matter.
    pin = row.pin
    if pin is None or (pin == AUTO and known.pin_mark is not None):
        pin = UNCHANGED
    view, roster.couriers[known.id] = rewrite_courier(
        tenant, known, Judged(row.name, row.carrier, UNCHANGED, pin), uow, ports
    )
    return view


__all__ = ["ROWS_AT_ONCE", "RowOutcome", "import_couriers"]
