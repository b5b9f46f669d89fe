"""The tables on the way of a call or of a new binding: slots, bindings, the order index, contacts, passes, calls,
receipts, idempotency keys.

Answers for: columns, keys, indexes and what the database itself refuses. Must not know: the statements that use them.
The virtual number is part of every primary and unique key of slots, bindings, contacts, passes, calls and receipts, and
none of them has a foreign key: so they can be distributed by virtual number on Citus, where a unique key must hold the
distribution column.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Uuid,
    false,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from maskservice.domain.binding import ENDED, Status
from maskservice.domain.call import Direction, Outcome, Party
from maskservice.storage.models import ID_LENGTH, NUMBER_LENGTH, Base, table_of
from maskservice.storage.types import POOL_ID, TENANT_ID

EXTENSION_LENGTH = 9  # eight digits and a check digit
ONLY_ON = "dialect"
"""In an index' ``info``: the one kind of database that has it."""
_HAS_MARK, _HAS_WAYBILL = text("phone_mark IS NOT NULL"), text("waybill IS NOT NULL")


def words(values: Iterable[StrEnum]) -> str:
    """``'a', 'b'`` for SQL text. Partial indexes are only used where a statement says their condition in the same
    constant words."""
    return ", ".join(f"'{value.value}'" for value in values)


NOT_ENDED = f"status IN ({words(status for status in Status if status not in ENDED)})"


def not_ended(table: Any) -> ColumnElement[bool]:
    """Not stored as ended, in the words of the partial index."""
    return table.c.status.in_([literal_column(f"'{status.value}'") for status in Status if status not in ENDED])  # type: ignore[no-any-return]


def _only_on(dialect: str, index: Index) -> Index:
    index.info[ONLY_ON] = dialect
    return index.ddl_if(dialect=dialect)


class SlotRow(Base):
    """One held (virtual number, extension). ``free_at`` is set when its binding has ended: the end of its
    quarantine."""

    __tablename__ = "slots"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    extension: Mapped[str] = mapped_column(String(EXTENSION_LENGTH), primary_key=True)
    binding: Mapped[UUID] = mapped_column(Uuid)
    taken_at: Mapped[datetime]
    free_at: Mapped[datetime | None]
    __table_args__ = (
        Index(None, "free_at", postgresql_where=text("free_at IS NOT NULL"), sqlite_where=text("free_at IS NOT NULL")),
    )


class BindingRow(Base):
    """A binding and its personal content under seal; after the purge nothing personal is left, which the table itself
    insists on. Its pool is its number's, which never changes."""

    __tablename__ = "bindings"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH))
    key: Mapped[UUID] = mapped_column(Uuid)
    tenant_id: Mapped[str] = mapped_column(TENANT_ID)
    order_id: Mapped[str]
    waybill: Mapped[str | None]
    extension: Mapped[str] = mapped_column(String(EXTENSION_LENGTH))
    status: Mapped[str] = mapped_column(String(12))
    status_before_lock: Mapped[str | None] = mapped_column(String(12))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]
    reopened_number: Mapped[str | None] = mapped_column(String(NUMBER_LENGTH))
    reopened_key: Mapped[UUID | None] = mapped_column(Uuid)
    masked_name: Mapped[str | None]
    rekeyed_at: Mapped[datetime | None]
    wrapped_key: Mapped[bytes | None]
    sealed_phone: Mapped[bytes | None]
    sealed_name: Mapped[bytes | None]
    sealed_address: Mapped[bytes | None]
    sealed_metadata: Mapped[bytes | None]
    sealed_lock_reason: Mapped[bytes | None]
    phone_mark: Mapped[bytes | None]
    shared_line: Mapped[bool]
    creation_answer: Mapped[bytes | None]
    call_rules: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # against the tenant's
    __table_args__ = (
        # The key, which begins with the time, stands first: the index is filled page after page, and stays full. (In
        # databases of SQLite it is the other way round: their pages are the rows' own.)
        PrimaryKeyConstraint("key", "virtual_number"),
        CheckConstraint(f"status IN ({words(Status)})", name="status"),
        CheckConstraint(
            "(status = 'locked' AND status_before_lock IN ('active', 'delivered')) "
            "OR (status <> 'locked' AND status_before_lock IS NULL)",
            name="status_before_lock",
        ),
        CheckConstraint(
            "purged_at IS NULL OR (masked_name IS NULL AND coalesce(wrapped_key, sealed_phone, sealed_name, "
            "sealed_address, sealed_metadata, sealed_lock_reason, phone_mark, creation_answer) IS NULL)",
            name="purged",
        ),
        # A phone has another mark on every number: the mark alone says both.
        _only_on("postgresql", Index(None, "phone_mark", postgresql_using="hash", postgresql_where=_HAS_MARK)),
        _only_on("sqlite", Index(None, "virtual_number", "phone_mark", sqlite_where=_HAS_MARK)),
        Index(None, "tenant_id", "key"),
        Index(None, "expires_at", postgresql_where=text(NOT_ENDED), sqlite_where=text(NOT_ENDED)),
        Index(
            None,
            "purged_at",
            postgresql_where=text("purged_at IS NOT NULL"),
            sqlite_where=text("purged_at IS NOT NULL"),
        ),
    )


