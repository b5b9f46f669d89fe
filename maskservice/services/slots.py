"""Finding a free extension: which number, which proposals, and the rare search when a number is nearly full.

Answers for: the order of attempts, bounded. Must not know: SQL; uniqueness itself is the database's.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from maskservice.domain.allocation import PoolPolicy, propose
from maskservice.domain.errors import PoolExhausted
from maskservice.services.ports import Randomness, UnitOfWork
from maskservice.services.records import PoolOffer

# A handful is nearly always enough: at the default density sixteen proposals all miss once in 10^16.
_HANDFULS = (16, 64, 256)
POOL_IS_FULL = (
    "Every virtual number of this pool is at its ceiling. Try again later, "
    "or add numbers with 'maskservice numbers import'."
)
_WINDOW = 10_000
_WINDOWS = 64


def shuffled(numbers: tuple[str, ...], randomness: Randomness) -> tuple[str, ...]:
    """The numbers in a random order, each order as likely (Fisher and Yates)."""
    order = list(numbers)
    for place in range(len(order) - 1, 0, -1):
        other = randomness.below(place + 1)
        order[place], order[other] = order[other], order[place]
    return tuple(order)


def take_slot(
    offer: PoolOffer,
    *,
    tenant_id: str,
    pool_name: str,
    binding: UUID,
    at: datetime,
    uow: UnitOfWork,
    randomness: Randomness,
) -> tuple[str, str]:
    """(virtual number, extension), held by ``binding`` when the unit commits. Raises PoolExhausted when every number
    is at its ceiling.

    Only one number's counter is ever raised in a unit, so units cannot wait for each other in a ring.
    """
    while offer.numbers:
        for virtual_number in offer.numbers:
            if uow.numbers.take(virtual_number, ceiling=offer.policy.ceiling) is not None:
                return virtual_number, claim_extension(
                    virtual_number, offer.policy, binding=binding, at=at, uow=uow, randomness=randomness
                )
        # All of them filled up since they were offered; each round means that others were served, so this ends.
        again = uow.numbers.offer(
            tenant_id=tenant_id, pool_name=pool_name, phone_mark=None, spread=randomness.below(2**31)
        )
        if again is None:
            break
        offer = again
    raise PoolExhausted(POOL_IS_FULL)


def claim_extension(
    virtual_number: str, policy: PoolPolicy, *, binding: UUID, at: datetime, uow: UnitOfWork, randomness: Randomness
) -> str:
    """A free extension of a number whose count was raised already in this unit, now held by ``binding``."""
    for count in _HANDFULS:
        proposals = propose(policy, randomness.below, count=count)
        taken = uow.slots.claim(virtual_number, proposals, binding=binding, at=at)
        if taken is not None:
            return taken
    return _search(virtual_number, policy, binding=binding, at=at, uow=uow, randomness=randomness)


def _search(
    virtual_number: str, policy: PoolPolicy, *, binding: UUID, at: datetime, uow: UnitOfWork, randomness: Randomness
) -> str:
    """Looks through windows of the space in random order: the counter says that something is free, chance did not
    find it."""
    windows = max(10**policy.extension_length // _WINDOW, 1)
    for _ in range(_WINDOWS):
        start = randomness.below(windows) * _WINDOW
        extensions = [
            policy.extension(value) for value in range(start, start + min(_WINDOW, 10**policy.extension_length))
        ]
        held = uow.slots.taken(virtual_number, first=extensions[0], last=extensions[-1])
        free = [extension for extension in extensions if extension not in held]
        while free:
            pick = free.pop(randomness.below(len(free)))
            taken = uow.slots.claim(virtual_number, (pick,), binding=binding, at=at)
            if taken is not None:
                return taken
    raise PoolExhausted("No free extension was found on a nearly full number. Try again, or add numbers to the pool.")
