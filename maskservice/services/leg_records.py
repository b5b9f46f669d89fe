"""A leg of a call as it is looked up in one read and written in one piece, and the repository that does both.

Answers for: the shapes, and the promise of each method. Must not know: the decision, SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from maskservice.domain.guard import CallerState
from maskservice.services.records import BareFindings, CallRecord, Met, Receipt, SealedContact, Who


@dataclass(frozen=True, slots=True)
class LegKey:
    """The request that a leg is: its PBX, the PBX's call, the webhook, and for whom the guard takes the caller."""

    pbx_id: str
    pbx_call_id: str
    webhook_id: str
    guard_key: bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """The guard's memory of a caller as it was read, without a lock. ``turn`` counts its changes and ``seen_at`` is the
    last of them; both None for a caller of whom nothing is remembered."""

    state: CallerState
    turn: int | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """All that a leg needs to know, as of one moment. ``found``: the number, and what on it the leg may be about.

    ``pbx_revision``: of an unrevoked PBX. ``legs``: of the same call, in their order. ``is_known``: this webhook was
    answered already, or the webhook id is another call's; where a call without digits is looked for, also any leg of
    it, and then ``legs`` is empty."""

    found: BareFindings
    met: Met | None
    caller: Remembered
    pbx_revision: int | None
    legs: Sequence[Receipt] = ()
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class GuardTurn:
    """The caller's state after the leg, for whoever read it at ``turn``. Without ``changes`` it is the one that was
    read, and must still be."""

    pool_id: str
    caller: bytes
    state: CallerState
    turn: int | None
    at: datetime
    changes: bool = True


@dataclass(frozen=True, slots=True)
class LegWritten:
    """What a leg leaves behind. ``is_first``: the record is new. ``takes_over``: as for ``Contacts.remember``."""

    receipt: Receipt
    record: CallRecord
    is_first: bool
    guard: GuardTurn | None = None
    contact: SealedContact | None = None
    takes_over: bool = False


class Legs(Protocol):
    def with_digits(self, virtual_number: str, extension: str, who: Who, key: LegKey) -> Opening | None:
        """One statement: the number, the binding that holds the extension, the caller, the call's legs, the PBX. None
        where the number is in no pool."""
        ...

    def without_digits(self, virtual_number: str, who: Who, key: LegKey, *, now: datetime) -> Opening | None:
        """Likewise, with all that a call without digits may be about."""
        ...

    def write(self, leg: LegWritten) -> bool:
        """All of it or nothing. False where it came too late: the webhook or the leg was answered meanwhile, or the
        caller's state is no longer that of the turn. Nothing is written then; in a unit that is not whole by itself the
        caller rolls back."""
        ...
