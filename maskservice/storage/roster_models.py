"""The tables of who may call: couriers, their phones, who is given to which binding, block and allow lists.

Answers for: columns, keys, indexes and what the database itself refuses. Must not know: the statements, the rules.
No number stands here: callers are blind indexes, phones are sealed. ``assignments`` is read on the way of a call and
follows the rule of ``hot_models.py``; the others are small, and the same on every machine of a Citus cluster.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from maskservice.domain.caller_rule import Verdict
from maskservice.storage.hot_models import words
from maskservice.storage.models import ID_LENGTH, NUMBER_LENGTH, Base, table_of
from maskservice.storage.types import TENANT_ID

WHOLE_TENANT = UUID(int=0)
"""Stands for no binding in the key of ``caller_rules``: the rule is for all of the tenant's."""

_PIN_IS_SET = text("pin_mark IS NOT NULL")
_OF_A_BINDING = text("virtual_number IS NOT NULL")


class CourierRow(Base):
    """A courier, sealed under a key of the row's own. On removal the row stays and nothing personal of it, which the
    table itself insists on."""

    __tablename__ = "couriers"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    carrier: Mapped[str]
    wrapped_key: Mapped[bytes | None]
    name: Mapped[bytes | None]  # sealed
    pin_mark: Mapped[bytes | None]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(
            "(revoked_at IS NULL AND wrapped_key IS NOT NULL AND name IS NOT NULL) "
            "OR (revoked_at IS NOT NULL AND coalesce(wrapped_key, name, pin_mark) IS NULL)",
            name="revoked",
        ),
        Index(
            "uq_couriers_tenant_id_pin_mark",
            "tenant_id",
            "pin_mark",
            unique=True,
            postgresql_where=_PIN_IS_SET,
            sqlite_where=_PIN_IS_SET,
        ),
    )


class CourierPhoneRow(Base):
    """``caller``: the blind index in the guard's scope, 16 bytes. ``phone``: sealed under the courier's key."""

    __tablename__ = "courier_phones"
    tenant_id: Mapped[str] = mapped_column(TENANT_ID, primary_key=True)
    caller: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    courier_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    phone: Mapped[bytes]


class AssignmentRow(Base):
    """The courier is given to the binding."""

    __tablename__ = "assignments"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    binding: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    courier_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, index=True)


class CallerRuleRow(Base):
    """What a tenant says of one caller, by direction; for one binding, or with :data:`WHOLE_TENANT` for all."""

    __tablename__ = "caller_rules"
    tenant_id: Mapped[str] = mapped_column(TENANT_ID, primary_key=True)
    binding: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    caller: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_LENGTH), unique=True)
    virtual_number: Mapped[str | None] = mapped_column(String(NUMBER_LENGTH))
    to_recipient: Mapped[str | None] = mapped_column(String(8))
    to_courier: Mapped[str | None] = mapped_column(String(8))
    last3: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"to_recipient IN ({words(Verdict)})", name="to_recipient"),
        CheckConstraint(f"to_courier IN ({words(Verdict)})", name="to_courier"),
        # For the purge, which knows the binding and not its tenant.
        Index(None, "virtual_number", "binding", postgresql_where=_OF_A_BINDING, sqlite_where=_OF_A_BINDING),
    )


COURIERS = table_of(CourierRow)
COURIER_PHONES = table_of(CourierPhoneRow)
ASSIGNMENTS = table_of(AssignmentRow)
CALLER_RULES = table_of(CallerRuleRow)

__all__ = ["ASSIGNMENTS", "CALLER_RULES", "COURIERS", "COURIER_PHONES", "WHOLE_TENANT"]
