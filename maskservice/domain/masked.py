"""Masked numbers: a virtual number X with an extension, written for a label and read back from any usual writing.

Answers for: ``0900-000000#5678`` and its other writings, ``tel:`` links, dial strings. Must not know: whether X is
of a pool, whether the extension is live. An X and its extension are no secret; a text that cannot be read is still
never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.phone_plan import PhoneKind, kind_of_e164, read_subscriber
from maskservice.domain.phone_rules import first_number
from maskservice.domain.phone_text import LABELS, Token, TokenKind, normalise, tokenise

__all__ = ["Dialled", "MaskedNumber", "read_dialled", "read_masked", "read_virtual", "write_virtual"]

_E164: Final = re.compile(r"\+[0-9]{6,15}")
_EXTENSION: Final = re.compile(r"[0-9]{4,9}")
# What was keyed is a fact, of any length: whether it is an extension is the call's business.
_KEYED: Final = re.compile(r"[0-9]{1,20}")

_SIP: Final = re.compile(r"\bsips?:([^@>]*)@([^>]*)", re.IGNORECASE)
_URI_EXTENSION: Final = re.compile(r";(?:ext|postd)=[pw,]*([0-9]+)", re.IGNORECASE)
_MOBILE_THEN_DIGITS: Final = re.compile(r"(09[0-8][0-9]{7}|(?:00)?8869[0-8][0-9]{7})([0-9]+)")

# Area codes longer than 0 and one digit (taiwan.md section 2), the longest first. 0800 is written 4-6 like a mobile.
_AREA_CODES: Final = ("0826", "0836", "0800", "0809", "037", "049", "082", "089")

_UNREADABLE: Final = "No masked number can be read. Write it as on the label: 0900-000000#5678."
_NO_VIRTUAL: Final = (
    "No virtual number can be read. Write it in E.164 (+886900000000) or as 0900-000000, without an extension."
)


@dataclass(frozen=True, slots=True)
class MaskedNumber:
    """X in E.164 and an extension of 4 to 9 digits (a pool's 4 to 8, one more with a check digit), leading zeros kept.

    Raises MaskedNumberUnreadable when a part has another shape.
    """

    virtual_number: str
    extension: str

    def __post_init__(self) -> None:
        if not _E164.fullmatch(self.virtual_number) or not _EXTENSION.fullmatch(self.extension):
            raise MaskedNumberUnreadable(_UNREADABLE)

    @property
    def written(self) -> str:
        """As printed: ``0900-000000#5678``."""
        return f"{_write_known(self.virtual_number)}#{self.extension}"

    @property
    def tel_uri(self) -> str:
        """RFC 3966. Telephones do not dial it well (Android keys the letters of ``ext``): ``dial_uri`` is for them."""
        return f"tel:{self.virtual_number};ext={self.extension}"

    @property
    def dial_uri(self) -> str:
        """For tapping and scanning: two pauses, then the extension. Android and iOS both dial it (libraries.md)."""
        return f"tel:{self.virtual_number},,{self.extension}"


@dataclass(frozen=True, slots=True)
class Dialled:
    """What a PBX says was dialled: X in E.164, and the digits keyed with it (1 to 20, of any length) or None. ``code``:
    what followed the extension behind a star."""

    virtual_number: str
    extension: str | None
    code: str | None = None


def write_virtual(e164: str) -> str:
    """X as printed: mobile 4-6 (``0900-000000``), VoIP 3-8, landline area code and rest; a foreign one stays E.164."""
    if not e164.startswith("+886"):
        return e164
    national = f"0{e164[4:]}"
    kind = kind_of_e164(e164)
    if kind is PhoneKind.MOBILE:
        head = 4
    elif kind is PhoneKind.VOIP:
        head = 3
    else:
        head = next((len(code) for code in _AREA_CODES if national.startswith(code)), 2)
    return f"{national[:head]}-{national[head:]}"


_write_known = lru_cache(maxsize=1024)(write_virtual)
"""For the virtual numbers of masked numbers alone: no real number is kept."""


def read_masked(text: str) -> MaskedNumber:
    """Read any usual writing of a masked number, its extension of 4 to 9 digits included.

    Known marks: ``#`` ``*`` ``,`` ``,,`` ``;`` ``;ext=`` ``x`` ``p`` ``w`` ``ext`` 轉 分機 內線, a space or a dash
    where it is clear, full width, percent-encoding, ``tel:`` and ``sip:`` URIs. Raises MaskedNumberUnreadable.
    """
    virtual_number, extension, code = _read(text, bare_foreign=False)
    if extension is None or code is not None:
        raise MaskedNumberUnreadable(_UNREADABLE)
    return MaskedNumber(virtual_number, extension)


def read_dialled(text: str) -> Dialled:
    """Read the called number of a PBX, with or without an extension: E.164 (or without +), national, URI, dial string.

    The forms are those that were seen on the wire (pbx.md sections 1 and 2). A code may follow behind a star
    (``0900000000#5678*1234``). Raises MaskedNumberUnreadable.
    """
    return Dialled(*_read(text, bare_foreign=True))


def read_virtual(text: str) -> str:
    """An X number to import, in E.164: Taiwanese mobile, landline, VoIP, or foreign with ``+`` or international prefix.

    Nothing but that number may stand in the text. Raises MaskedNumberUnreadable.
    """
    line = normalise(text)
    tokens = [token for token in tokenise(line or "") if not _says_nothing(token)]
    if len(tokens) == 1 and tokens[0].kind is TokenKind.NUMBER:
        found = read_subscriber(tokens[0].digits, plus=tokens[0].plus)
        # A number without its leading 0 is not repaired here: an X with a digit lost is another X.
        if found and found.refusal is None and not found.bare:
            return found.e164
    raise MaskedNumberUnreadable(_NO_VIRTUAL)


def _read(text: str, *, bare_foreign: bool) -> tuple[str, str | None, str | None]:
    line = normalise(_without_uri(text[:1024]))
    tokens = [token for token in tokenise(line or "") if not _says_nothing(token)]
    first = next((index for index, token in enumerate(tokens) if token.kind is TokenKind.NUMBER), None)
    if first is None:
        raise MaskedNumberUnreadable(_UNREADABLE)
    number, tail = tokens[first], tokens[first + 1 :]
    split = _split_glued(number)
    if split is None:
        found = first_number(number, bare_foreign=bare_foreign)
        if found is None or found[0].refusal is not None or found[0].bare:
            raise MaskedNumberUnreadable(_UNREADABLE)
        virtual_number, rest = found[0].e164, found[1]
    else:
        virtual_number, rest = split[0], (split[1],)
    return virtual_number, *_extension(rest, tail)


def _split_glued(number: Token) -> tuple[str, str] | None:
    """A mobile X and its extension run together (``09000000005678``): its length is fixed, so the cut is clear."""
    if len(number.groups) > 1:
        return None
    glued = _MOBILE_THEN_DIGITS.fullmatch(number.digits)
    found = read_subscriber(glued.group(1), plus=number.plus) if glued else None
    return (found.e164, glued.group(2)) if glued and found else None


def _extension(rest: tuple[str, ...], tail: Sequence[Token]) -> tuple[str | None, str | None]:
    """The digits that follow directly (``rest``) or behind a mark, and those behind a star after them; None without
    any; raises when there is more."""
    parts = [rest] if rest else []
    mark: TokenKind | None = None
    for token in tail:
        if token.kind is TokenKind.NUMBER:
            if mark is None or token.plus or len(parts) > (1 if mark is TokenKind.STAR else 0):
                raise MaskedNumberUnreadable(_UNREADABLE)
            parts.append(token.groups)
        mark = token.kind if token.kind in (TokenKind.MARKER, TokenKind.STAR) else None
    digits = ["".join(part) for part in parts]
    if not all(_KEYED.fullmatch(each) for each in digits):
        raise MaskedNumberUnreadable(_UNREADABLE)
    extension, code = (*digits, None, None)[:2]
    return extension, code


def _without_uri(text: str) -> str:
    """The user part of a ``sip:`` URI, with the extension that some proxies put behind the host (``;ext=5678``)."""
    if sip := _SIP.search(text):
        behind = _URI_EXTENSION.search(sip.group(2))
        text = sip.group(1) + (f"#{behind.group(1)}" if behind else "")
    return unquote(text) if "%" in text else text


def _says_nothing(token: Token) -> bool:
    return token.kind is TokenKind.GAP or (token.kind is TokenKind.WORD and token.text in LABELS)
