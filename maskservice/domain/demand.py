"""What is asked of an installation: orders, life, quarantine, extensions, calls; and what of it cannot be.

Answers for: ranges, all mistakes at once, the rates of the busy hour. Must not know: what it takes to serve them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.erlang import MOST_ERLANGS
from maskservice.domain.errors import FieldError, InvalidContent
from maskservice.domain.guard import GuardPolicy

_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked of an installation. Shares and days are exact decimals.

    ``life_days``: from a binding's creation to its end, above 0. ``busy_hour_share``: of a day's calls, and of its
    orders, from 1/24 to 1. ``talk_seconds``: how long a call holds its line, prompt and ringing included.
    ``blocking``: share of calls that may find all lines busy. Defaults of calls: field.md's sizing paragraph.
    """

    orders_a_day: int
    life_days: Decimal = Decimal(10)
    policy: PoolPolicy = field(default_factory=PoolPolicy)
    guard: GuardPolicy = field(default_factory=GuardPolicy)
    calls_per_order: Decimal = Decimal("0.5")
    busy_hour_share: Decimal = Decimal("0.12")
    talk_seconds: Decimal = Decimal(60)
    blocking: Decimal = Decimal("0.01")
    call_months: int = 12
    cores_per_node: int = 8

    def checked(self) -> Demand:
        """Raises InvalidContent with everything that cannot be planned, the pool's policy included."""
        errors: list[FieldError] = []
        for judged in (self.policy, self.guard):
            try:
                judged.checked()
            except InvalidContent as refusal:
                errors += refusal.errors
        rules = (
            ("orders_per_day", 1 <= self.orders_a_day <= 10**9, "Give a whole number from 1 to 1,000,000,000."),
            ("life", 0 < self.life_days <= 3650, "Give the days that a binding lives: above 0, at most 3,650."),
            ("calls_per_order", 0 <= self.calls_per_order <= 100, "Give the calls that an order leads to: 0 to 100."),
            (
                "busy_hour_share",
                Fraction(1, 24) <= Fraction(self.busy_hour_share) <= 1,
                "The busiest hour holds from a 24th of the day (0.042) to all of it (1): give 0.12 or 12%.",
            ),
            (
                "talk_seconds",
                0 < self.talk_seconds <= 14_400,
                "Give the seconds that a call holds its line: above 0, at most 14,400 (four hours).",
            ),
            (
                "blocking",
                Decimal("0.000001") <= self.blocking < 1,
                "Give the share of calls that may find all lines busy: from 0.000001 to below 1, such as 0.01.",
            ),
            ("call_months", 0 <= self.call_months <= 120, "Give the months that call records are kept: 0 to 120."),
            ("cores_per_node", 1 <= self.cores_per_node <= 1024, "Give the cores of a machine: 1 to 1,024."),
        )
        errors += [FieldError(f"/{name}", "out_of_range", detail) for name, holds, detail in rules if not holds]
        if not errors and self.erlangs > MOST_ERLANGS:
            detail = (
                f"More than {MOST_ERLANGS:,} calls at once are no single trunk group: lower the calls per order, the "
                "busy hour's share or the talk seconds, or plan several regions one by one."
            )
            errors.append(FieldError("/orders_per_day", "out_of_range", detail))
        if errors:
            raise InvalidContent(tuple(errors))
        return self

    @property
    def busy_hour_rate(self) -> Fraction:
        """Orders a second in the busy hour: a day's × its share / 3600."""
        return self.orders_a_day * Fraction(self.busy_hour_share) / _HOUR_S

    @property
    def calls_a_second(self) -> Fraction:
        """In the busy hour."""
        return self.busy_hour_rate * Fraction(self.calls_per_order)

    @property
    def erlangs(self) -> Fraction:
        """Calls at once in the busy hour on average: rate × holding time (the definition of offered traffic, ITU-T
        E.600)."""
        return self.calls_a_second * Fraction(self.talk_seconds)
