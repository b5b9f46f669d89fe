"""What the use cases need from outside, as protocols: time, chance, encryption, and a unit of work with its repositories.

Answers for: the exact promise of each repository method, race guards included. Must not know: SQLAlchemy, cryptography, Flask.
One use case opens one unit of work and commits once. Every repository method that is on the way of a call names the virtual number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from maskservice.domain.binding import Binding, Status
from maskservice.domain.call import Direction, Line, Outcome, TraceStep
from maskservice.domain.ids import BindingId, CallId
from maskservice.services.records import (
    ApiKey,
    CallRecord,
    IdempotencyClaim,
    Met,
    OrderPlace,
    Pbx,
    PbxSecret,
    Pool,
    PoolOffer,
    PoolUse,
    Receipt,
    SealedContact,
    SealedContent,
    StoredBinding,
    Tenant,
)


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
        """Raises KeyMissing where the key ring lacks the wrapping key, SealBroken where the wrapped key is not this row's."""
        ...


class BlindIndex(Protocol):
    def number(self, scope: str, e164: str) -> bytes:
        """16 bytes that stand for a number within a scope (a virtual number, or 'own')."""
        ...

    def fingerprint(self, purpose: str, *parts: bytes) -> bytes:
        """32 bytes, keyed: a plain hash of a body with a phone in it could be searched."""
        ...


class Tenants(Protocol):
    def add(self, tenant: Tenant) -> None:
        """Raises NameTaken."""
        ...

    def get(self, tenant_id: str) -> Tenant | None: ...

    def named(self, name: str) -> Tenant | None: ...

    def all(self) -> Sequence[Tenant]: ...

    def replace(self, tenant: Tenant) -> None: ...


class ApiKeys(Protocol):
    def add(self, key: ApiKey) -> None: ...

    def of_tenant(self, tenant_id: str) -> Sequence[ApiKey]: ...

    def revoke(self, key_id: str, *, at: datetime) -> bool:
        """False where there is no such key; revoking again keeps the first moment."""
        ...

    def owner_of(self, digest: bytes) -> tuple[ApiKey, Tenant] | None:
        """The unrevoked key with this SHA-256 digest and its tenant: one statement, since every request begins with it."""
        ...


class Pools(Protocol):
    def add(self, pool: Pool) -> None:
        """With its tenants. Raises NameTaken."""
        ...

    def named(self, name: str) -> Pool | None: ...

    def of_number(self, virtual_number: str) -> Pool | None: ...

    def all(self) -> Sequence[Pool]: ...

    def admit(self, pool_id: str, tenant_ids: Sequence[str]) -> None:
        """Lets further tenants use a pool; those who may already are passed over."""
        ...

    def use(self) -> Sequence[PoolUse]:
        """Numbers, held extensions and capacity of every pool."""
        ...


class Numbers(Protocol):
    def add(self, virtual_number: str, *, pool_id: str, mark: bytes, spread: int, at: datetime) -> bool:
        """False where the number is known already, in whatever pool. ``mark`` is its blind index in scope 'own'; ``spread`` in [0, 2^31)."""
        ...

    def is_own(self, mark: bytes) -> bool: ...

    def offer(self, *, tenant_id: str, pool_name: str, phone_mark: bytes | None, spread: int, limit: int = 8) -> PoolOffer | None:
        """One statement: the pool that the tenant may use by that name, up to ``limit`` of its numbers below the ceiling, starting at a random
        place of the ring, and whether ``phone_mark`` is a number of any pool. None where the tenant may use no pool of that name."""
        ...

    def take(self, virtual_number: str, *, ceiling: int) -> int | None:
        """One guarded statement: counts one more held extension unless the ceiling is reached. The new count, or None."""
        ...

    def of_pool(self, pool_id: str) -> Sequence[tuple[str, int]]:
        """Each number with its held count."""
        ...


