"""From a checked body to the command of one tap.

Answers for: all field errors at once, the caller's own among them. Must not know: how the use case goes on.
"""

from __future__ import annotations

from typing import Any, Final

from maskservice.domain.errors import FieldError, InvalidContent, MaskedNumberUnreadable
from maskservice.domain.ids import BindingId
from maskservice.domain.masked import MaskedNumber, read_masked
from maskservice.domain.phone import read_phone
from maskservice.services.judging import phone_fault
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.taps import CALLER_POINTER, Tap
from maskservice.web.bodies import read_object
from maskservice.web.schemas import FIELD_CODES, check
from maskservice.web.schemas_calls import TapBody

_PARCEL: Final = ("binding_id", "masked_number", "waybill")
_MASKED_POINTER: Final = "/masked_number"


def read_tap(tenant: Tenant, ports: Ports) -> Tap:
    """Raises InvalidContent with every field error, and what reading a body raises."""
    content = read_object()
    body, errors = check(TapBody, content)
    errors += _parcel_errors(content)
    masked = _read_masked(content)
    if isinstance(masked, FieldError) and masked.pointer not in {error.pointer for error in errors}:
        errors += (masked,)
    parcel: BindingId | MaskedNumber | str | None = None
    if body is not None:
        parcel = body.binding_id or (masked if isinstance(masked, MaskedNumber) else None) or body.waybill
    if body is None or parcel is None or errors:
        raise InvalidContent(errors + _caller_errors(content, errors, tenant, ports))
    return Tap(parcel, read_phone(body.caller))


def _parcel_errors(content: dict[str, Any]) -> tuple[FieldError, ...]:
    """A parcel is named in exactly one way; null names nothing."""
    named = [name for name in _PARCEL if content.get(name) is not None]
    if not named:
        return (FieldError("/binding_id", "required", "Send a binding's id, a masked number or a waybill."),)
    return tuple(FieldError(f"/{name}", "exclusive", FIELD_CODES["exclusive"]) for name in named[1:])


def _read_masked(content: dict[str, Any]) -> MaskedNumber | FieldError | None:
    text = content.get("masked_number")
    if not isinstance(text, str):
        return None
    try:
        return read_masked(text)
    except MaskedNumberUnreadable as unreadable:
        return FieldError(_MASKED_POINTER, unreadable.code, unreadable.detail)


def _caller_errors(
    content: dict[str, Any], errors: tuple[FieldError, ...], tenant: Tenant, ports: Ports
) -> tuple[FieldError, ...]:
    """What would be refused next, in a request that is refused already."""
    phone = content.get("caller")
    if not isinstance(phone, str) or CALLER_POINTER in {error.pointer for error in errors}:
        return ()
    fault = phone_fault(read_phone(phone), tenant, ports, pointer=CALLER_POINTER)
    return () if fault is None else (fault,)
