"""How far a call came, and how a bridge ended.

Answers for: the words. Must not know: why (``causes.py``), who called whom.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How far a call came. The last six are final."""

    ASKING = "asking"
    CONNECTING = "connecting"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELED = "canceled"
    UNAVAILABLE = "unavailable"


FINAL = frozenset(
    {Outcome.COMPLETED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.CANCELED, Outcome.UNAVAILABLE}
)
NOT_REACHED = frozenset({Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED})
"""The called party did not talk, and the caller is still there."""
