"""Finding a free extension: which number, which proposals, and the rare search when a number is nearly full.

Answers for: the order of attempts, bounded. Must not know: SQL; uniqueness itself is the database's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from maskservice.domain.allocation import HANDFUL, PoolPolicy, propose
from maskservice.domain.errors import PoolExhausted
from maskservice.services.ports import Randomness, UnitOfWork
from maskservice.services.records import PoolOffer, SlotClaim

_T = TypeVar("_T")

_HANDFULS = (HANDFUL, 64, 256)
# Proposals a binding where many are claimed at once: at the default density the second round leaves one in 10^8.
_SHARES = (1, 8)
POOL_IS_FULL = (
    "Every virtual number of this pool is at its ceiling. Try again later, "
    "or add numbers with 'maskservice numbers import'."
)
_MOST_BEGINNINGS = 64
_WINDOW = 10_000
_WINDOWS = 64


def shuffled(numbers: tuple[str, ...], randomness: Randomness) -> tuple[str, ...]:
    """The numbers in a random order, each order as likely (Fisher and Yates)."""
    order = list(numbers)
    for place in range(len(order) - 1, 0, -1):
        other = randomness.below(place + 1)
        order[place], order[other] = order[other], order[place]
    return tuple(order)


class NumberFilledUp(Exception):
    """The number that was chosen reached its ceiling since it was offered: the unit has to be taken back and begun
    again. Never leaves the use cases."""


def take_slot(
    offer: PoolOffer, *, binding: UUID, at: datetime, uow: UnitOfWork, randomness: Randomness
) -> tuple[str, str]:
    """(virtual number, extension) on the first of the offered numbers, held by ``binding`` when the unit commits.

    Raises NumberFilledUp, and tries no other number: where PostgreSQL has waited for a row and then finds that it no
    longer fits the guard, it keeps the row's lock all the same. A unit that went on to another number would hold both,
    in whatever order, and two such units would wait for each other in a ring.
    """
    virtual_number = offer.numbers[0]
    if uow.numbers.take(virtual_number, ceiling=offer.policy.ceiling) is None:
        raise NumberFilledUp
    return virtual_number, claim_extension(
        virtual_number, offer.policy, binding=binding, at=at, uow=uow, randomness=randomness
    )


def until_placed(step: Callable[[], _T], uow: UnitOfWork) -> _T:
    """What ``step`` gives, which is a use case up to its commit; begun again while numbers fill up under its hands.

    Each time means that others were served, so this ends. Raises what ``step`` raises, PoolExhausted.
    """
    for _ in range(_MOST_BEGINNINGS):
        with suppress(NumberFilledUp):
            return step()
        uow.rollback()
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


def claim_extensions(
    wanted: Mapping[str, Sequence[UUID]],
    policies: Mapping[str, PoolPolicy],
    *,
    at: datetime,
    uow: UnitOfWork,
    randomness: Randomness,
) -> dict[UUID, str]:
    """A free extension for each binding of each virtual number, whose counts were raised already in this unit.

    ``policies``: of each number. First one proposal a binding, then as many as are nearly always enough; who still has
    none is searched one for. A binding that has none in the end is left out.
    """
    got: dict[UUID, str] = {}
    waiting = {number: list(keys) for number, keys in wanted.items()}
    for share in _SHARES:
        proposed = {
            number: list(propose(policies[number], randomness.below, count=len(keys) * share))
            for number, keys in waiting.items()
        }
        if share > 1:
            pairs = [(number, extension) for number, each in proposed.items() for extension in each]
            held = uow.slots.held_among(pairs)
            proposed = {number: [e for e in each if (number, e) not in held] for number, each in proposed.items()}
        claims = {
            key: SlotClaim(number, extension, key)
            for number, keys in waiting.items()
            for key, extension in zip(keys, proposed[number], strict=False)
        }
        won = uow.slots.claim_many(list(claims.values()), at=at) if claims else frozenset()
        got |= {key: claims[key].extension for key in won}
        waiting = {number: left for number, keys in waiting.items() if (left := [k for k in keys if k not in won])}
        if not waiting:
            return got
    for number, keys in waiting.items():
        for key in keys:
            with suppress(PoolExhausted):
                got[key] = claim_extension(number, policies[number], binding=key, at=at, uow=uow, randomness=randomness)
    return got


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
