"""A virtual number taken from strangers for a time, by hand: enrolled callers only.

Answers for: restricting, lifting, telling. Must not know: what is a scan (``domain.guard``), SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from maskservice.domain.errors import NotFound
from maskservice.services.ports import Ports

NO_NUMBER = "This number is in no pool. 'maskservice numbers list --pool NAME' shows them."


def restrict_number(virtual_number: str, *, length: timedelta | None, ports: Ports) -> datetime | None:
    """Takes enrolled and allowed callers only for ``length`` from now, in place of any time set before; None lets
    everybody in again. Until when, None where it is lifted. Call-backs of recipients go on. Raises NotFound."""
    now = ports.clock.now()
    until = None if length is None else now + length
    with ports.unit() as uow:
        if uow.pools.of_number(virtual_number) is None:
            raise NotFound(NO_NUMBER)
        uow.guard.restrict(virtual_number, until=until, at=now)
        uow.commit()
    return until


def restricted_until(virtual_number: str, *, ports: Ports) -> datetime | None:
    """Until when the number takes enrolled callers only; None where it takes everybody. Raises NotFound."""
    with ports.unit(write=False) as uow:
        if uow.pools.of_number(virtual_number) is None:
            raise NotFound(NO_NUMBER)
        state = uow.guard.number(virtual_number)
    return state.enrolled_only_until if state.is_enrolled_only(ports.clock.now()) else None


def restricted_numbers(pool_id: str, *, ports: Ports) -> Mapping[str, datetime]:
    """The pool's numbers that take enrolled callers only, and until when."""
    with ports.unit(write=False) as uow:
        return uow.guard.restricted(pool_id, now=ports.clock.now())


__all__ = ["restrict_number", "restricted_numbers", "restricted_until"]
