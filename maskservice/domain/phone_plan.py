"""The numbering plan: what a run of digits is, as a subscriber's number.

Answers for: Taiwan's prefixes and lengths, and the decision whether digits are one whole number. Must not know:
free text around a number, extensions, tenants. Takes validity and types from ``phonenumbers`` and overrules it
where it reads Taiwan wrongly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

__all__ = [
    "LONGEST_DIGITS",
    "SHORTEST_DIGITS",
    "PhoneKind",
    "Subscriber",
    "country_of",
    "incomplete_code",
    "kind_of_e164",
    "read_subscriber",
]


class PhoneKind(StrEnum):
    """What a number is, as far as routing and writing it needs."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    VOIP = "voip"
    INTERNATIONAL = "international"


@dataclass(frozen=True, slots=True, repr=False)
class Subscriber:
    """One whole number read from digits. Without a repr of its own: it may hold a real number.

    ``refusal`` is the code of a number that is read well and never bound (``toll_free`` …), ``bare`` says that
    nothing typed marks where the number begins (no ``+``, ``0`` or country code), so that a zero was put back
    before it.
    """

    e164: str
    kind: PhoneKind
    refusal: str | None = None
    takes_extension: bool = True
    bare: bool = False


COUNTRY_CODE: Final = "886"
SHORTEST_DIGITS: Final = 7
LONGEST_DIGITS: Final = 18
"""15 digits of E.164 behind an international prefix of three."""
_LONGEST_E164: Final = 15

# Types that are read and never bound: the call would cost the caller, cost the called, or reach no person.
_REFUSED_TYPES: Final = {
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "special_number",
    PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.PAGER: "special_number",
    PhoneNumberType.VOICEMAIL: "special_number",
}

# Taiwan's international prefixes (002, 005 …) before 886, and the common 00, which phonenumbers does not understand
# here.
_OWN_COUNTRY_PREFIX: Final = re.compile(r"(?:00[25679]?|019)886")
_MOBILE_NSN: Final = re.compile(r"9[0-8]\d{7}|40001[0-2]\d{3}")
# The plan gives 090 to 098 to mobiles as a whole: looking one up in phonenumbers says the same at ten times the cost.
_PLAIN_MOBILE: Final = re.compile(r"9[0-8][0-9]{7}")
_ZERO_EATEN: Final = re.compile(r"9\d{8}")
_CORPORATE: Final = re.compile(r"4(?:05|12|49)\d{4}")
_LOCAL: Final = re.compile(r"[2-8]\d{6,7}")
_SHORT_CODE: Final = re.compile(r"[1-9]\d\d|1\d{3}")

# Digits after the trunk 0, by the first of them. Used to tell "too short or long" from "no such number".
_PLAN_LENGTHS: Final = {
    "2": {9},
    "3": {8},
    "4": {8, 9},
    "5": {8, 9},
    "6": {8},
    "7": {8, 10},
    "8": {8, 9},
    "9": {9},
}


def kind_of_e164(e164: str) -> PhoneKind:
    """The kind of a well-formed E.164 number by its first digits alone; no validity is looked up."""
    if not e164.startswith("+886"):
        return PhoneKind.INTERNATIONAL
    nsn = e164[4:]
    if nsn.startswith("9") or _MOBILE_NSN.fullmatch(nsn):
        return PhoneKind.MOBILE
    # 070 numbers have ten digits or more after the 0; Kaohsiung's (07) have eight.
    if nsn.startswith("70") and len(nsn) >= 10:
        return PhoneKind.VOIP
    return PhoneKind.LANDLINE


