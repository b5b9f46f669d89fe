"""Phone numbers: the secret form of one, reading what a platform or a PBX sends, and judging whether it may be bound.

Answers for: ``PhoneNumber`` (never printed whole by accident), ``read_phone``, ``judge_phone``, ``read_caller``.
Must not know: which numbers are the service's own, which countries a tenant allows, where a number is stored: all
of that comes in as arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NoReturn, final
from urllib.parse import unquote

from maskservice.domain.errors import PhoneRefused
from maskservice.domain.phone_plan import PhoneKind, country_of, kind_of_e164, read_subscriber
from maskservice.domain.phone_rules import LEADING_ZERO_RESTORED, TEXT_DROPPED, VOIP_NUMBER, decide
from maskservice.domain.phone_text import TokenKind, normalise, tokenise

__all__ = [
    "REFUSALS",
    "WARNINGS",
    "PhoneKind",
    "PhoneNumber",
    "PhoneReading",
    "judge_phone",
    "read_again",
    "read_caller",
    "read_phone",
]

REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "already_masked": "Some digits are hidden. Send the whole number; the service does the masking.",
        "international": "Numbers of this country are not allowed for this tenant. "
        "Send a Taiwanese number or have the country allowed.",
        "invalid_number": "This is no phone number. "
        "Send a Taiwanese number with its leading 0, or an international one with + and country code.",
        "letter_in_number": "A letter stands where a digit is expected (O for 0, l for 1). Type digits only.",
        "missing_area_code": "The area code is missing. Send the number with it, as in 02-2345-6789.",
        "mobile_with_extension": "A mobile number has no extension. Send the mobile number alone.",
        "multiple_numbers": "There is more than one number in the field. Send the one that the courier is to call.",
        "no_digits": "There is no number in the field. Send the phone in digits.",
        "number_range": "This is a range of numbers. Send the one that the courier is to call.",
        "own_masked_number": "This is a virtual number of this service. Send the recipient's real number.",
        "personal_number": "Personal numbers (099) cannot be bound. Send a mobile or landline number.",
        "placeholder": "This is a filler, not a phone number. Send the real one.",
        "premium_rate": "Premium-rate numbers are never called. Send a mobile or landline number.",
        "short_code": "Short service numbers cannot be bound. Send a mobile or landline number.",
        "special_number": "Corporate numbers such as 412-xxxx cannot be called as they stand. "
        "Send one with an area code, or a mobile number.",
        "spreadsheet_float": "A spreadsheet made a decimal of the number. Format the column as text and send it again.",
        "toll_free": "Toll-free numbers cannot be bound. Send a mobile or landline number.",
        "uan": "Universal access numbers (050) cannot be bound. Send a mobile or landline number.",
        "unclear_extension": "Digits follow the number and it is not clear what they are. "
        "Write an extension of 1 to 8 digits as in 02-2345-6789#100.",
        "wrong_length": "The number has too few or too many digits. Check it and send it again.",
    }
)
"""Every code with which a phone is refused, and the sentence for it. No sentence holds a value."""

WARNINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        LEADING_ZERO_RESTORED: "The leading 0 was missing and was put back.",
        TEXT_DROPPED: "Text beside the number was not kept.",
        VOIP_NUMBER: "This is an internet phone number (070).",
    }
)
"""Every warning that an accepted phone may carry."""

_E164: Final = re.compile(r"\+[0-9]{6,15}")
_EXTENSION: Final = re.compile(r"[0-9]{1,8}")
# What a PBX asserts is taken by its shape: a caller is counted and blocked by it, valid in a plan or not.
_ASSERTED: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_URI_USER: Final = re.compile(r"\b(?:sips?|tel):([^@;>\s]+)", re.IGNORECASE)


@final
class PhoneNumber:
    """A real number, immutable, equal by number and extension. However printed, it shows as ``PhoneNumber(•••678)``.

    ``reveal()`` is the one way out. It has no ``__dict__``, is no dataclass (``asdict`` leaves it as it is),
    refuses to be pickled, and a copy is the object itself.
    """

    __slots__ = ("__e164", "__extension", "__weakref__")
    __e164: str
    __extension: str | None

    def __init__(self, e164: str, extension: str | None = None) -> None:
        """Raises PhoneRefused ``invalid_number`` when a part has not the shape that ``from_e164`` describes."""
        # The argument must not stay in the traceback's sentence: the detail never names it.
        if not _E164.fullmatch(e164) or (extension is not None and not _EXTENSION.fullmatch(extension)):
            raise PhoneRefused(
                "invalid_number", "A stored number has not the form of E.164 with an extension of 1 to 8 digits."
            )
        object.__setattr__(self, "_PhoneNumber__e164", e164)
        object.__setattr__(self, "_PhoneNumber__extension", extension)

    @classmethod
    def from_e164(cls, text: str, *, extension: str | None = None) -> PhoneNumber:
        """A stored value: ``+`` and 6 to 15 digits (ITU-T E.164), the extension 1 to 8 digits. Only shape is checked.

        Raises PhoneRefused ``invalid_number``.
        """
        return cls(text, extension)

    def reveal(self) -> str:
        """The whole number in E.164. Only the connect decision and the cipher have a reason to ask."""
        return self.__e164

    @property
    def last3(self) -> str:
        """The last three digits: the most that anybody but an authenticated PBX is shown."""
        return self.__e164[-3:]

    @property
    def kind(self) -> PhoneKind:
        """By the first digits; see ``phone_plan.kind_of_e164``."""
        return kind_of_e164(self.__e164)

    @property
    def extension(self) -> str | None:
        """The subscriber's own extension behind a switchboard, 1 to 8 digits; it is not a masked number's."""
        return self.__extension

    def __repr__(self) -> str:
        return f"PhoneNumber(•••{self.last3})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PhoneNumber):
            return NotImplemented
        return (self.__e164, self.__extension) == (other.__e164, other.__extension)

    def __hash__(self) -> int:
        return hash((self.__e164, self.__extension))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("A PhoneNumber cannot be changed.")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("A PhoneNumber cannot be changed.")

    def __copy__(self) -> PhoneNumber:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> PhoneNumber:
        return self

    def __getstate__(self) -> NoReturn:
        # Every pickle protocol asks here; the slots would be written in clear.
        raise TypeError("A PhoneNumber has no state to give away and cannot be pickled.")


@dataclass(frozen=True, slots=True)
class PhoneReading:
    """What a text was read as, before a tenant's rules are asked.

    ``number``: set when it may be bound, or is a foreign number that a tenant may allow. ``refusal``: a code of
    ``REFUSALS`` when it is refused whatever the tenant. ``base``: the number without extension whenever one could
    be read, also beside a refusal: whether it is one of the service's own is judged before all else. ``warnings``:
    codes of ``WARNINGS``, none with a refusal.
    """

    number: PhoneNumber | None = None
    refusal: str | None = None
    base: PhoneNumber | None = None
    warnings: tuple[str, ...] = ()


def read_phone(text: str) -> PhoneReading:
    """Read a phone field as people fill it in: any separators, width, prefix, extension mark, words around the number.

    Never raises. More than 64 useful characters are refused as ``invalid_number`` (``no_digits`` if there are none).
    """
    decision = decide(text)
    base = PhoneNumber(decision.subscriber.e164) if decision.subscriber else None
    if decision.refusal is not None or base is None:
        return PhoneReading(refusal=decision.refusal, base=base)
    number = PhoneNumber(base.reveal(), decision.extension) if decision.extension else base
    return PhoneReading(number=number, base=base, warnings=decision.warnings)


def read_again(number: PhoneNumber) -> PhoneReading:
    """What :func:`read_phone` would make of the whole number, which is one already: no text has to be taken apart."""
    found = read_subscriber(number.reveal().removeprefix("+"), plus=True)
    if found is None or found.refusal is not None:
        return PhoneReading(refusal="invalid_number" if found is None else found.refusal, base=number)
    return PhoneReading(number=number, base=number)


def judge_phone(reading: PhoneReading, *, is_own: bool, allowed_countries: frozenset[str]) -> PhoneNumber:
    """The number that may be bound, or PhoneRefused with a code and sentence of ``REFUSALS``.

    ``is_own``: ``reading.base`` is an X number of some pool. ``allowed_countries``: ISO 3166 regions beside Taiwan
    (``HK``). The order is fixed: own numbers, then what the text itself rules out, then the country.
    """
    if is_own:
        raise _refused("own_masked_number")
    if reading.number is None:
        raise _refused(reading.refusal or "invalid_number")
    if reading.number.kind is PhoneKind.INTERNATIONAL and country_of(reading.number.reveal()) not in allowed_countries:
        raise _refused("international")
    return reading.number


def read_caller(text: str | None) -> PhoneNumber | None:
    """The caller as a PBX names it, or None when it names no number (withheld, ``anonymous``, a SIP name, garbage).

    Reads E.164 with or without ``+``, national form, international prefixes, and the user part of ``sip:`` and
    ``tel:`` URIs (RFC 3261, RFC 3966). Never raises. A number with ``+`` is taken by its shape; any other must be
    one of a numbering plan.
    """
    if not text:
        return None
    user = _URI_USER.search(text[:1024])
    line = normalise(unquote(user.group(1)) if user else text)
    if line is None:
        return None
    tokens = [token for token in tokenise(line) if token.kind is not TokenKind.GAP]
    if len(tokens) != 1 or tokens[0].kind is not TokenKind.NUMBER:
        return None
    digits, plus = tokens[0].digits, tokens[0].plus
    if found := read_subscriber(digits, plus=plus, bare_foreign=True):
        return PhoneNumber(found.e164)
    return PhoneNumber(f"+{digits}") if plus and _ASSERTED.fullmatch(f"+{digits}") else None


def _refused(code: str) -> PhoneRefused:
    return PhoneRefused(code, REFUSALS[code])
