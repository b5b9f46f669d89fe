"""The worker's rounds: note what has died, purge and free what has rested, forget what no retry can need.

Answers for: bounded steps that several workers can take side by side. Must not know: when it is called, SQL.
Nothing here decides whether a call is connected: a binding is dead at its moment with no job running.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from maskservice.domain.binding import expired
from maskservice.services.ports import Ports

# A webhook older than five minutes is refused by its signature; late events of a long call still find theirs.
RECEIPTS_KEPT = timedelta(hours=48)
# Longer than a block lasts and is held against its caller.
GUARD_KEPT = timedelta(days=60)
# Longer than the longest life with its quarantine, so that a key outlives everything it can have made.
IDEMPOTENCY_KEPT = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Round:
    """What one step did."""

    ended: int = 0
    freed: int = 0
    forgotten: int = 0

    @property
    def busy(self) -> bool:
        """Whether there may be more to do at once."""
        return bool(self.ended or self.freed or self.forgotten)


def work_round(ports: Ports, *, limit: int = 200) -> Round:
    """One bounded step of each kind, a commit each. ``limit``: rows a kind. Raises DatabaseUnavailable."""
    return Round(expire_due(ports, limit=limit), free_rested(ports, limit=limit), forget_old(ports, limit=limit))


def expire_due(ports: Ports, *, limit: int) -> int:
    """Stores deaths by time and sends their slots to rest, a few statements for all of them; the number of them. A
    binding that somebody else (a call, another worker) ended first is not counted."""
    now = ports.clock.now()
    with ports.unit() as uow:
        due = uow.bindings.due(now=now, limit=limit)
        ended = uow.endings.end([expired(binding, now) for binding in due])
        uow.commit()
    return len(ended)


def free_rested(ports: Ports, *, limit: int) -> int:
    """Purges what is personal of bindings whose slot has rested, then frees the slot, a few statements for all of them;
    the number of slots."""
    now = ports.clock.now()
    with ports.unit() as uow:
        rested = uow.slots.rested(now=now, limit=limit)
        uow.endings.purge(rested, at=now)
        # Last: allocations wait for a number's row, and hold rows that were locked above.
        freed = uow.endings.free(rested)
        uow.commit()
    return freed


def forget_old(ports: Ports, *, limit: int) -> int:
    """Deletes receipts, passes, the guard's memory, callers' keys in records and idempotency keys that nobody can come
    back for; the number of them."""
    now = ports.clock.now()
    with ports.unit() as uow:
        gone = uow.receipts.forget(older_than=now - RECEIPTS_KEPT, limit=limit)
        gone += uow.passes.forget(older_than=now, limit=limit)
        gone += uow.guard.forget(older_than=now - GUARD_KEPT, limit=limit)
        # A record stays; who called is known by his key as long as the guard knows him, and no longer.
        gone += uow.calls.forget_callers(older_than=now - GUARD_KEPT, limit=limit)
        gone += uow.idempotency.forget(older_than=now - IDEMPOTENCY_KEPT, limit=limit)
        uow.commit()
    return gone
