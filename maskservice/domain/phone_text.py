"""The text in which phone numbers arrive: spelling out of width, marks and separators, and cutting it into tokens.

Answers for: one normal form for every usual writing, and where digits, extension markers and words stand in it.
Must not know: which digits are a number (``phone_plan``), what is refused (``phone``), what is a virtual number
(``masked``).
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final, NamedTuple

import regex

__all__ = ["LABELS", "LONGEST_TEXT", "Token", "TokenKind", "is_han_digit", "is_lookalike", "normalise", "tokenise"]

LONGEST_TEXT: Final = 64
"""Useful characters that are read, after normalising; what is longer is no phone field."""

_LONGEST_RAW: Final = 256
"""Characters looked at before normalising: NFKC can make one character eighteen."""


class TokenKind(StrEnum):
    """What a piece of text says about the digits beside it."""

    NUMBER = "number"
    MARKER = "marker"
    STAR = "star"
    ALTERNATIVE = "alternative"
    RANGE = "range"
    WORD = "word"
    GAP = "gap"


class Token(NamedTuple):
    """A piece of the normalised text; a NUMBER has its digit ``groups`` and whether a ``plus`` stood before them."""

    kind: TokenKind
    text: str
    start: int
    end: int
    groups: tuple[str, ...] = ()
    plus: bool = False

    def __repr__(self) -> str:
        """Show the kind only: the text may be a real number."""
        return f"Token({self.kind})"

    @property
    def digits(self) -> str:
        """All digits, without what stood between them."""
        return "".join(self.groups)


# Enclosed and raised digits (①, ²) are list marks and footnotes. NFKC would turn them into digits of the number.
_MARK_DIGITS: Final = regex.compile(r"\p{No}")
# Bidi marks, zero-width characters, key-cap and variation signs, lone surrogates.
_INVISIBLE: Final = regex.compile(r"[\p{Cf}\p{Mn}\p{Me}\p{Cs}]+")
_BLANK: Final = regex.compile(r"[\s\p{Cc}]+")

_SAME_SIGN: Final = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−ー⁃⸺－─", "-"),
        **dict.fromkeys("·‧・•∙⋅．", "."),
        **dict.fromkeys("[{【〔「『", "("),
        **dict.fromkeys("]}】〕」』", ")"),
        **dict.fromkeys('‘’′`´"“”', "'"),
        "×": "x",
        "♯": "#",
        "〜": "~",
        "∼": "~",
        "∕": "/",
        "⁄": "/",
        "\\": "/",
        "﹨": "/",
    }
)

_PARAMETER: Final = re.compile(r";\s*(?!ext\b|postd\b)([a-z][a-z-]*)(?:=([^;]*))?")

_MARKER_WORDS: Final = frozenset({"ext", "exts", "extn", "extension", "x", "xt", "p", "pp", "w", "ww", "postd"})
_ALTERNATIVE_WORDS: Final = frozenset({"or", "and"})

LABELS: Final = frozenset(
    {"tel", "phone", "mobile", "mob", "cell", "telephone", "t", "m", "p", "h"} | set("手機電話行動市機话电号號碼碼")
)
"""Words that only say "here is a phone": dropped without a warning."""

_TOKEN: Final = re.compile(
    r"(?P<number>(?:\+[+ ()\-.]*)?[0-9](?:[ ()\-._']*[0-9])*)"
    r"|(?P<alternative>[/|&、或和及與与])"
    r"|(?P<range>[~至])"
    r"|(?P<star>\*)"
    r"|(?P<marker>[#,;]|(?:請|请)?(?:轉接|转接|轉|转)?(?:分機|分机|內線|内線|内线)(?:號碼|号码|號|号|是|為)?|(?:請|请)?(?:轉接|转接|轉|转))"
    r"|(?P<gap>[ :=.()'\-_<>]+|\++)"
    r"|(?P<word>[^\W\d_\u2e80-\U0003ffff]+|.)",
    re.DOTALL,
)

# Signs that may have been meant as a digit of the number: read or dropped, they give another number than was typed.
_LOOKALIKE: Final = regex.compile(
    r"[oqdilsbz○◯●\p{Nd}]|[^\W\d_a-z\p{Han}\p{Bopomofo}\p{Hiragana}\p{Katakana}\p{Hangul}]"
)
_HAN_DIGIT: Final = frozenset("零〇一二三四五六七八九壹貳參肆伍陸柒捌玖")


def normalise(text: str) -> str | None:
    """One line, half width, lower case, plain separators; None if more than ``LONGEST_TEXT`` characters are left.

    Parameters of a ``tel:`` URI (RFC 3966) other than the extension go; a ``phone-context`` of another country
    comes to stand before a local number, as the RFC reads it.
    """
    text = text.strip()
    if len(text) > _LONGEST_RAW:
        return None
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _MARK_DIGITS.sub("※", text))
        text = _INVISIBLE.sub("", text)
    text = _BLANK.sub(" ", text.lower().translate(_SAME_SIGN)).strip()
    if ";" in text:
        text = _without_parameters(text)
    return text if len(text) <= LONGEST_TEXT else None


def tokenise(text: str) -> list[Token]:
    """The normalised text as tokens that cover all of it, in order."""
    tokens = []
    for found in _TOKEN.finditer(text):
        kind = TokenKind(found.lastgroup or TokenKind.WORD)
        piece = found.group()
        if kind is TokenKind.NUMBER:
            groups = tuple(re.findall(r"[0-9]+", piece))
            tokens.append(Token(kind, piece, found.start(), found.end(), groups, piece.startswith("+")))
            continue
        if piece in _MARKER_WORDS:
            kind = TokenKind.MARKER
        elif piece in _ALTERNATIVE_WORDS:
            kind = TokenKind.ALTERNATIVE
        tokens.append(Token(kind, piece, found.start(), found.end()))
    return tokens


def is_lookalike(word: str) -> bool:
    """True for one sign that may stand for a digit: O, l, a letter or digit of another script."""
    return len(word) == 1 and _LOOKALIKE.fullmatch(word) is not None


def is_han_digit(word: str) -> bool:
    """True for one Chinese numeral below ten."""
    return word in _HAN_DIGIT


def _without_parameters(text: str) -> str:
    kept = _PARAMETER.sub("", text)
    for name, value in _PARAMETER.findall(text):
        if name == "phone-context" and value.startswith("+") and "+" not in kept:
            local = kept.removeprefix("tel:").strip()
            # Taiwan's own context needs no country code; a trunk 0 says so anyway.
            return local if value == "+886" and local.startswith("0") else f"{value}{local}"
    return kept
