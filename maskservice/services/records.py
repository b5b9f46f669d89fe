"""The records that pass between use cases and storage: plain, frozen, and with every personal value sealed.

Answers for: the shape of what is stored. Must not know: how it is stored, how it is sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.binding import Binding
from maskservice.domain.call import Direction, Line, Outcome, Standing, TraceStep
from maskservice.domain.call_policy import PoolCalls, TenantCalls
from maskservice.domain.causes import Cause, EndedBy
from maskservice.domain.guard import GuardPolicy
from maskservice.domain.hooks import HookKind
from maskservice.domain.ids import BindingId, CallId
from maskservice.services.pbx_records import Pbx as Pbx
from maskservice.services.pbx_records import PbxSecret as PbxSecret
from maskservice.services.pbx_records import SpokenPbx as SpokenPbx
from maskservice.services.scopes import ALL_SCOPES as ALL_SCOPES
from maskservice.services.scopes import Scope as Scope


@dataclass(frozen=True, slots=True)
class TenantPolicy:
    """What a tenant may set. Times: ``grace`` after delivery, ``longest_life`` and ``default_life`` of a binding,
    ``contact_life`` of a call-back.

    ``countries``: ISO codes from which recipients' numbers are accepted beside Taiwan. ``mask`` and ``latin_mask``:
    one character each.
    """

    grace: timedelta = timedelta(hours=72)
    default_life: timedelta = timedelta(days=60)
    longest_life: timedelta = timedelta(days=60)
    contact_life: timedelta = timedelta(hours=72)
    countries: frozenset[str] = frozenset()
    mask: str = "O"
    latin_mask: str = "*"
    calls: TenantCalls = field(default_factory=TenantCalls)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A platform. ``care_line`` is sealed under the tenant's own wrapped key (field 'care_line'); both are None
    without one. ``hooks``: which of them it has, kept with it so that a call's look-up tells; only ever read."""

    id: str
    name: str
    created_at: datetime
    policy: TenantPolicy = field(default_factory=TenantPolicy)
    care_line: bytes | None = None
    wrapped_key: bytes | None = None
    hooks: frozenset[HookKind] = frozenset()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``digest``: SHA-256 of the whole key, which has 256 random bits. ``hint``: its last four characters, to tell
    keys apart in a list."""

    id: str
    tenant_id: str
    digest: bytes
    hint: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """``tenant_ids``: who may name it; empty with ``shared`` means everybody."""

    id: str
    name: str
    policy: PoolPolicy
    created_at: datetime
    shared: bool = False
    tenant_ids: frozenset[str] = frozenset()
    guard: GuardPolicy = field(default_factory=GuardPolicy)
    calls: PoolCalls = field(default_factory=PoolCalls)


@dataclass(frozen=True, slots=True)
class PoolOffer:
    """What an allocation may work with. ``numbers`` are below their ceiling as far as was seen, by ``rooms`` extensions
    each; ``phone_is_own`` and ``order_is_held``, by a current binding, as asked."""

    policy: PoolPolicy
    numbers: tuple[str, ...]
    phone_is_own: bool
    rooms: tuple[int, ...] = ()
    order_is_held: bool = False


@dataclass(frozen=True, slots=True)
class PoolUse:
    name: str
    numbers: int
    held: int
    capacity: int
    low_water: int


@dataclass(frozen=True, slots=True)
class SealedContent:
    """A binding's personal content under its own data key. Fields: 'phone' (E.164, then ';' and the landline's
    extension), 'name',
    'address', 'metadata' (JSON), 'lock_reason'. ``phone_mark`` is the blind index of the number in the scope of the
    virtual number;
    ``shared_line`` tells that the number has an extension of its own."""

    wrapped_key: bytes
    phone: bytes
    name: bytes
    phone_mark: bytes
    shared_line: bool
    address: bytes | None = None
    metadata: bytes | None = None
    lock_reason: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredBinding:
    """``content`` is None after the purge."""

    binding: Binding
    content: SealedContent | None


@dataclass(frozen=True, slots=True)
class OrderClaim:
    """One order of many that are claimed at once."""

    order_id: str
    binding: BindingId
    waybill: str | None


@dataclass(frozen=True, slots=True)
class SlotClaim:
    """One extension of many that are claimed at once."""

    virtual_number: str
    extension: str
    binding: UUID


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A key is bound to the fingerprint of its request and to the binding that the request makes."""

    tenant_id: str
    key: str
    fingerprint: bytes
    order_id: str
    binding: UUID
    created_at: datetime
    created: bool = True


