"""What a pool, a tenant and a binding have set about calls: who may call whom, when, how long, in which language.

Answers for: the settings, their ranges, and which of them holds where several speak. Must not know: who calls, how a
setting is stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum

from maskservice.domain.errors import FieldError, InvalidContent

TAIPEI = timezone(timedelta(hours=8), "Asia/Taipei")
"""Taiwan has had no summer time since 1979, so the zone is an offset and no file has to be read."""
REPEAT_WITHIN = timedelta(hours=1)
LANGUAGES = ("zh-TW", "en")
SHORTEST_PIN, LONGEST_PIN = 4, 8
RING_RANGE_S, TALK_RANGE_S, CALLS_RANGE = (5, 90), (60, 7200), (1, 1000)
"""Ring time-outs: providers ring 90 s at most (field.md, 6); a talk: Vonage's limit is 7,200 s (pbx.md, 4)."""


class Access(StrEnum):
    """Who may reach a recipient: anyone with the extension, couriers on the tenant's roster, or those given to the
    binding."""

    OPEN = "open"
    ENROLLED = "enrolled"
    ASSIGNED = "assigned"


class Directions(StrEnum):
    """Which way a binding may be used."""

    BOTH = "both"
    TO_RECIPIENT = "to_recipient"
    TO_COURIER = "to_courier"


class Codes(StrEnum):
    """How a PIN or the order's last digits come in: only after a star that the caller thought of himself, in one
    string with the extension (so more digits are waited for), or asked for after whatever extension was keyed."""

    ON_STAR = "on_star"
    KEYED = "keyed"
    ASKED = "asked"


_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily time without calls in Asia/Taipei, minutes of the day from ``start`` up to ``end``; over midnight where
    ``start`` is the later."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """From ``21:00-08:00``. Raises InvalidContent."""
        match = _HOURS.fullmatch(text.strip())
        numbers = [int(each) for each in match.groups()] if match else [0, 0, 0, 0]
        start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        if start == end:
            raise InvalidContent((FieldError("/quiet", "invalid_hours", "Write quiet hours as 21:00-08:00."),))
        return cls(start, end)

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"

    def cover(self, now: datetime) -> bool:
        local = now.astimezone(TAIPEI)
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def taipei_day(now: datetime) -> str:
    """The date in Taiwan, as ``2026-11-24``: calls per day are counted by it."""
    return now.astimezone(TAIPEI).date().isoformat()


@dataclass(frozen=True, slots=True)
class PoolCalls:
    """What holds on every number of a pool. ``quiet`` is for tenants that have none of their own. ``repeat_call``: a
    courier who reached one recipient of this number within the hour reaches him again without an extension."""

    language: str = LANGUAGES[0]
    codes: Codes = Codes.ON_STAR
    quiet: QuietHours | None = None
    repeat_call: bool = False

    def checked(self) -> PoolCalls:
        """Raises InvalidContent for a language without prompts."""
        if self.language not in LANGUAGES:
            raise InvalidContent((FieldError("/language", "unknown_language", f"Prompts are in {LANGUAGES}."),))
        return self


@dataclass(frozen=True, slots=True)
class TenantCalls:
    """What a tenant has set. ``calls_per_day``: connects to the recipient of one binding in one day of Asia/Taipei,
    None for any number. ``quiet_exempt``: quiet hours, the pool's too, do not hold. ``whisper``: the recipient hears
    before the bridge who calls."""

    access: Access = Access.OPEN
    directions: Directions = Directions.BOTH
    ring_timeout_s: int = 30
    max_duration_s: int = 1800
    calls_per_day: int | None = None
    quiet: QuietHours | None = None
    quiet_exempt: bool = False
    whisper: bool = False

    def checked(self) -> TenantCalls:
        """Raises InvalidContent with every value out of range."""
        ranges = (
            ("ring_timeout_s", *RING_RANGE_S),
            ("max_duration_s", *TALK_RANGE_S),
            ("calls_per_day", *CALLS_RANGE),
        )
        errors = tuple(
            FieldError(f"/{name}", "out_of_range", f"A whole number from {least} to {most}.")
            for name, least, most in ranges
            if getattr(self, name) is not None and not least <= getattr(self, name) <= most
        )
        if errors:
            raise InvalidContent(errors)
        return self

    def with_rules(self, rules: BindingRules | None) -> TenantCalls:
        """What holds for one binding."""
        if rules is None:
            return self
        return replace(self, access=rules.access or self.access, directions=rules.directions or self.directions)

    def quiet_at(self, now: datetime, *, pool: PoolCalls) -> bool:
        hours = None if self.quiet_exempt else self.quiet or pool.quiet
        return hours is not None and hours.cover(now)


@dataclass(frozen=True, slots=True)
class BindingRules:
    """What one binding has set against its tenant; None leaves the tenant's."""

    access: Access | None = None
    directions: Directions | None = None

    def or_none(self) -> BindingRules | None:
        """None where nothing is set: two ways of saying it would be told apart for no reason."""
        return None if self.access is None and self.directions is None else self
