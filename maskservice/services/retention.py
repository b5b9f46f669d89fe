"""What is kept for months and then no longer: call records, and bindings after their purge.

Answers for: bounded steps, each a commit, that several workers can take side by side; the months of call records that
are made ahead. Must not know: when it is called, SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maskservice.domain.months import month_of, months_after
from maskservice.services.expiry import IDEMPOTENCY_KEPT
from maskservice.services.ports import Ports

_NUMBERS = 50  # virtual numbers that one step looks through


@dataclass(frozen=True, slots=True)
class Kept:
    """Whole calendar months besides the present one, at least 1: of call records; of bindings since their purge."""

    calls: int = 12
    bindings: int = 12


@dataclass(frozen=True, slots=True)
class Cleared:
    """What one step did. ``next``: the virtual number after which to go on, '' when all were looked through."""

    months_made: int = 0
    months_dropped: int = 0
    calls: int = 0
    bindings: int = 0
    next: str = ""

    @property
    def busy(self) -> bool:
        """Whether there may be more to do at once."""
        return bool(self.months_dropped or self.calls or self.bindings or self.next)


def clear_old(ports: Ports, kept: Kept, *, limit: int, after: str = "") -> Cleared:
    """One bounded step of each kind, a commit each. ``limit``: rows a kind; ``after``: :attr:`Cleared.next` of the step
    before. Raises DatabaseUnavailable."""
    now = ports.clock.now()
    before = months_after(month_of(now), -kept.calls)
    with ports.unit() as uow:
        made = uow.call_months.keep_ahead(now)
        uow.commit()
    with ports.unit() as uow:
        dropped = uow.call_months.drop_one(ended_before=before)
        uow.commit()
    calls, further = _clear_calls(ports, before=before, limit=limit, after=after)
    return Cleared(
        months_made=made,
        months_dropped=0 if dropped is None else 1,
        calls=calls,
        bindings=_clear_bindings(ports, kept, now=now, limit=limit),
        next=further,
    )


def _clear_calls(ports: Ports, *, before: datetime, limit: int, after: str) -> tuple[int, str]:
    """Number by number: what is in no part of its own month (SQLite, and rows from before there were parts). Along the
    key of the table, which begins with the number; an index on the time alone would be written with every call."""
    gone = 0
    with ports.unit() as uow:
        numbers = uow.numbers.after(after, limit=_NUMBERS)
        for place, number in enumerate(numbers):
            gone += uow.endings.forget_calls(number, older_than=before, limit=limit - gone)
            if gone >= limit:
                # The number may have more: the next step begins with it again.
                uow.commit()
                return gone, numbers[place - 1] if place else after
        uow.commit()
    return gone, numbers[-1] if len(numbers) == _NUMBERS else ""


def _clear_bindings(ports: Ports, kept: Kept, *, now: datetime, limit: int) -> int:
    """Never one that an Idempotency-Key can still ask for."""
    before = min(months_after(month_of(now), -kept.bindings), now - IDEMPOTENCY_KEPT)
    with ports.unit() as uow:
        gone = uow.endings.forget(purged_before=before, limit=limit)
        uow.commit()
    return gone
