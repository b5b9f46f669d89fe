"""Giving every live binding on a scanned number a new extension.

Answers for: bounded steps, each whole: the old extension rests in quarantine in the same commit that makes the new one
live. Must not know: SQL, where the list of changes goes. The binding's id, order and recipient stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from maskservice.domain.binding import Binding
from maskservice.domain.errors import NotFound, PoolExhausted
from maskservice.domain.ids import BindingId
from maskservice.domain.masked import MaskedNumber
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Pool
from maskservice.services.slots import claim_extension

_STEP = 100


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What a platform has to be told of one binding."""

    tenant_id: str
    order_id: str
    binding_id: BindingId
    old: MaskedNumber
    new: MaskedNumber


def rekey_number(virtual_number: str, *, over_ceiling: bool = False, ports: Ports) -> Iterator[Rekeyed]:
    """Yields each binding once it has its new extension for good; interrupted, it can be run again.

    Each old extension is held through its quarantine beside the new one. Where the density ceiling leaves no room for
    that, PoolExhausted is raised, unless ``over_ceiling`` lets the number be denser for the time being: then only the
    whole space is the limit. Raises NotFound for a number of no pool, DatabaseUnavailable.
    """
    started = ports.clock.now()
    while True:
        with ports.unit() as uow:
            pool = uow.pools.of_number(virtual_number)
            if pool is None:
                raise NotFound("This number is in no pool. 'maskservice numbers list --pool NAME' shows them.")
            now = ports.clock.now()
            found = uow.bindings.to_rekey(virtual_number, before=started, now=now, limit=_STEP)
            done = [_rekey(each, pool, now=now, over_ceiling=over_ceiling, uow=uow, ports=ports) for each in found]
            uow.commit()
        yield from done
        if not found:
            return


def _rekey(
    binding: Binding, pool: Pool, *, now: datetime, over_ceiling: bool, uow: UnitOfWork, ports: Ports
) -> Rekeyed:
    number, policy = binding.id.virtual_number, pool.policy
    ceiling = 10**policy.extension_length if over_ceiling else policy.ceiling
    if uow.numbers.take(number, ceiling=ceiling) is None:
        raise PoolExhausted(
            "The density ceiling leaves no room for new extensions beside the old ones, which rest in quarantine. "
            "Allow a denser number for that time with --over-ceiling."
        )
    extension = claim_extension(number, policy, binding=binding.id.key, at=now, uow=uow, randomness=ports.randomness)
    uow.slots.rest(number, binding.extension, binding=binding.id.key, until=now + policy.quarantine)
    after = replace(binding, extension=extension, rekeyed_at=now)
    uow.bindings.save(after)
    return Rekeyed(binding.tenant_id, binding.order_id, binding.id, binding.masked_number, after.masked_number)
