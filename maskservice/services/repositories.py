"""The repositories that a unit of work holds, as protocols.

Answers for: the exact promise of each method, race guards included. Must not know: SQLAlchemy.
Every method that is on the way of a call names the virtual number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from maskservice.domain.binding import Binding, Status
from maskservice.domain.call_policy import PoolCalls, TenantCalls
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.ids import BindingId
from maskservice.services.records import (
    ApiKey,
    IdempotencyClaim,
    OrderClaim,
    Pool,
    PoolOffer,
    PoolUse,
    SealedContent,
    SlotClaim,
    StoredBinding,
    Tenant,
)


class Tenants(Protocol):
    def add(self, tenant: Tenant) -> None:
        """Raises NameTaken."""
        ...

    def get(self, tenant_id: str, *, for_update: bool = False) -> Tenant | None:
        """``for_update`` keeps others from changing the tenant until the end of the unit."""
        ...

    def named(self, name: str) -> Tenant | None: ...

    def all(self) -> Sequence[Tenant]: ...

    def replace(self, tenant: Tenant) -> None: ...

    def replace_calls(self, tenant_id: str, calls: TenantCalls) -> None: ...


class ApiKeys(Protocol):
    def add(self, key: ApiKey) -> None: ...

    def of_tenant(self, tenant_id: str) -> Sequence[ApiKey]: ...

    def revoke(self, key_id: str, *, at: datetime) -> bool:
        """False where there is no such key; revoking again keeps the first moment."""
        ...

    def owner_of(self, digest: bytes) -> tuple[ApiKey, Tenant] | None:
        """The unrevoked key with this SHA-256 digest and its tenant: one statement, since every request begins with
        it."""
        ...


class Pools(Protocol):
    def add(self, pool: Pool) -> None:
        """With its tenants. Raises NameTaken."""
        ...

    def named(self, name: str) -> Pool | None: ...

    def of_number(self, virtual_number: str) -> Pool | None: ...

    def all(self) -> Sequence[Pool]: ...

    def replace_calls(self, pool_id: str, calls: PoolCalls) -> None: ...

    def replace_guard(self, pool_id: str, guard: GuardPolicy) -> None: ...

    def admit(self, pool_id: str, tenant_ids: Sequence[str]) -> None:
        """Lets further tenants use a pool; those who may already are passed over."""
        ...

    def use(self) -> Sequence[PoolUse]:
        """Numbers, held extensions and capacity of every pool."""
        ...


class Numbers(Protocol):
    def add(self, virtual_number: str, *, pool_id: str, mark: bytes, spread: int, at: datetime) -> bool:
        """False where the number is known already, in whatever pool. ``mark`` is its blind index in scope 'own';
        ``spread`` in [0, 2^31)."""
        ...

    def is_own(self, mark: bytes) -> bool: ...

    def own_among(self, marks: Collection[bytes]) -> frozenset[bytes]:
        """Those of up to some thousand marks that are a number of any pool; no statement for none."""
        ...

    def offer(
        self,
        *,
        tenant_id: str,
        pool_name: str,
        phone_mark: bytes | None,
        spread: int,
        limit: int = 8,
        order_id: str | None = None,
    ) -> PoolOffer | None:
        """One statement: the pool that the tenant may use by that name, up to ``limit`` of its numbers below the
        ceiling, starting at a random place of the ring, whether ``phone_mark`` is a number of any pool, and whether the
        order has a current binding. None where the tenant may use no pool of that name."""
        ...

    def take(self, virtual_number: str, *, ceiling: int) -> int | None:
        """One guarded statement: counts one more held extension unless the ceiling is reached. The new count, or
        None."""
        ...

    def reserve(self, virtual_number: str, count: int, *, ceiling: int) -> int:
        """Guarded: counts up to ``count`` more held extensions, as many as the ceiling leaves; how many. Several
        numbers of one unit are reserved in the order of the numbers."""
        ...

    def give_back(self, virtual_number: str, count: int) -> None:
        """So many fewer held extensions. Last in a unit, in the order of the numbers: it waits for allocations."""
        ...

    def after(self, virtual_number: str, *, limit: int) -> Sequence[str]:
        """The next numbers of all pools in their order; '' for the first ones."""
        ...

    def of_pool(self, pool_id: str) -> Sequence[tuple[str, int]]:
        """Each number with its held count."""
        ...


class Slots(Protocol):
    def claim(self, virtual_number: str, proposals: Sequence[str], *, binding: UUID, at: datetime) -> str | None:
        """One statement: the first proposal that is free is taken, guarded by the primary key. None where all are
        taken."""
        ...

    def claim_many(self, claims: Sequence[SlotClaim], *, at: datetime) -> frozenset[UUID]:
        """One statement: every slot that is free goes to its binding, guarded by the primary key; the bindings that
        got theirs."""
        ...

    def held_among(self, slots: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Those of the (virtual number, extension) that somebody holds."""
        ...

    def taken(self, virtual_number: str, *, first: str, last: str) -> frozenset[str]:
        """Held extensions in a closed range, for the rare search of a nearly full number."""
        ...

    def rest(self, virtual_number: str, extension: str, *, binding: UUID, until: datetime) -> None:
        """The binding ended or moved on: its slot is quarantined until then. Nothing where another one holds it."""
        ...

    def rested(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str, UUID]]:
        """(virtual number, extension, binding) of slots whose quarantine is over, locked for this unit and passed
        over by other workers."""
        ...


