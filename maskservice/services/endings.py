"""How a binding ends for storage: its slot goes to rest, and a death that was seen is kept.

Answers for: the one place where an end is written, by hand, by delivery's grace or by time. Must not know: who asked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from maskservice.domain.binding import Binding, expired
from maskservice.domain.errors import NotFound
from maskservice.domain.ids import BindingId
from maskservice.services.ports import UnitOfWork
from maskservice.services.records import StoredBinding


def write_end(binding: Binding, uow: UnitOfWork) -> None:
    """Stores an ended binding and sends its slot to quarantine, counted from the end itself."""
    if binding.ended_at is None:
        raise ValueError("the binding has not ended")
    uow.bindings.save(binding)
    pool = uow.pools.of_number(binding.id.virtual_number)
    until = binding.ended_at if pool is None else binding.ended_at + pool.policy.quarantine
    uow.slots.rest(binding.id.virtual_number, binding.extension, binding=binding.id.key, until=until)
    # The contact never outlives its binding: a courier of it is none "of late" any more, on this number either.
    uow.contacts.shorten(binding.id, until=binding.ended_at)


def settled(stored: StoredBinding, uow: UnitOfWork, now: datetime) -> StoredBinding:
    """The binding as it is now. One that is seen dead for the first time is stored so **and committed at once**:
    whatever the
    use case does next, a clock going backwards must not revive it."""
    fresh = end_seen(stored, uow, now)
    if fresh is not stored:
        uow.commit()
    return fresh


def end_seen(stored: StoredBinding, uow: UnitOfWork, now: datetime) -> StoredBinding:
    """Stores a death that was seen, within this unit. The row is read again under its lock first: what was read before
    may have been changed or released since, and that must not be undone."""
    if not stored.binding.needs_end(now):
        return stored
    fresh = uow.bindings.get(stored.binding.id, for_update=True)
    if fresh is None:
        return stored
    after = expired(fresh.binding, now)
    if after is not fresh.binding:
        write_end(after, uow)
    return replace(fresh, binding=after)


def load_own(tenant_id: str, binding_id: BindingId, uow: UnitOfWork, now: datetime, *, change: bool) -> StoredBinding:
    """The tenant's binding, settled. Raises NotFound for another tenant's as for none. ``change`` locks the row for
    this unit."""
    stored = uow.bindings.get(binding_id, for_update=change)
    if stored is None or stored.binding.tenant_id != tenant_id:
        raise NotFound("There is no such binding.")
    after = settled(stored, uow, now)
    if after is not stored and change:
        # The commit gave the lock back: take it again before anything else is decided.
        again = uow.bindings.get(binding_id, for_update=True)
        return after if again is None else again
    return after
