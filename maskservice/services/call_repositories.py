"""The repositories of calls, as protocols: contacts, passes, facts and records, receipts.

Answers for: the exact promise of each method. Must not know: SQLAlchemy. Every method that a call needs names the
virtual number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from maskservice.domain.call import Line
from maskservice.domain.guard import CallerState, NumberState
from maskservice.domain.ids import BindingId, CallId
from maskservice.services.call_filter import EVERY_CALL, CallFilter
from maskservice.services.records import NOBODY, BareFindings, CallRecord, Met, Receipt, SealedContact, Who


class Contacts(Protocol):
    def remember(self, contact: SealedContact, *, takes_over: bool = False) -> None:
        """The binding's last courier; replaces an earlier one. A stranger replaces one of the tenant's own couriers
        only after that one's contact has ended, or with ``takes_over``, where it was withdrawn."""
        ...

    def shorten(self, binding_id: BindingId, *, until: datetime) -> None:
        """The contact ends then at the latest."""
        ...

    def get(self, binding_id: BindingId) -> SealedContact | None: ...


class Passes(Protocol):
    """Who reaches whom by dialling a virtual number alone. A call finds a pass by :meth:`Calls.line_and_recipient`."""

    def give(self, binding_id: BindingId, mark: bytes, *, expires_at: datetime) -> None:
        """The one pass of the mark on this virtual number; a newer one replaces an older one."""
        ...

    def until(self, binding_id: BindingId, mark: bytes) -> datetime | None:
        """When the mark's pass to this binding ends or ended; None where it has none, or one to another binding."""
        ...

    def withdraw(self, binding_id: BindingId, mark: bytes) -> None:
        """The mark's pass to this binding is no more; one to another binding stays."""
        ...

    def forget(self, *, older_than: datetime, limit: int) -> int: ...


class CallRecords(Protocol):
    """The record of each call."""

    def add(self, record: CallRecord) -> None:
        """One statement. The record's ``attempt_group`` is taken where no other call is near enough to be its group's:
        a call of the same caller to the same binding (or to the same number, where both met none) that began within
        REDIAL_WITHIN, the nearest before it first."""
        ...

    def save_leg(self, record: CallRecord) -> None:
        """What a further leg decided, in one statement. Nothing where the call was reported as ended meanwhile; moments
        that events report are never touched, and ``asked_at`` and ``keyed_at`` are kept once they are there. The group
        is found anew where the leg met another binding than those before."""
        ...

    def save(self, record: CallRecord) -> None:
        """Writes what events change."""
        ...

    def get(self, call_id: CallId, *, for_update: bool = False) -> CallRecord | None: ...

    def page(
        self, tenant_id: str | None, *, limit: int, before: UUID | None, which: CallFilter = EVERY_CALL
    ) -> Sequence[CallRecord]:
        """Calls that met a binding of the tenant, or None: that met no binding at all. Newest first."""
        ...

    def forget_callers(self, *, older_than: datetime, limit: int) -> int:
        """Takes the caller's key out of records of calls that began before then; how many."""
        ...


class Calls(CallRecords, Protocol):
    """Facts for a decision, and the record of each call."""

    def line_and_slot(
        self, virtual_number: str, extension: str, who: Who = NOBODY, *, tenant_id: str | None = None
    ) -> tuple[Line, Met | None] | None:
        """One statement: the number with its pool, and the binding that holds the extension with its tenant and
        contact.
        None where the number is in no pool.
        ``tenant_id`` narrows everything to what that tenant may see (dry run)."""
        ...

    def line_and_binding(self, binding_id: BindingId, who: Who = NOBODY) -> tuple[Line, Met | None] | None: ...

    def line_and_recipient(
        self, virtual_number: str, who: Who, *, now: datetime, tenant_id: str | None = None
    ) -> BareFindings | None:
        """One statement: all that a call without digits may be about, for this caller. None where the number
        is in no pool."""
        ...


class Guard(Protocol):
    """What is remembered of callers and of attacked numbers, for every process to see."""

    def hold(self, pool_id: str, caller: bytes, *, at: datetime) -> CallerState:
        """The caller's state, locked for this unit: guesses that are sent at once share one budget. A write."""
        ...

    def save(self, pool_id: str, caller: bytes, state: CallerState) -> None: ...

    def claim_call(self, binding_id: BindingId, *, day: str, most: int) -> bool:
        """One more call to the binding's recipient on this day, unless there were ``most`` already. A write."""
        ...

    def count_wrong(self, virtual_number: str, caller: bytes, *, window_start: datetime) -> tuple[NumberState, bool]:
        """One more wrong try on the number, and the caller once a window: the state after it, and whether he was
        new."""
        ...

    def number(self, virtual_number: str) -> NumberState: ...

    def restrict(self, virtual_number: str, *, until: datetime | None, at: datetime) -> None:
        """Enrolled callers only until then; None: everybody again."""
        ...

    def restricted(self, pool_id: str, *, now: datetime) -> Mapping[str, datetime]:
        """The pool's numbers that take enrolled callers only at ``now``, and until when."""
        ...

    def forget(self, *, older_than: datetime, limit: int) -> int: ...


class Receipts(Protocol):
    """What was answered to each webhook: retried ones get the same answer, and the legs of a call know each other."""

    def thread(self, virtual_number: str, pbx_id: str, pbx_call_id: str, webhook_id: str) -> Sequence[Receipt]:
        """One statement: the receipts of the call in the order of their legs, and that of the webhook id whatever
        its call."""
        ...

    def add(self, receipt: Receipt) -> bool:
        """Guarded by uniqueness of (X, PBX, webhook id) and (X, PBX, call, leg): False where another request was
        faster."""
        ...

    def latest(self, virtual_number: str, pbx_id: str, pbx_call_id: str) -> Receipt | None: ...

    def forget(self, *, older_than: datetime, limit: int) -> int: ...
