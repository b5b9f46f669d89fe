"""What the use cases need from outside, as protocols: time, chance, encryption, and a unit of work.

Answers for: the promise of each. Must not know: SQLAlchemy, cryptography, Flask.
One use case opens one unit of work and commits once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from maskservice.domain.hooks import HookFailure, HookReply, HookRequest
from maskservice.services.call_repositories import Calls, Contacts, Guard, Passes, Receipts
from maskservice.services.hook_records import Hooks
from maskservice.services.leg_records import Legs
from maskservice.services.pbx_records import Pbxs
from maskservice.services.placements import Placements
from maskservice.services.repositories import (
    ApiKeys,
    Bindings,
    CryptoKeys,
    Idempotency,
    Numbers,
    Orders,
    Pools,
    Slots,
    Tenants,
)
from maskservice.services.roster_repositories import Assignments, CallerRules, Couriers
from maskservice.services.worker_repositories import CallMonths, Endings


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...


class Randomness(Protocol):
    """A cryptographic source."""

    def randbytes(self, count: int) -> bytes: ...

    def below(self, limit: int) -> int:
        """Uniform over [0, limit)."""
        ...


class RowCipher(Protocol):
    """Seals the fields of one row under the row's own data key."""

    @property
    def wrapped_key(self) -> bytes: ...

    def seal(self, field: str, plain: str) -> bytes: ...

    def open(self, field: str, sealed: bytes) -> str:
        """Raises SealBroken where the value is not this row's and field's."""
        ...


class NumberCipher(Protocol):
    def new_row(self, tenant: str, row: str) -> RowCipher: ...

    def open_row(self, tenant: str, row: str, wrapped: bytes) -> RowCipher:
        """Raises KeyMissing where the key ring lacks the wrapping key, SealBroken where the wrapped key is not this
        row's."""
        ...


class BlindIndex(Protocol):
    def number(self, scope: str, e164: str) -> bytes:
        """16 bytes that stand for a number within a scope (a virtual number, or 'own')."""
        ...

    def fingerprint(self, purpose: str, *parts: bytes) -> bytes:
        """32 bytes, keyed: a plain hash of a body with a phone in it could be searched."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without :meth:`commit` takes everything back.

    Entering, statements and commit raise DatabaseUnavailable where the database cannot be reached or does not answer
    in time,
    DatabaseNotMigrated where tables are missing.
    """

    tenants: Tenants
    api_keys: ApiKeys
    pools: Pools
    numbers: Numbers
    slots: Slots
    bindings: Bindings
    orders: Orders
    placements: Placements
    idempotency: Idempotency
    contacts: Contacts
    passes: Passes
    calls: Calls
    legs: Legs
    receipts: Receipts
    guard: Guard
    couriers: Couriers
    assignments: Assignments
    caller_rules: CallerRules
    pbxs: Pbxs
    hooks: Hooks
    crypto_keys: CryptoKeys
    endings: Endings
    call_months: CallMonths

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None:
        """Takes back what was done since the start or the last commit; the unit can be used on."""
        ...


class OpenUnit(Protocol):
    def __call__(self, *, write: bool = True, whole: bool = False) -> UnitOfWork:
        """A unit of work; ``write=False`` for use cases that only read (SQLite then takes no writer's place).
        ``whole=True`` for those that write by one call of a method which is all or nothing, and of what they read
        compare there what matters: where the database can do that in one statement, no transaction is begun."""
        ...


class HookLine(Protocol):
    """The way to tenants' servers."""

    def ask(self, request: HookRequest) -> HookReply:
        """The complete answer within the budget, or why there is none; never raises for anything a server does."""
        ...


class NoHookLine:
    """Nobody is ever reached: for compositions that ask nothing."""

    def ask(self, request: HookRequest) -> HookReply:  # noqa: ARG002 -- the port's signature
        return HookReply(None, failure=HookFailure.CONNECTION)


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a use case may reach, in one hand."""

    clock: Clock
    randomness: Randomness
    cipher: NumberCipher
    index: BlindIndex
    unit: OpenUnit
    hook_line: HookLine = field(default_factory=NoHookLine)