class OrderRow(Base):
    """From an order to its bindings, wherever they lie. ``former`` is empty for the current one and the binding's own
    key (hexadecimal) for an earlier one: so an order has at most one that is current, by the one key there is."""

    __tablename__ = "order_index"
    tenant_id: Mapped[str] = mapped_column(TENANT_ID, primary_key=True)
    order_id: Mapped[str] = mapped_column(primary_key=True)
    binding: Mapped[UUID] = mapped_column(Uuid)
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH))
    waybill: Mapped[str | None]
    former: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (
        CheckConstraint("former = '' OR length(former) = 32", name="former"),
        # A hash index is as large whatever the waybills look like and in whichever order they come.
        _only_on(
            "postgresql",
            Index(
                "ix_order_index_waybill",
                text("(tenant_id::text || waybill)"),
                postgresql_using="hash",
                postgresql_where=_HAS_WAYBILL,
            ),
        ),
        _only_on("sqlite", Index(None, "tenant_id", "waybill", sqlite_where=_HAS_WAYBILL)),
    )


class ContactRow(Base):
    __tablename__ = "contacts"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    binding: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    mark: Mapped[bytes]
    phone: Mapped[bytes]  # sealed under the binding's key
    call: Mapped[UUID] = mapped_column(Uuid)
    reached_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    caller: Mapped[bytes | None]  # the courier's blind index in the guard's scope
    # One of the tenant's own couriers: no stranger takes his place.
    enrolled: Mapped[bool] = mapped_column(server_default=false())
    __table_args__ = (Index(None, "virtual_number", "mark"),)


class PassRow(Base):
    """Until ``expires_at`` the caller of this mark reaches the binding's recipient by dialling the number alone. No
    real number stands here: the mark is the same blind index as a contact's."""

    __tablename__ = "passes"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    mark: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    binding: Mapped[UUID] = mapped_column(Uuid)
    expires_at: Mapped[datetime]
    __table_args__ = (Index(None, "expires_at"),)


