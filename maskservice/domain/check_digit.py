"""The check digit of an extension: a slip of the finger reaches nobody instead of a stranger.

Answers for: the Damm algorithm. Must not know: which pools use it, how long an extension is.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["append_check", "passes_check"]

# The totally anti-symmetric quasigroup of order 10 from H. Michael Damm's thesis (Marburg, 2004). It finds every
# single wrong digit and every swap of neighbours, which Luhn does not (09/90).
_TABLE: Final = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
_DIGITS: Final = re.compile(r"[0-9]+")


def append_check(digits: str) -> str:
    """``digits`` and their check digit. Raises ValueError unless there are one or more ASCII digits."""
    if not _DIGITS.fullmatch(digits):
        raise ValueError("A check digit is made for one or more digits 0-9.")
    return f"{digits}{_remainder(digits)}"


def passes_check(digits: str) -> bool:
    """True when the last digit is the check digit of those before it; False for anything else, never an error."""
    return len(digits) >= 2 and _DIGITS.fullmatch(digits) is not None and _remainder(digits) == 0


def _remainder(digits: str) -> int:
    row = 0
    for digit in digits:
        row = _TABLE[row][int(digit)]
    return row
