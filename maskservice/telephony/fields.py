"""What the providers' requests have in common: call ids, callers, called numbers, moments, durations.

Answers for: reading one value of each, None where it cannot be read. Must not know: which field of
which dialect it was.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from maskservice.domain.errors import FieldError, InvalidContent, MaskedNumberUnreadable
from maskservice.domain.masked import Dialled, read_dialled
from maskservice.domain.phone import PhoneNumber, read_caller

LONGEST_CALL_ID: Final = 128
LONGEST_DURATION_S: Final = 86_400
LONGEST_NUMBER: Final = 1024

# The words that providers key into the caller's number when there is none (Twilio's help page lists them):
# ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE. The first looks like a number of Lesotho, the second of Russia.
WITHHELD_AS_DIGITS: Final = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})


def is_call_id(value: object) -> bool:
    """1 to 128 visible characters, as in contract.md."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= LONGEST_CALL_ID
        and all(character.isprintable() and not character.isspace() for character in value)
    )


def required_call_id(value: object, *, pointer: str) -> str:
    """The call id. Raises InvalidContent, naming the field by ``pointer`` and never its value."""
    if isinstance(value, str) and is_call_id(value):
        return value
    code, detail = ("required", "This field is required.") if value is None else ("invalid", _CALL_ID_FORM)
    raise InvalidContent((FieldError(pointer, code, detail),))


_CALL_ID_FORM: Final = "A call id is 1 to 128 visible characters."


def caller_of(value: object) -> PhoneNumber | None:
    """The caller; None when withheld, in any provider's spelling of it, or unreadable."""
    if not isinstance(value, str) or value.strip().removeprefix("+") in WITHHELD_AS_DIGITS:
        return None
    return read_caller(value[:LONGEST_NUMBER])


def dialled_of(value: object) -> Dialled | None:
    """The called number, with the extension it may carry; None when unreadable."""
    if not isinstance(value, str):
        return None
    try:
        return read_dialled(value)
    except MaskedNumberUnreadable:
        return None


def virtual_number_of(value: object) -> str | None:
    """The called number alone, E.164."""
    dialled = dialled_of(value)
    return None if dialled is None else dialled.virtual_number


def digits_of(value: object) -> str | None:
    """What was keyed, as it was keyed; None when the request says nothing of it."""
    return value if isinstance(value, str) else None


def moment_of(value: object) -> datetime | None:
    """A moment of RFC 3339 or RFC 2822 (Twilio) in UTC; None for all else. A time without a zone cannot be placed."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value)
            return None if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError, IndexError, TypeError):
            continue
    return None


def seconds_of(value: object) -> int | None:
    """Whole seconds, 0 to 86,400, sent as a number or as its digits."""
    if isinstance(value, str) and 1 <= len(value) <= 8 and value.isascii():
        whole, _, fraction = value.partition(".")
        value = int(whole) if whole.isdecimal() and (fraction.isdecimal() or not fraction) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= LONGEST_DURATION_S else None


def whole_of(value: object) -> int | None:
    """A status code of up to four digits, sent as a number or as its digits."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 4 else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9999 else None
