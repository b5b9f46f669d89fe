"""Identifiers: prefixed, sortable by time, and leading to their virtual number without a search.

Answers for: making and reading ``bnd_…``, ``call_…``, ``ten_…`` and their kin. Must not know: clocks, random sources
(both come in), tables.
A binding's and a call's id carry the virtual number, since it is the key by which rows are spread over machines.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import ClassVar, Self
from uuid import UUID

from maskservice.domain.errors import NotFound

_NUMBER_BYTES = 7  # fifteen decimal digits, the longest E.164 number, need 50 bits
PACKED_BYTES = 16 + _NUMBER_BYTES
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(now: datetime, randomness: bytes) -> UUID:
    """A version 7 UUID (RFC 9562 §5.7): milliseconds since 1970, then ten random bytes of which 74 bits are used.

    Raises ValueError for a naive time or fewer than ten random bytes.
    """
    if now.tzinfo is None:
        raise ValueError("a naive time was given")
    if len(randomness) < 10:
        raise ValueError("ten random bytes are needed")
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    raw = bytearray(milliseconds.to_bytes(6, "big") + randomness[:10])
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return UUID(bytes=bytes(raw))


def time_of(key: UUID) -> datetime:
    """The moment in a version 7 UUID, to the millisecond, UTC."""
    return _EPOCH + timedelta(milliseconds=int.from_bytes(key.bytes[:6], "big"))


def first_key_of(moment: datetime) -> UUID:
    """The least version 7 UUID whose millisecond is not before the moment: keys of a span of time are between two of
    these. Raises ValueError for a naive time; what lies outside of the years that a key can hold is its nearest end."""
    if moment.tzinfo is None:
        raise ValueError("a naive time was given")
    milliseconds = -((_EPOCH - moment) // timedelta(milliseconds=1))
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)


def _write(raw: bytes) -> str:
    # base32hex keeps the order of the bytes, so ids sort by time as texts too (RFC 4648 §7).
    return base64.b32hexencode(raw).decode("ascii").rstrip("=").lower()


def _read(text: str, *, size: int) -> bytes | None:
    try:
        raw = base64.b32hexdecode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return None
    # Only the one canonical spelling is an id: no two texts lead to one row.
    return raw if len(raw) == size and _write(raw) == text else None


def plain_id(prefix: str, key: UUID) -> str:
    """``prefix_…`` for things that do not hang on a virtual number: tenants, keys, pools, PBXs."""
    return f"{prefix}_{_write(key.bytes)}"


def new_plain_id(prefix: str, now: datetime, randomness: bytes) -> str:
    """A fresh ``prefix_…`` id."""
    return plain_id(prefix, uuid7(now, randomness))


def read_plain_id(prefix: str, text: str) -> UUID:
    """The key in a ``prefix_…`` id. Raises NotFound for anything else."""
    head, _, tail = text.partition("_")
    raw = _read(tail, size=16) if head == prefix else None
    if raw is None:
        raise NotFound("There is nothing under this id.")
    return UUID(bytes=raw)


def _packed(virtual_number: str, key: UUID) -> bytes:
    return key.bytes + int(virtual_number.removeprefix("+")).to_bytes(_NUMBER_BYTES, "big")


@lru_cache(maxsize=1024)
def _text_of(prefix: str, virtual_number: str, key: UUID) -> str:
    """Kept for a moment: an id is written for its seals and for its answer, and base32 is Python code."""
    return f"{prefix}_{_write(_packed(virtual_number, key))}"


@dataclass(frozen=True, slots=True)
class _NumberedId:
    """A row's key together with the virtual number (E.164) that it lies under."""

    virtual_number: str
    key: UUID
    prefix: ClassVar[str]

    def __str__(self) -> str:
        return _text_of(self.prefix, self.virtual_number, self.key)

    @property
    def packed(self) -> bytes:
        """The id in 23 bytes: the key, then the number."""
        return _packed(self.virtual_number, self.key)

    @classmethod
    def unpack(cls, raw: bytes) -> Self:
        """Reads :attr:`packed`. Raises NotFound for another length."""
        if len(raw) != PACKED_BYTES:
            raise NotFound("There is nothing under this id.")
        return cls(f"+{int.from_bytes(raw[16:], 'big')}", UUID(bytes=raw[:16]))

    @classmethod
    def new(cls, virtual_number: str, *, now: datetime, randomness: bytes) -> Self:
        """A fresh id under the virtual number; ``randomness`` holds at least ten bytes."""
        return cls(virtual_number, uuid7(now, randomness))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads an id. Raises NotFound for anything else: a garbled id names nothing, which is all that a caller may
        learn."""
        head, _, tail = text.partition("_")
        raw = _read(tail, size=PACKED_BYTES) if head == cls.prefix else None
        return cls.unpack(raw or b"")


@dataclass(frozen=True, slots=True)
class BindingId(_NumberedId):
    """``bnd_…``"""

    prefix: ClassVar[str] = "bnd"


@dataclass(frozen=True, slots=True)
class CallId(_NumberedId):
    """``call_…``; its time is the call's start to the millisecond, which is also part of the row's key."""

    prefix: ClassVar[str] = "call"

    @property
    def started_at(self) -> datetime:
        return time_of(self.key)


@dataclass(frozen=True, slots=True)
class AttemptGroupId(_NumberedId):
    """``grp_…``; see ``attempts.py``."""

    prefix: ClassVar[str] = "grp"
