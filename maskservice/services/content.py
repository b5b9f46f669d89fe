"""A binding's personal content: sealed field by field under the binding's own data key, and opened again.

Answers for: which fields there are and how a phone is written inside its seal. Must not know: the cipher itself,
storage.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from maskservice.domain.errors import BindingPurged
from maskservice.domain.phone import PhoneNumber
from maskservice.domain.typed_numbers import hide_numbers, spellings_of
from maskservice.services.ports import BlindIndex, NumberCipher, RowCipher
from maskservice.services.records import SealedContent, StoredBinding


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient in the open, for the length of one use case."""

    name: str = field(repr=False)
    phone: PhoneNumber
    address: str | None = field(default=None, repr=False)
    metadata: dict[str, Any] | None = field(default=None, repr=False)


NUMBER_IN_ADDRESS = "number_in_address"


def numbers_outside(**texts: str | None) -> tuple[str, ...]:
    """Warnings for texts that are kept as they came, since they are the platform's own keys, and hold what reads as a
    phone number: ``number_in_order_id`` and ``number_in_waybill``."""
    return tuple(f"number_in_{name}" for name, text in texts.items() if text is not None and holds_mobile(text))


# A mobile number that stands by itself. Keys are full of dates and counters: anything looser would cry wolf.
_MOBILE = re.compile(r"(?<!\d)(?:\+?886[-_ ]?|0)9\d{2}[-_ ]?\d{3}[-_ ]?\d{3}(?!\d)")


def holds_mobile(text: str) -> bool:
    """Whether a key (an order id, a waybill, a call id) was made of a Taiwanese mobile number."""
    return _MOBILE.search(text) is not None


def printable_address(address: str | None, phone: PhoneNumber | None = None) -> tuple[str | None, tuple[str, ...]]:
    """The address as it may be printed, with a warning where a phone number stood in it and was hidden.

    ``phone``: the recipient's own, whose digits are hidden however they are spelled and spaced. The hidden form is what
    gets sealed as well: the number is then nowhere, and no later reader of the address can print it by mistake. What is
    lost is the typed original, which nobody needs: the warning tells the platform, who has it.
    """
    if address is None:
        return None, ()
    shown = hide_numbers(address, also=() if phone is None else spellings_of(phone.reveal()))
    return shown, () if shown == address else (NUMBER_IN_ADDRESS,)


def seal_phone(phone: PhoneNumber, row: RowCipher, field_name: str = "phone") -> bytes:
    """E.164, then ';' and the landline's own extension where it has one."""
    tail = f";{phone.extension}" if phone.extension else ""
    return row.seal(field_name, phone.reveal() + tail)


def open_phone(sealed: bytes, row: RowCipher, field_name: str = "phone") -> PhoneNumber:
    number, _, extension = row.open(field_name, sealed).partition(";")
    return PhoneNumber.from_e164(number, extension=extension or None)


def seal_content(recipient: Recipient, row: RowCipher, *, index: BlindIndex, virtual_number: str) -> SealedContent:
    """Everything personal of a binding under ``row``; the number's mark is of use on this virtual number only."""
    return SealedContent(
        wrapped_key=row.wrapped_key,
        phone=seal_phone(recipient.phone, row),
        name=row.seal("name", recipient.name),
        phone_mark=index.number(virtual_number, recipient.phone.reveal()),
        shared_line=recipient.phone.extension is not None,
        address=None if recipient.address is None else row.seal("address", recipient.address),
        metadata=None
        if recipient.metadata is None
        else row.seal("metadata", json.dumps(recipient.metadata, ensure_ascii=False)),
    )


def open_recipient(stored: StoredBinding, cipher: NumberCipher) -> Recipient:
    """The recipient in the open. Raises BindingPurged, KeyMissing, SealBroken."""
    content = stored.content
    if content is None:
        raise BindingPurged("The recipient's details were purged.")
    row = cipher.open_row(stored.binding.tenant_id, str(stored.binding.id), content.wrapped_key)
    return Recipient(
        name=row.open("name", content.name),
        phone=open_phone(content.phone, row),
        address=None if content.address is None else row.open("address", content.address),
        metadata=None if content.metadata is None else json.loads(row.open("metadata", content.metadata)),
    )
