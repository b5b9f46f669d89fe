"""The recipient line of a parcel label, and the one-line form of any free text that is printed.

Answers for: the ministry's sample to the character. Must not know: how a name or number was masked, paper, printers.
"""

from __future__ import annotations

from typing import Final

import regex

__all__ = ["one_line", "recipient_line"]

_HEAD: Final = "收貨人"
# Bidi overrides, zero-width signs and lone surrogates (which no UTF-8 holds) vanish. The joiner stays: emoji and
# Indic scripts need it.
_INVISIBLE: Final = regex.compile(r"[[\p{Cf}\p{Cs}]--[\u200d]]+", regex.V1)
_BLANK: Final = regex.compile(r"[\s\p{Cc}\p{Zl}\p{Zp}]+")


def one_line(text: str) -> str:
    """``text`` without invisible signs, each run of white space and control characters one space, none at the ends."""
    if text.isprintable():  # without controls and invisible signs, and the only white space is the common space
        return " ".join(text.split())
    line: str = _BLANK.sub(" ", _INVISIBLE.sub("", text))
    return line.strip()


def recipient_line(*, masked_name: str, masked_number: str, address: str | None) -> str:
    """The line of the ministry's briefing (2023-11-09): ``收貨人 陳O美 0900-000000#5678 台北市大安區敦化南路1段111號``.

    One line whatever the parts hold; a part that is None or blank leaves no space behind. The address is printed in
    full: the courier needs it.
    """
    parts = (_HEAD, one_line(masked_name), one_line(masked_number), one_line(address or ""))
    return " ".join(part for part in parts if part)