class Bindings(Protocol):
    def add(self, stored: StoredBinding, *, creation_answer: bytes | None) -> None: ...

    def add_many(self, stored: Sequence[StoredBinding]) -> None:
        """New bindings without a first answer to keep, all at once."""
        ...

    def current_of(self, tenant_id: str, order_ids: Sequence[str]) -> Mapping[str, StoredBinding]:
        """The current binding of each order that has one, in whatever state."""
        ...

    def get(self, binding_id: BindingId, *, for_update: bool = False) -> StoredBinding | None: ...

    def creation_answer(self, binding_id: BindingId) -> bytes | None: ...

    def save(self, binding: Binding) -> None:
        """Writes the facts that steps change: status, status before lock, waybill, masked name, expiry, delivery,
        end."""
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

    def to_rekey(self, virtual_number: str, *, before: datetime, now: datetime, limit: int) -> Sequence[Binding]:
        """Bindings on the number that hold their order at ``now``, were made before ``before`` and not rekeyed since,
        locked for this unit in the order of their keys."""
        ...

    def due(self, *, now: datetime, limit: int) -> Sequence[Binding]:
        """Bindings past their expiry that are not yet stored as ended, locked for this unit and passed over by other
        workers."""
        ...

    def count_by_status(self, now: datetime) -> Mapping[Status, int]:
        """By the true status at ``now`` where they can be counted cheaply, else an estimate by the stored one."""
        ...


class Orders(Protocol):
    """The index from an order or a waybill to where its bindings lie."""

    def claim(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> bool:
        """Makes the binding the order's current one, guarded by uniqueness: False where another one is current."""
        ...

    def claim_many(self, tenant_id: str, claims: Sequence[OrderClaim]) -> frozenset[UUID]:
        """:meth:`claim` for orders that differ from each other, in one statement; the keys of the bindings that became
        current."""
        ...

    def give_up(self, tenant_id: str, claims: Sequence[OrderClaim]) -> None:
        """Takes claims of this unit back: no binding was made for them."""
        ...

    def current(self, tenant_id: str, order_id: str) -> BindingId | None: ...

    def retire(self, tenant_id: str, order_id: str, *, binding: BindingId) -> None:
        """The binding is no longer the order's current one."""
        ...

    def place_of(self, tenant_id: str, order_id: str, key: UUID) -> BindingId | None: ...

    def by_waybill(self, tenant_id: str, waybill: str) -> Sequence[BindingId]:
        """Current bindings of the waybill, newest first, at most ten."""
        ...

    def set_waybill(self, tenant_id: str, order_id: str, *, binding: BindingId, waybill: str | None) -> None: ...


class Idempotency(Protocol):
    def claim(self, claim: IdempotencyClaim) -> IdempotencyClaim | None:
        """None: the key is ours. Otherwise the earlier claim; waits for one in progress. Raises
        IdempotencyInProgress after 5 s."""
        ...

    def answered_with(self, tenant_id: str, key: str, *, binding: UUID) -> None:
        """The request created nothing and was answered with this binding."""
        ...

    def forget(self, *, older_than: datetime, limit: int) -> int: ...


class CryptoKeys(Protocol):
    """Which keys the database's values were written with: id → check value."""

    def registered(self) -> Mapping[str, bytes]: ...

    def register(self, checks: Mapping[str, bytes], *, at: datetime) -> None:
        """Adds those not known yet."""
        ...