class Slots(Protocol):
    def claim(self, virtual_number: str, proposals: Sequence[str], *, binding: UUID, at: datetime) -> str | None:
        """One statement: the first proposal that is free is taken, guarded by the primary key. None where all are taken."""
        ...

    def taken(self, virtual_number: str, *, first: str, last: str) -> frozenset[str]:
        """Held extensions in a closed range, for the rare search of a nearly full number."""
        ...

    def rest(self, virtual_number: str, extension: str, *, until: datetime) -> None:
        """The binding ended: the slot is quarantined until then."""
        ...

    def rested(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str, UUID]]:
        """(virtual number, extension, binding) of slots whose quarantine is over, locked for this unit and passed over by other workers."""
        ...

    def free(self, virtual_number: str, extension: str) -> bool:
        """Deletes the slot and counts the number's held extensions down. False where it was gone."""
        ...


class Bindings(Protocol):
    def add(self, stored: StoredBinding, *, creation_answer: bytes | None) -> None: ...

    def get(self, binding_id: BindingId, *, for_update: bool = False) -> StoredBinding | None: ...

    def creation_answer(self, binding_id: BindingId) -> bytes | None: ...

    def save(self, binding: Binding) -> None:
        """Writes the facts that steps change: status, status before lock, waybill, masked name, expiry, delivery, end."""
        ...

    def save_content(self, binding_id: BindingId, content: SealedContent) -> None: ...

    def by_slot(self, virtual_number: str, extension: str) -> StoredBinding | None: ...

    def page(
        self,
        tenant_id: str,
        *,
        now: datetime,
        limit: int,
        before: UUID | None,
        order_id: str | None = None,
        waybill: str | None = None,
        status: Status | None = None,
    ) -> Sequence[StoredBinding]:
        """Newest first, ``before`` excluded; ``status`` is the true one at ``now``."""
        ...

    def due(self, *, now: datetime, limit: int) -> Sequence[Binding]:
        """Bindings past their expiry that are not yet stored as ended, locked for this unit and passed over by other workers."""
        ...

    def purge(self, binding_id: BindingId, *, at: datetime) -> None:
        """Forgets everything personal of the binding and its contacts: sealed values, wrapped keys, marks, masked name."""
        ...

    def count_by_status(self, now: datetime) -> Mapping[Status, int]: ...