class CallRow(Base):
    """``started_at`` is the time in the call's id, so that an id leads to its monthly partition (``call_months.py``; on
    SQLite there are none)."""

    __tablename__ = "calls"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    key: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    pbx_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    pbx_call_id: Mapped[str]
    pool_id: Mapped[str] = mapped_column(POOL_ID)
    tenant_id: Mapped[str | None] = mapped_column(TENANT_ID)
    binding: Mapped[UUID | None] = mapped_column(Uuid)
    direction: Mapped[str | None] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(12))
    party: Mapped[str | None] = mapped_column(String(12))
    tries_used: Mapped[int]
    caller_tail: Mapped[str | None] = mapped_column(String(3))
    trace: Mapped[list[Any]] = mapped_column(JSON)  # [step, found, tenant or null] each
    connected_at: Mapped[datetime | None]
    ringing_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    duration_s: Mapped[int | None]
    asked_at: Mapped[datetime | None]
    keyed_at: Mapped[datetime | None]
    cause: Mapped[str | None] = mapped_column(String(24))  # no CHECK: the vocabulary grows with the PBXs
    ended_by: Mapped[str | None] = mapped_column(String(8))
    caller: Mapped[bytes | None]
    attempt_group: Mapped[UUID | None] = mapped_column(Uuid)
    __table_args__ = (
        CheckConstraint(f"outcome IN ({words(Outcome)})", name="outcome"),
        CheckConstraint(f"direction IN ({words(Direction)})", name="direction"),
        CheckConstraint(f"party IN ({words(Party)})", name="party"),
        Index(None, "tenant_id", "key"),
        Index(None, "virtual_number", "binding", "key"),
        Index(None, "virtual_number", "caller", "started_at"),
        Index(None, "virtual_number", "attempt_group", "key"),
        Index(None, "key", postgresql_where=text("caller IS NOT NULL"), sqlite_where=text("caller IS NOT NULL")),
        {"postgresql_partition_by": "RANGE (started_at)"},
    )


class ReceiptRow(Base):
    """What each webhook was answered: the primary key knows a retried one, the second unique key orders the legs of a
    call."""

    __tablename__ = "webhook_receipts"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    pbx_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    pbx_call_id: Mapped[str]
    leg: Mapped[int]
    received_at: Mapped[datetime]
    call: Mapped[UUID] = mapped_column(Uuid)
    action: Mapped[str] = mapped_column(String(8))
    tries_used: Mapped[int]
    prompt: Mapped[str | None] = mapped_column(String(40))
    prompt_text: Mapped[str | None]
    max_digits: Mapped[int | None]
    attempts_left: Mapped[int | None]
    menu: Mapped[str | None]  # keys of bindings in hexadecimal, separated by spaces
    party: Mapped[str | None] = mapped_column(String(12))
    binding: Mapped[UUID | None] = mapped_column(Uuid)
    tenant_id: Mapped[str | None] = mapped_column(TENANT_ID)
    pending: Mapped[str | None] = mapped_column(String(32))  # the extension whose code is asked for
    language: Mapped[str | None] = mapped_column(String(8))
    trace: Mapped[list[Any]] = mapped_column(JSON)  # of the call up to this leg: [step, found, tenant or null] each
    __table_args__ = (
        CheckConstraint("action IN ('gather', 'connect', 'hangup')", name="action"),
        CheckConstraint(f"party IN ({words(Party)})", name="party"),
        Index("uq_webhook_receipts_leg", "virtual_number", "pbx_id", "pbx_call_id", "leg", unique=True),
        Index(None, "received_at"),
    )


class IdempotencyRow(Base):
    __tablename__ = "idempotency_keys"
    tenant_id: Mapped[str] = mapped_column(TENANT_ID, primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    order_id: Mapped[str]
    binding: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime]
    created: Mapped[bool]
    __table_args__ = (Index(None, "created_at"),)


class CallDayRow(Base):
    """How often a binding's recipient was rung on one day of Asia/Taipei, where its tenant has a limit."""

    __tablename__ = "call_days"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    binding: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    day: Mapped[str] = mapped_column(String(10))
    calls: Mapped[int]
    __table_args__ = (Index(None, "day"),)


SLOTS = table_of(SlotRow)
BINDINGS = table_of(BindingRow)
ORDERS = table_of(OrderRow)
CONTACTS = table_of(ContactRow)
PASSES = table_of(PassRow)
CALL_DAYS = table_of(CallDayRow)
CALLS = table_of(CallRow)
RECEIPTS = table_of(ReceiptRow)
IDEMPOTENCY = table_of(IdempotencyRow)