@dataclass(frozen=True, slots=True)
class SealedContact:
    """The last courier of a binding; ``phone`` is sealed under the binding's data key (field 'contact'). ``caller``
    is his
    blind index in the guard's scope; ``withdrawn`` tells that he was blocked since he reached the recipient, by the
    guard or a list, and is only ever read. ``enrolled``: he is one of the tenant's own couriers."""

    binding_id: BindingId
    mark: bytes
    phone: bytes
    call: UUID
    reached_at: datetime
    expires_at: datetime
    caller: bytes = b""
    withdrawn: bool = False
    enrolled: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """A binding as a call's look-up finds it, and what its tenant knows of the caller."""

    stored: StoredBinding
    tenant: Tenant
    contact: SealedContact | None
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class Who:
    """The caller as a look-up asks about him. ``mark``: his blind index on this virtual number; ``own_mark``: among our
    own numbers; ``caller``: in the guard's scope, which is the roster's and the lists' too; all None for a withheld
    number. ``code``: the blind index of what he keyed as a PIN."""

    mark: bytes | None = None
    own_mark: bytes | None = None
    caller: bytes | None = None
    code: bytes | None = None


NOBODY = Who()
"""No caller at all: for looking again at what was decided before."""


@dataclass(frozen=True, slots=True)
class BareFindings:
    """What a call without digits finds. ``own``: bindings whose recipient is the caller, not ended, newest first, at
    most 50; where there are fewer, behind them the ended ones of tenants that have a hook for such calls.
    ``is_courier``: he has an unexpired contact on this number. ``passed``: the binding of his unexpired pass, in
    whatever state. ``repeat``: the bindings whose recipient he reached within the hour, latest first, at most two."""

    line: Line
    own: Sequence[Met] = ()
    is_courier: bool = False
    passed: Met | None = None
    repeat: Sequence[Met] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a webhook was answered. ``action``: gather, connect or hangup.

    For a gather ``prompt`` is its id, ``max_digits`` and ``attempts_left`` as sent; ``menu`` the orders offered;
    ``pending`` the extension whose code is asked for. ``language`` of what is said, where it is not the default. For a
    connect ``party``. ``binding`` and ``tenant_id``: what the call met last, in whatever state. ``trace``: of the call
    up to this leg, so that the next leg can write the call's record without reading it."""

    virtual_number: str
    pbx_id: str
    pbx_call_id: str
    leg: int
    webhook_id: str
    received_at: datetime
    call: CallId
    action: str
    tries_used: int
    prompt: str | None = None
    prompt_text: str | None = None
    max_digits: int | None = None
    attempts_left: int | None = None
    menu: tuple[UUID, ...] = ()
    party: str | None = None
    binding: UUID | None = None
    tenant_id: str | None = None
    trace: tuple[TraceStep, ...] = ()
    pending: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt. ``tenant_id`` and ``binding`` are those of the binding met last, None where none was; the pool is
    always known. ``caller_tail``: the caller's last three digits. ``caller``: his key in the guard's scope.

    ``asked_at``, ``keyed_at``: the first time that digits were asked for, and that some came. ``cause`` and
    ``ended_by`` stay None until the call has ended; ``ended_by`` also where nobody knows. ``attempt_group``: the group
    that the call founds when it is handed to storage, the one that it belongs to when it comes from there."""

    id: CallId
    pbx_id: str
    pbx_call_id: str
    pool_id: str
    outcome: Outcome
    trace: tuple[TraceStep, ...]
    caller_tail: str | None = None
    tenant_id: str | None = None
    binding: UUID | None = None
    direction: Direction | None = None
    party: str | None = None
    tries_used: int = 0
    connected_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: int | None = None
    asked_at: datetime | None = None
    keyed_at: datetime | None = None
    cause: Cause | None = None
    ended_by: EndedBy | None = None
    caller: bytes | None = None
    attempt_group: UUID | None = None
