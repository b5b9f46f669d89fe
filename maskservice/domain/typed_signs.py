"""The signs of which people make phone numbers in an address: digits of every script, and what may stand between two.

Answers for: what one sign says by itself. Must not know: numbering plans, which digits belong together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

__all__ = ["MAYBE_ZERO", "is_unseen", "is_zero", "most_digits", "read_sign", "signs"]

_HAN: Final = {sign: str(value) for value, sign in enumerate("零一二三四五六七八九")} | {
    sign: str(value) for value, sign in enumerate("〇壹貳參肆伍陸柒捌玖")
}
_LIKE_ZERO: Final = frozenset("Oo○◯")
MAYBE_ZERO: Final = "?"
# Letters by their class, and dashes in people's eyes: the long vowel mark and the bopomofo I.
_LIKE_DASH: Final = frozenset("ーㄧ")


def signs(text: str) -> Iterator[tuple[str, int]]:
    """The text in its compatibility form (NFKC), without signs that cannot be seen, each with its place in the text."""
    for place, typed in enumerate(text):
        for sign in _seen(typed):
            yield sign, place


@lru_cache(maxsize=8192)
def _seen(typed: str) -> str:
    """One typed character in its compatibility form. Addresses are made of few different ones."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", typed) if not is_unseen(sign))


@lru_cache(maxsize=8192)
def most_digits(typed: str) -> int:
    """How many digits one typed character may come to, whatever stands around it."""
    return sum(len(read_sign(sign)[0] or "") for sign in _seen(typed))


@lru_cache(maxsize=8192)
def read_sign(sign: str) -> tuple[str | None, bool]:
    """(its digits, :data:`MAYBE_ZERO` where that depends on its neighbours, None; whether it may stand between two)"""
    return MAYBE_ZERO if sign in _LIKE_ZERO else _value(sign), _is_separator(sign)


def _value(sign: str) -> str | None:
    if sign.isdecimal() or sign.isdigit():
        return str(unicodedata.digit(sign))
    if sign in _HAN:
        return _HAN[sign]
    if unicodedata.category(sign) == "No" and 0 <= (number := unicodedata.numeric(sign)) == int(number):
        return str(int(number))  # ⓫ and its kin, which NFKC leaves alone
    return None


def is_zero(around: Sequence[str]) -> bool:
    """An O beside a digit, and not within a word."""
    beside = [each for each in around if each]
    word = any(each.isascii() and each.isalpha() and each not in _LIKE_ZERO for each in beside)
    return not word and any(each.isdigit() or each in _HAN for each in beside)


def _is_separator(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category[0] in "PSZ" or category == "Cc" or sign in _LIKE_DASH


def is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cf", "Cs", "Mn", "Me")
