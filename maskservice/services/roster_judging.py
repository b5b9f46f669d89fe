"""What is wrong with a courier as a tenant describes it: every field error at once, our own numbers and the tenant's
countries included.

Answers for: drafts of couriers, whole ones and those that name a few fields only. Must not know: HTTP, who has what
phone already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.phone import PhoneNumber, PhoneReading
from maskservice.domain.roster import AUTO, carrier_fault, name_fault, phones_fault, pin_fault, plain_text, read_pin
from maskservice.services.binding_steps import UNCHANGED, Unchanged
from maskservice.services.guarding import CALLER_SCOPE
from maskservice.services.judging import own_mark, phone_error
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant

_Unchanged = Literal[Unchanged.UNCHANGED]


@dataclass(frozen=True, slots=True)
class CourierDraft:
    """What a request says of a courier; UNCHANGED for what it does not. ``pin``: digits, 'auto' to have one made, None
    for none. A phone that could not even be read is None: its error was told already."""

    name: str | _Unchanged = field(default=UNCHANGED, repr=False)
    carrier: str | _Unchanged = field(default=UNCHANGED, repr=False)
    phones: tuple[PhoneReading | None, ...] | _Unchanged = field(default=UNCHANGED, repr=False)
    pin: str | _Unchanged | None = field(default=UNCHANGED, repr=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """A draft without faults, in the form in which things are kept; ``phones`` by their callers' blind index, each
    once."""

    name: str | _Unchanged = field(repr=False)
    carrier: str | _Unchanged = field(repr=False)
    phones: dict[bytes, PhoneNumber] | _Unchanged
    pin: str | _Unchanged | None = field(repr=False)


def own_marks(drafts: Iterable[CourierDraft], ports: Ports) -> frozenset[bytes]:
    """The marks by which it is found whether a phone is one of our own numbers, to be asked for in one go."""
    return frozenset(
        own_mark(phone.base.reveal(), ports)
        for draft in drafts
        if draft.phones is not UNCHANGED
        for phone in draft.phones
        if phone is not None and phone.base is not None
    )


def judge(draft: CourierDraft, tenant: Tenant, own: Collection[bytes], ports: Ports) -> Judged:
    """``own``: those of :func:`own_marks` that are ours. Raises InvalidContent with every field error."""
    found = faults(draft, tenant, own, ports)
    if found:
        raise InvalidContent(found)
    phones: dict[bytes, PhoneNumber] | _Unchanged = UNCHANGED
    if draft.phones is not UNCHANGED:
        numbers = [phone.number for phone in draft.phones if phone is not None and phone.number is not None]
        phones = {ports.index.number(CALLER_SCOPE, each.reveal()): each for each in numbers}
    return Judged(
        draft.name if draft.name is UNCHANGED else plain_text(draft.name),
        draft.carrier if draft.carrier is UNCHANGED else plain_text(draft.carrier),
        phones,
        draft.pin if draft.pin is UNCHANGED or draft.pin is None else read_pin(draft.pin),
    )


def faults(draft: CourierDraft, tenant: Tenant, own: Collection[bytes], ports: Ports) -> tuple[FieldError, ...]:
    """Every field error of what the draft names."""
    found: list[FieldError | None] = []
    if draft.name is not UNCHANGED:
        found.append(name_fault(draft.name))
    if draft.carrier is not UNCHANGED:
        found.append(carrier_fault(draft.carrier))
    if draft.phones is not UNCHANGED:
        found.append(phones_fault(len(draft.phones)))
        for place, phone in enumerate(draft.phones):
            if phone is not None:
                is_own = phone.base is not None and own_mark(phone.base.reveal(), ports) in own
                found.append(phone_error(phone, tenant, is_own=is_own, pointer=f"/phones/{place}"))
    if draft.pin is not UNCHANGED and draft.pin is not None:
        pin = read_pin(draft.pin)
        found.append(None if pin == AUTO else pin_fault(pin))
    return tuple(fault for fault in found if fault is not None)


def draft_faults(draft: CourierDraft, tenant: Tenant, ports: Ports) -> tuple[FieldError, ...]:
    """The same for a request that is refused for other fields too: all errors are told at once."""
    with ports.unit(write=False) as uow:
        own = uow.numbers.own_among(own_marks((draft,), ports))
    return faults(draft, tenant, own, ports)


__all__ = ["CourierDraft", "Judged", "draft_faults", "faults", "judge", "own_marks"]
