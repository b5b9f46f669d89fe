"""Calendar months in UTC, in which call records are kept and dropped.

Answers for: where a month begins. Must not know: what is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime


def month_of(moment: datetime) -> datetime:
    """The first moment of its month, UTC. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a naive time was given")
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months_after(month: datetime, count: int) -> datetime:
    """The first moment of the month ``count`` months after that of ``month``; a negative count goes back."""
    months = month.year * 12 + month.month - 1 + count
    return month_of(month).replace(year=months // 12, month=months % 12 + 1)
