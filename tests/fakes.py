"""Stand-ins for what the composition root gives: a clock that the test moves, and chance.

Answers for: time and randomness in tests. Must not know: what is tested.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class MovableClock:
    moment: datetime = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Chance:
    """The system's: what is random in tests must not be predictable by accident."""

    def randbytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)