def country_of(e164: str) -> str | None:
    """ISO 3166 region of an E.164 number (``HK``; ``001`` for a number of no country), None if there is none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None


def read_subscriber(digits: str, *, plus: bool, bare_foreign: bool = False) -> Subscriber | None:
    """The whole number that ASCII ``digits`` are, or None. ``plus``: a ``+`` stood before them.

    Without ``+`` a number must begin with 0 (trunk or international prefix) or be 886 and at least 8 digits. The
    one repair is ``9xxxxxxxx``, a mobile whose 0 a spreadsheet has eaten: any other bare number is somebody else's
    in some other city (29-90 % of bare Taipei numbers are "valid" elsewhere, taiwan.md section 2). ``bare_foreign``
    also tries digits as E.164 whose ``+`` is missing, as some PBXs send them.
    """
    if not SHORTEST_DIGITS <= len(digits) <= LONGEST_DIGITS:
        return None
    national = _national_part(digits, plus=plus)
    if national is not None:
        return _read_taiwanese(national)
    if plus:
        return _read_foreign(digits)
    if digits.startswith(("00", "019")):
        # 00 and then the country, as everywhere abroad; or one of Taiwan's own three-digit prefixes.
        return _read_foreign(digits[2:]) or _read_foreign(digits[3:])
    if _ZERO_EATEN.fullmatch(digits):
        return _read_taiwanese(digits, bare=True)
    return _read_foreign(digits) if bare_foreign else None


def incomplete_code(digits: str, *, plus: bool) -> str:
    """Why ``digits`` that ``read_subscriber`` does not read are refused: the most helpful code for them."""
    national = _national_part(digits, plus=plus)
    if not plus:
        if _is_placeholder(digits):
            return "placeholder"
        if _SHORT_CODE.fullmatch(digits):
            return "short_code"
        if _CORPORATE.fullmatch(digits):
            return "special_number"
        if _LOCAL.fullmatch(digits):
            return "missing_area_code"
    # Fewer than six digits are a fragment rather than a number of a wrong length.
    if national is None or len(national) < 6 or (national[0] not in _PLAN_LENGTHS and national[0] != "1"):
        return "invalid_number"
    lengths = _PLAN_LENGTHS.get(national[0], {8, 9})
    return "invalid_number" if len(national) in lengths else "wrong_length"


def _national_part(digits: str, *, plus: bool) -> str | None:
    """The digits after Taiwan's country code or trunk 0; None if neither stands before them."""
    prefix = _OWN_COUNTRY_PREFIX.match(digits)
    if plus:
        national = digits[3:] if digits.startswith(COUNTRY_CODE) else None
    elif prefix:
        national = digits[prefix.end() :]
    elif digits.startswith(("00", "019")):
        national = None
    elif digits.startswith("0"):
        return digits[1:]
    # Eight digits that begin with 886 are a local number (8861-2345), not a country code.
    elif digits.startswith(COUNTRY_CODE) and len(digits) >= 11:
        national = digits[3:]
    else:
        national = None
    # The trunk 0 is often kept behind the country code: +886 (0)912…
    return national.removeprefix("0") if national is not None else None


def _read_taiwanese(nsn: str, *, bare: bool = False) -> Subscriber | None:
    e164 = f"+{COUNTRY_CODE}{nsn}"
    if _PLAIN_MOBILE.fullmatch(nsn):
        return Subscriber(e164, PhoneKind.MOBILE, takes_extension=False, bare=bare)
    if not 7 <= len(nsn) <= 11 or nsn[0] == "0":
        return None
    if nsn.startswith("20"):
        # No landline begins with 02-0: 0203, 0204, 0208, 0209 are premium rate in every length they are written in.
        return Subscriber(e164, PhoneKind.LANDLINE, refusal="premium_rate")
    if nsn[0] == "2" and len(nsn) < 9 and not _CORPORATE.fullmatch(nsn[1:]):
        # Taipei has eight digits. phonenumbers takes some with seven, which are numbers with a digit lost.
        return None
    number_type = phonenumbers.number_type(
        phonenumbers.PhoneNumber(country_code=int(COUNTRY_CODE), national_number=int(nsn))
    )
    if number_type == PhoneNumberType.UNKNOWN:
        return None
    kind = kind_of_e164(e164)
    return Subscriber(
        e164,
        kind,
        refusal=_REFUSED_TYPES.get(number_type),
        takes_extension=kind is not PhoneKind.MOBILE,
        bare=bare,
    )


def _read_foreign(digits: str) -> Subscriber | None:
    if not 7 <= len(digits) <= _LONGEST_E164 + 1 or digits[0] == "0" or digits.startswith(COUNTRY_CODE):
        return None
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    number_type = phonenumbers.number_type(number)
    if number_type == PhoneNumberType.UNKNOWN:
        return None
    return Subscriber(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        PhoneKind.INTERNATIONAL,
        refusal=_REFUSED_TYPES.get(number_type),
        takes_extension=number_type != PhoneNumberType.MOBILE,
    )


def _is_placeholder(digits: str) -> bool:
    """Zeros only, one digit nine times or more, or the keys in order; ``66666666`` may be a real local number."""
    if len(set(digits)) == 1:
        return digits[0] == "0" or len(digits) >= 9
    return len(digits) >= 6 and ((digits in "01234567890" and digits[0] in "01") or digits == "9876543210")
