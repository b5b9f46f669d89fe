"""What a tenant is shown of its roster: masked names, the last three digits of phones, never a PIN but once.

Answers for: opening a stored courier for its tenant. Must not know: JSON field order, HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from maskservice.domain.names import mask_name
from maskservice.domain.phone import PhoneNumber
from maskservice.services.content import open_phone
from maskservice.services.ports import NumberCipher
from maskservice.services.records import Tenant
from maskservice.services.roster_records import StoredCourier


@dataclass(frozen=True, slots=True)
class CourierView:
    """``name`` is masked; ``phones`` are last three digits, in their order. ``pin`` is set only in the answer to the
    request that made or set it."""

    id: str
    name: str
    carrier: str
    phones: tuple[str, ...]
    has_pin: bool
    created_at: datetime
    pin: str | None = field(default=None, repr=False)


def open_courier(
    courier: StoredCourier, tenant: Tenant, cipher: NumberCipher, *, pin: str | None = None
) -> CourierView:
    """Raises KeyMissing, SealBroken."""
    row = cipher.open_row(courier.tenant_id, courier.id, courier.wrapped_key)
    return CourierView(
        id=courier.id,
        name=shown_name(row.open("name", courier.name), tenant),
        carrier=courier.carrier,
        phones=shown_phones(open_phone(each.phone, row, each.field) for each in courier.phones),
        has_pin=courier.pin_mark is not None,
        created_at=courier.created_at,
        pin=pin,
    )


def shown_name(name: str, tenant: Tenant) -> str:
    return mask_name(name, mask=tenant.policy.mask, latin_mask=tenant.policy.latin_mask)


def shown_phones(phones: Iterable[PhoneNumber]) -> tuple[str, ...]:
    """In the order of what is shown: that of their marks would change with the key ring, that of the request is not
    kept."""
    return tuple(sorted(phone.last3 for phone in phones))


__all__ = ["CourierView", "open_courier", "shown_name", "shown_phones"]
