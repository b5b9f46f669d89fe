"""The repositories that only the worker needs, as protocols: ends and purges of many bindings at once, what is kept no
longer, the months of call records.

Answers for: the exact promise of each method; every one is bounded by what it is given. Must not know: SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from maskservice.domain.binding import Binding

RestedSlot = tuple[str, str, UUID]
"""(virtual number, extension, binding)"""


class Endings(Protocol):
    def end(self, ended: Sequence[Binding]) -> Sequence[Binding]:
        """Stores expiries, three statements for any number: status and end of the bindings, their slots at rest for
        the pool's quarantine counted from the end, their contacts over by then. Those that were not stored as ended
        before: each end is one worker's."""
        ...

    def purge(self, rested: Sequence[RestedSlot], *, at: datetime) -> int:
        """Forgets everything personal of the bindings and their contacts: sealed values, wrapped keys, marks, masked
        name, assignments, rules for callers, calls a day. One that was rekeyed and lives on under another extension is
        passed over. How many were purged."""
        ...

    def free(self, rested: Sequence[RestedSlot]) -> int:
        """Deletes the slots that these bindings still hold and counts their numbers down. Last in a unit: it waits for
        allocations, on numbers in one order."""
        ...

    def forget(self, *, purged_before: datetime, limit: int) -> int:
        """Deletes bindings that were purged before then, with their places in the order index. No slot is touched: a
        purged binding has none."""
        ...

    def forget_calls(self, virtual_number: str, *, older_than: datetime, limit: int) -> int:
        """Deletes records of the number's calls that began before then; how many."""
        ...


class CallMonths(Protocol):
    """Call records lie in one part a month, where the database is PostgreSQL. Elsewhere there are no parts: nothing is
    made, nothing dropped."""

    def keep_ahead(self, now: datetime) -> int:
        """Makes the parts of this and the coming months that are missing; how many. A call whose month has none makes
        it itself."""
        ...

    def drop_one(self, *, ended_before: datetime) -> str | None:
        """Drops the oldest part whose month had ended by then; its name. None where there is none, or where the table
        is in use and the lock cannot be had within a quarter of a second: nobody's call waits longer than that."""
        ...
