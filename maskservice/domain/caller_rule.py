"""A tenant's rule for one caller: blocked or allowed, in one direction or both.

Answers for: the words, and which phones a rule can be made for. Must not know: how a call is decided by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from maskservice.domain.call import Direction, Verdict
from maskservice.domain.errors import PhoneRefused
from maskservice.domain.phone import REFUSALS, PhoneNumber, PhoneReading


class RuleDirection(StrEnum):
    """For which calls a rule speaks: those of a courier to the recipient, call-backs, or all."""

    TO_RECIPIENT = "to_recipient"
    TO_COURIER = "to_courier"
    BOTH = "both"


DIRECTIONS: Final[Mapping[RuleDirection, frozenset[Direction]]] = MappingProxyType(
    {
        RuleDirection.TO_RECIPIENT: frozenset({Direction.TO_RECIPIENT}),
        RuleDirection.TO_COURIER: frozenset({Direction.TO_COURIER}),
        RuleDirection.BOTH: frozenset(Direction),
    }
)

# Kinds of number that are never rung, and from which a nuisance call comes all the same.
_MAY_CALL: Final = frozenset({"premium_rate", "toll_free", "uan", "personal_number"})


def ruled_phone(reading: PhoneReading, *, is_own: bool) -> PhoneNumber:
    """The number that a caller shows: any country's, any kind's, without an extension, which no caller ID carries.

    Raises PhoneRefused with a code of ``phone.REFUSALS``.
    """
    code = "own_masked_number" if is_own else reading.refusal
    if reading.base is not None and (code is None or code in _MAY_CALL):
        return reading.base
    code = code or "invalid_number"
    raise PhoneRefused(code, REFUSALS[code])


__all__ = ["DIRECTIONS", "RuleDirection", "Verdict", "ruled_phone"]
