"""Who may be on a roster: names, carriers, phones and PINs of couriers, and what a PIN may be.

Answers for: the limits, and the field error of each. Must not know: tenants, which PIN is taken, chance.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Final

from maskservice.domain.errors import FieldError
from maskservice.domain.label import one_line
from maskservice.domain.typed_numbers import hide_numbers

LONGEST_NAME: Final = 100
LONGEST_CARRIER: Final = 40
MOST_PHONES: Final = 10
MOST_ASSIGNED: Final = 20
"""Couriers of one binding: a shift of a depot at the most; whoever wants all of them wants 'enrolled'."""
SHORTEST_PIN, LONGEST_PIN = 4, 8
MADE_PINS: Final = 10**6
"""A made PIN has six digits."""
AUTO: Final = "auto"
"""Stands for a PIN that the service is to make."""

_PIN: Final = re.compile(rf"[0-9]{{{SHORTEST_PIN},{LONGEST_PIN}}}")
_SUBSCRIBER_DIGITS: Final = 7  # the shortest Taiwanese number worth the name has as many


def plain_text(text: str) -> str:
    """A name or carrier as it is kept and compared: one line, single spaces, composed (NFC)."""
    return unicodedata.normalize("NFC", one_line(text))


def name_fault(name: str, pointer: str = "/name") -> FieldError | None:
    """A name has 1 to 100 characters."""
    return _text_fault(name, pointer, longest=LONGEST_NAME)


def carrier_fault(carrier: str, pointer: str = "/carrier") -> FieldError | None:
    """A carrier has 1 to 40 characters, and is no number: it is kept and shown in clear, and in a list whose columns
    were swapped it would be somebody's phone."""
    fault = _text_fault(carrier, pointer, longest=LONGEST_CARRIER)
    if fault is not None:
        return fault
    digits = sum(unicodedata.category(each) == "Nd" for each in carrier)
    if digits >= _SUBSCRIBER_DIGITS or hide_numbers(carrier) != carrier:
        detail = "A carrier's name holds no phone number. Check that name, carrier and phone are not swapped."
        return FieldError(pointer, "number_in_carrier", detail)
    return None


def phones_fault(count: int, pointer: str = "/phones") -> FieldError | None:
    """A courier has 0 to 10 phones."""
    if count > MOST_PHONES:
        return FieldError(pointer, "too_long", f"A courier has at most {MOST_PHONES} phones.")
    return None


def read_pin(text: str) -> str:
    """The digits of a PIN in any width, without spaces around it and the apostrophe of a spreadsheet."""
    return unicodedata.normalize("NFKC", text).strip().lstrip("'")


def pin_fault(pin: str, pointer: str = "/pin") -> FieldError | None:
    """What is wrong with a PIN as :func:`read_pin` gives it."""
    if not _PIN.fullmatch(pin):
        detail = f"A PIN has {SHORTEST_PIN} to {LONGEST_PIN} digits; 'auto' has one made."
        return FieldError(pointer, "pin_invalid", detail)
    if is_trivial(pin):
        detail = "A PIN of equal or consecutive digits is the first that anybody tries. Take another, or 'auto'."
        return FieldError(pointer, "pin_trivial", detail)
    return None


def is_trivial(pin: str) -> bool:
    """Whether each digit is the one before it, plus one or minus one: 0000, 1234, 7890, 9876. In the 3.4 million PINs
    of DataGenetics' study (2012) 1234 and 1111 alone are one in six."""
    steps = {(int(later) - int(digit)) % 10 for digit, later in pairwise(pin)}
    return steps in ({0}, {1}, {9})


def made_pin(drawn: int) -> str:
    """The PIN of a number in [0, 10^6)."""
    if not 0 <= drawn < MADE_PINS:
        raise ValueError("a PIN is made of a number below 10^6")
    return f"{drawn:06d}"


def _text_fault(text: str, pointer: str, *, longest: int) -> FieldError | None:
    if any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in text):
        return FieldError(pointer, "control_character", "Send a text without control characters and line breaks.")
    if not plain_text(text):
        return FieldError(pointer, "blank", "Send a text with at least one visible character.")
    if len(text) > longest:
        return FieldError(pointer, "too_long", f"Send at most {longest} characters.")
    return None


__all__ = [
    "AUTO",
    "LONGEST_CARRIER",
    "LONGEST_NAME",
    "LONGEST_PIN",
    "MADE_PINS",
    "MOST_ASSIGNED",
    "MOST_PHONES",
    "SHORTEST_PIN",
    "carrier_fault",
    "is_trivial",
    "made_pin",
    "name_fault",
    "phones_fault",
    "pin_fault",
    "plain_text",
    "read_pin",
]
