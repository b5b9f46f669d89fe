"""What only the service can judge of a request: our own numbers, the tenant's countries and pools.

Answers for: the field errors of these, also beside those that the entrance found. Must not know: HTTP.
"""

from __future__ import annotations

from maskservice.domain.errors import FieldError, InvalidContent, PhoneRefused
from maskservice.domain.phone import PhoneNumber, PhoneReading, judge_phone, read_again
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import PoolOffer, Tenant

_OWN_SCOPE = "own"
RECIPIENT_POINTER = "/recipient/phone"
UNKNOWN_POOL = FieldError("/pool", "unknown_pool", "There is no pool of this name that your tenant may use.")


def phone_fault(
    reading: PhoneReading, tenant: Tenant, ports: Ports, *, pointer: str = RECIPIENT_POINTER
) -> FieldError | None:
    """The phone's field error, for a request that is refused for other fields too: all errors are told at once."""
    with ports.unit(write=False) as uow:
        own = reading.base is not None and uow.numbers.is_own(own_mark(reading.base.reveal(), ports))
    return phone_error(reading, tenant, is_own=own, pointer=pointer)


def pool_fault(pool: str, tenant: Tenant, ports: Ports) -> FieldError | None:
    """The pool's field error, likewise."""
    with ports.unit(write=False) as uow:
        offer = offer_of(tenant, pool, None, uow, ports)
    return UNKNOWN_POOL if offer is None else None


def judged_phone(
    reading: PhoneReading, tenant: Tenant, uow: UnitOfWork, ports: Ports, *, pointer: str = RECIPIENT_POINTER
) -> PhoneNumber:
    """The phone, if this tenant may bind it. Raises InvalidContent at the pointer."""
    own = reading.base is not None and uow.numbers.is_own(own_mark(reading.base.reveal(), ports))
    fault = phone_error(reading, tenant, is_own=own, pointer=pointer)
    if fault is not None or reading.number is None:
        raise InvalidContent(() if fault is None else (fault,))
    return reading.number


def can_be_bound(phone: PhoneNumber, tenant: Tenant) -> bool:
    """Whether the number is of a kind that the tenant may reach; our own numbers are not asked about here."""
    reading = read_again(phone)
    return phone_error(reading, tenant, is_own=False) is None


def own_mark(virtual_number: str, ports: Ports) -> bytes:
    """The blind index by which one of our own numbers is recognised, so that a real number never stands in a
    statement."""
    return ports.index.number(_OWN_SCOPE, virtual_number)


def offer_of(
    tenant: Tenant,
    pool: str,
    phone: PhoneNumber | None,
    uow: UnitOfWork,
    ports: Ports,
    *,
    limit: int = 8,
    order_id: str | None = None,
) -> PoolOffer | None:
    mark = None if phone is None else own_mark(phone.reveal(), ports)
    place = ports.randomness.below(2**31)
    return uow.numbers.offer(
        tenant_id=tenant.id, pool_name=pool, phone_mark=mark, spread=place, limit=limit, order_id=order_id
    )


def phone_error(
    reading: PhoneReading, tenant: Tenant, *, is_own: bool, pointer: str = RECIPIENT_POINTER
) -> FieldError | None:
    try:
        judge_phone(reading, is_own=is_own, allowed_countries=tenant.policy.countries)
    except PhoneRefused as refusal:
        return FieldError(pointer, refusal.code, refusal.detail)
    return None
