"""Which calls are wanted of many.

Answers for: what calls can be narrowed by. Must not know: HTTP, the command line, SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from maskservice.domain.call import Direction, Outcome
from maskservice.domain.causes import Cause
from maskservice.domain.ids import AttemptGroupId, BindingId


@dataclass(frozen=True, slots=True)
class CallFilter:
    """All that is named must hold; None narrows nothing. ``since`` is the first moment of a call's start that counts,
    ``until`` the first that does not: aware, to the millisecond in which calls are told apart. ``virtual_number``:
    E.164."""

    binding: BindingId | None = None
    direction: Direction | None = None
    outcome: Outcome | None = None
    cause: Cause | None = None
    since: datetime | None = None
    until: datetime | None = None
    group: AttemptGroupId | None = None
    virtual_number: str | None = None


EVERY_CALL = CallFilter()

__all__ = ["EVERY_CALL", "CallFilter"]
