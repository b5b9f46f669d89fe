"""The records of the roster that pass between use cases and storage: every personal value sealed.

Answers for: the shape of what is stored. Must not know: how it is stored, how it is sealed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maskservice.domain.caller_rule import Verdict
from maskservice.domain.ids import BindingId


@dataclass(frozen=True, slots=True)
class EnrolledPhone:
    """``caller``: the blind index in the scope of callers. ``phone``: sealed under the courier's key, in the field
    'phone:' and ``caller`` in hexadecimal."""

    caller: bytes
    phone: bytes

    @property
    def field(self) -> str:
        return phone_field(self.caller)


def phone_field(caller: bytes) -> str:
    return f"phone:{caller.hex()}"


@dataclass(frozen=True, slots=True)
class StoredCourier:
    """A courier who is on the roster. ``name`` is sealed in the field 'name', with the tenant's and the courier's id
    as the row."""

    id: str
    tenant_id: str
    carrier: str
    wrapped_key: bytes
    name: bytes
    created_at: datetime
    pin_mark: bytes | None = None
    phones: tuple[EnrolledPhone, ...] = ()


@dataclass(frozen=True, slots=True)
class CallerRule:
    """What a tenant says of one caller; ``binding`` None: for all of its bindings. A direction without a verdict is
    not spoken of."""

    id: str
    tenant_id: str
    caller: bytes
    last3: str
    created_at: datetime
    binding: BindingId | None = None
    to_recipient: Verdict | None = None
    to_courier: Verdict | None = None


__all__ = ["CallerRule", "EnrolledPhone", "StoredCourier", "phone_field"]