class Orders(Protocol):
    """The index from an order or a waybill to where its bindings lie."""

    def claim(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> bool:
        """Makes the binding the order's current one, guarded by uniqueness: False where another one is current."""
        ...

    def current(self, tenant_id: str, order_id: str) -> BindingId | None: ...

    def retire(self, tenant_id: str, order_id: str, *, binding: BindingId) -> None:
        """The binding is no longer the order's current one."""
        ...

    def move(self, place: OrderPlace) -> None:
        """The binding came to lie under another virtual number before it was made."""
        ...

    def place_of(self, tenant_id: str, order_id: str, key: UUID) -> BindingId | None: ...

    def by_waybill(self, tenant_id: str, waybill: str) -> Sequence[BindingId]:
        """Current bindings of the waybill, newest first, at most ten."""
        ...

    def set_waybill(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> None: ...


class Idempotency(Protocol):
    def claim(self, claim: IdempotencyClaim) -> IdempotencyClaim | None:
        """None: the key is ours. Otherwise the earlier claim; waits for one in progress. Raises IdempotencyInProgress after 5 s."""
        ...

    def answered_with(self, tenant_id: str, key: str, *, binding: UUID) -> None:
        """The request created nothing and was answered with this binding."""
        ...

    def forget(self, *, older_than: datetime, limit: int) -> int: ...


class Contacts(Protocol):
    def remember(self, contact: SealedContact) -> None:
        """The binding's last courier; replaces an earlier one."""
        ...

    def get(self, binding_id: BindingId) -> SealedContact | None: ...


class Calls(Protocol):
    """Facts for a decision, and the record of each call."""

    def line_and_slot(self, virtual_number: str, extension: str, *, tenant_id: str | None = None) -> tuple[Line, Met | None] | None:
        """One statement: the number with its pool, and the binding that holds the extension with its tenant and contact.
        None where the number is in no pool. ``tenant_id`` narrows everything to what that tenant may see (dry run)."""
        ...

    def line_and_binding(self, binding_id: BindingId) -> tuple[Line, Met | None] | None: ...

    def line_and_recipient(
        self, virtual_number: str, mark: bytes | None, *, now: datetime, tenant_id: str | None = None
    ) -> tuple[Line, Sequence[Met], bool] | None:
        """One statement: the number with its pool, the bindings on it whose recipient has this mark (not ended, newest first, at most 50), and
        whether the mark has an unexpired contact as a courier on this number."""
        ...

    def add(self, record: CallRecord) -> None: ...

    def save(self, record: CallRecord) -> None:
        """Writes what later legs and events change."""
        ...

    def get(self, call_id: CallId, *, for_update: bool = False) -> CallRecord | None: ...

    def page(self, tenant_id: str, *, limit: int, before: UUID | None, binding: BindingId | None = None) -> Sequence[CallRecord]:
        """Calls that met a binding of the tenant, newest first."""
        ...


class Receipts(Protocol):
    """What was answered to each webhook: retried ones get the same answer, and the legs of a call know each other."""

    def thread(self, virtual_number: str, pbx_id: str, pbx_call_id: str, webhook_id: str) -> Sequence[Receipt]:
        """One statement: the receipts of the call in the order of their legs, and that of the webhook id whatever its call."""
        ...

    def add(self, receipt: Receipt) -> bool:
        """Guarded by uniqueness of (X, PBX, webhook id) and (X, PBX, call, leg): False where another request was faster."""
        ...

    def latest(self, virtual_number: str, pbx_id: str, pbx_call_id: str) -> Receipt | None: ...

    def forget(self, *, older_than: datetime, limit: int) -> int: ...


class Pbxs(Protocol):
    def add(self, pbx: Pbx) -> None:
        """Raises NameTaken."""
        ...

    def named(self, name: str) -> Pbx | None: ...

    def all(self) -> Sequence[Pbx]: ...

    def add_secret(self, secret: PbxSecret) -> None: ...

    def revoke_secret(self, secret_id: str, *, at: datetime) -> bool: ...

    def secrets(self, pbx_id: str) -> Sequence[PbxSecret]:
        """Unrevoked secrets of an unrevoked PBX, newest first; one statement."""
        ...

    def revoke(self, pbx_id: str, *, at: datetime) -> bool: ...


class CryptoKeys(Protocol):
    """Which keys the database's values were written with: id → check value."""

    def registered(self) -> Mapping[str, bytes]: ...

    def register(self, checks: Mapping[str, bytes], *, at: datetime) -> None:
        """Adds those not known yet."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without :meth:`commit` takes everything back.

    Entering, statements and commit raise DatabaseUnavailable where the database cannot be reached or does not answer in time,
    DatabaseNotMigrated where tables are missing.
    """

    tenants: Tenants
    api_keys: ApiKeys
    pools: Pools
    numbers: Numbers
    slots: Slots
    bindings: Bindings
    orders: Orders
    idempotency: Idempotency
    contacts: Contacts
    calls: Calls
    receipts: Receipts
    pbxs: Pbxs
    crypto_keys: CryptoKeys

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None:
        """Takes back what was done since the start or the last commit; the unit can be used on."""
        ...


class OpenUnit(Protocol):
    def __call__(self, *, write: bool = True) -> UnitOfWork:
        """A unit of work; ``write=False`` for use cases that only read (SQLite then takes no writer's place)."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a use case may reach, in one hand."""

    clock: Clock
    randomness: Randomness
    cipher: NumberCipher
    index: BlindIndex
    unit: OpenUnit


__all__ = [
    "BlindIndex",
    "Clock",
    "Direction",
    "NumberCipher",
    "OpenUnit",
    "Outcome",
    "Ports",
    "Randomness",
    "RowCipher",
    "TraceStep",
    "UnitOfWork",
]
