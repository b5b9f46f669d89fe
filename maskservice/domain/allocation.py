"""Which extensions a pool may give out: how long, how dense, how unpredictable, how long they rest.

Answers for: a pool's policy, the exact ceiling of a virtual number, proposals for a free extension, the odds of a
stranger's guess.
Must not know: which extensions are taken (storage claims one), the random source (it comes in).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from math import ceil, log

from maskservice.domain.check_digit import append_check
from maskservice.domain.errors import FieldError, InvalidContent

SHORTEST_EXTENSION, LONGEST_EXTENSION = 4, 8
DEFAULT_DENSITY = Decimal("0.10")
DEFAULT_QUARANTINE = timedelta(days=30)
LOW_WATER = Decimal("0.80")
HANDFUL = 16
"""Proposals that are nearly always enough: at the default density all of them miss once in 10^16."""
_MOST_PROPOSED = 256
_MISSED = 1e-4


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """``extension_length`` 4 to 8 digits; ``density`` above 0 and at most 1; ``quarantine`` at least zero.

    Raises InvalidContent from :meth:`checked`, never from the constructor, so that stored policies load as they are.
    """

    extension_length: int = SHORTEST_EXTENSION
    density: Decimal = DEFAULT_DENSITY
    check_digit: bool = False
    quarantine: timedelta = DEFAULT_QUARANTINE

    def checked(self) -> PoolPolicy:
        errors = []
        if not SHORTEST_EXTENSION <= self.extension_length <= LONGEST_EXTENSION:
            errors.append(FieldError("/extension_length", "out_of_range", "An extension has 4 to 8 digits."))
        elif not 0 < self.density <= 1 or self.ceiling < 1:
            errors.append(
                FieldError(
                    "/density",
                    "out_of_range",
                    "The density is a share above 0 and at most 1 that allows at least one extension.",
                )
            )
        if self.quarantine < timedelta(0):
            errors.append(FieldError("/quarantine", "out_of_range", "The quarantine is 0 days or longer."))
        if errors:
            raise InvalidContent(tuple(errors))
        return self

    @property
    def dialled_length(self) -> int:
        """Digits that a caller keys: the check digit comes on top, so that it takes nothing from the space."""
        return self.extension_length + (1 if self.check_digit else 0)

    @property
    def ceiling(self) -> int:
        """Extensions of one virtual number that may be held at once, quarantine included: share × 10^length,
        exactly."""
        return int((self.density * 10**self.extension_length).to_integral_value(ROUND_FLOOR))

    @property
    def low_water(self) -> int:
        """Held extensions of one virtual number from which on the pool is said to run low."""
        return int((LOW_WATER * self.ceiling).to_integral_value(ROUND_FLOOR))

    def extension(self, value: int) -> str:
        """The printed extension of a number in [0, 10^length)."""
        digits = f"{value:0{self.extension_length}d}"
        return append_check(digits) if self.check_digit else digits

    def chance_of_a_hit(self, tries: int) -> float:
        """Chance that a stranger who guesses ``tries`` different extensions of a full number reaches somebody, in
        [0, 1].

        Hypergeometric without replacement; someone who knows the check digit gains nothing, it is no secret and
        takes no space.
        """
        space, held, miss = 10**self.extension_length, self.ceiling, 1.0
        for tried in range(min(tries, space)):
            miss *= max(space - held - tried, 0) / (space - tried)
        return 1.0 - miss


def proposals_needed(policy: PoolPolicy, *, held: int) -> int:
    """How many proposals, 16 to 256, one of which is free but once in ten thousand on a number that holds ``held``.

    Each misses with the chance held / 10^length.
    """
    taken = held / 10**policy.extension_length
    if taken >= 1:
        return _MOST_PROPOSED
    needed = ceil(log(_MISSED) / log(taken)) if taken > 0 else 0
    return min(max(needed, HANDFUL), _MOST_PROPOSED)


def propose(policy: PoolPolicy, draw: Callable[[int], int], *, count: int) -> tuple[str, ...]:
    """``count`` different extensions in the order they were drawn; ``draw(n)`` is uniform over [0, n) from a
    cryptographic source."""
    space = 10**policy.extension_length
    values: dict[int, None] = {}
    while len(values) < min(count, space):
        values[draw(space)] = None
    return tuple(policy.extension(value) for value in values)
