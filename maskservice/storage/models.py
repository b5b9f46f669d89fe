"""The tables of what is configured, and the base of all: tenants, keys, pools, virtual numbers, PBXs.

Answers for: columns, keys, indexes and what the database itself refuses. Must not know: the statements that use them.
The tables on the way of a call are in ``hot_models.py``. Statements are Core: nothing is ever loaded lazily.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Interval,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from maskservice.storage.types import ID_LENGTH, POOL_ID, TENANT_ID, UtcDateTime

NUMBER_LENGTH = 16  # '+' and fifteen digits, ITU-T E.164


class Base(DeclarativeBase):
    """Plain, not Flask-SQLAlchemy's ``Model``, which does not pass ``mypy --strict``. Every constraint has a name:
    migrations need it, and it is all that an error may tell of a refused row."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, bytes: LargeBinary, timedelta: Interval, str: Text}  # noqa: RUF012 - SQLAlchemy's own protocol


def table_of(model: type[Base]) -> Table:
    """The table under a model, as Core statements want it."""
    table: Any = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table")
    return table


class TenantRow(Base):
    __tablename__ = "tenants"
    id: Mapped[str] = mapped_column(TENANT_ID, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    grace: Mapped[timedelta]
    default_life: Mapped[timedelta]
    longest_life: Mapped[timedelta]
    contact_life: Mapped[timedelta]
    countries: Mapped[str]  # ISO codes, separated by spaces
    mask: Mapped[str]
    latin_mask: Mapped[str]
    care_line: Mapped[bytes | None]  # sealed
    wrapped_key: Mapped[bytes | None]
    calls: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # what differs from the defaults
    # Whether tenant_hooks has a row of the kind: a call's look-up reads the tenant anyway.
    asks_before_connect: Mapped[bool] = mapped_column(server_default=false())
    asks_out_of_session: Mapped[bool] = mapped_column(server_default=false())


class TenantHookRow(Base):
    __tablename__ = "tenant_hooks"
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_LENGTH))
    wrapped_key: Mapped[bytes]
    url: Mapped[bytes]  # sealed
    secret: Mapped[bytes]  # sealed
    on_failure: Mapped[str | None] = mapped_column(String(12))
    changed_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("kind IN ('before_connect', 'out_of_session')", name="kind"),
        CheckConstraint(
            "(kind = 'before_connect' AND on_failure IN ('connect', 'refuse')) "
            "OR (kind = 'out_of_session' AND on_failure IS NULL)",
            name="on_failure",
        ),
    )


class ApiKeyRow(Base):
    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    digest: Mapped[bytes] = mapped_column(unique=True)  # SHA-256 of 256 random bits
    hint: Mapped[str] = mapped_column(String(8))
    scopes: Mapped[str]  # separated by spaces
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    label: Mapped[str]


class PoolRow(Base):
    """``ceiling`` and ``low_water`` follow from length and density; they are stored so that a statement can compare
    with them."""

    __tablename__ = "pools"
    id: Mapped[str] = mapped_column(POOL_ID, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    extension_length: Mapped[int]
    density: Mapped[str]  # a decimal as text: exact on SQLite too
    check_digit: Mapped[bool]
    quarantine: Mapped[timedelta]
    ceiling: Mapped[int]
    low_water: Mapped[int]
    shared: Mapped[bool]
    guard: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # thresholds that differ from the defaults
    calls: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # likewise
    __table_args__ = (
        CheckConstraint("extension_length BETWEEN 4 AND 8", name="extension_length"),
        CheckConstraint("ceiling >= 1", name="ceiling"),
    )


class PoolTenantRow(Base):
    __tablename__ = "pool_tenants"
    pool_id: Mapped[str] = mapped_column(ForeignKey("pools.id"), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)


class VirtualNumberRow(Base):
    """``held``: slots of this number, quarantine included; only ever changed by a guarded UPDATE. ``spread``: its place
    in the pool's ring."""

    __tablename__ = "virtual_numbers"
    virtual_number: Mapped[str] = mapped_column(String(NUMBER_LENGTH), primary_key=True)
    pool_id: Mapped[str] = mapped_column(ForeignKey("pools.id"))
    held: Mapped[int]
    spread: Mapped[int] = mapped_column(BigInteger)
    mark: Mapped[bytes] = mapped_column(unique=True)  # blind index in scope 'own'
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("held >= 0", name="held"),
        Index(None, "pool_id", "spread"),
    )


class PbxRow(Base):
    __tablename__ = "pbxs"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    dialect: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    recordings: Mapped[str | None]
    # Raised with every change of the PBX or of its secrets: whoever keeps some of it in memory compares.
    revision: Mapped[int] = mapped_column(server_default="0")


class PbxSecretRow(Base):
    __tablename__ = "pbx_secrets"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    pbx_id: Mapped[str] = mapped_column(ForeignKey("pbxs.id"), index=True)
    wrapped_key: Mapped[bytes]
    secret: Mapped[bytes]  # sealed
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class CryptoKeyRow(Base):
    """Which keys values were written with: the id and a check value, never a key."""

    __tablename__ = "crypto_keys"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    check_value: Mapped[bytes]
    created_at: Mapped[datetime]


TENANTS = table_of(TenantRow)
TENANT_HOOKS = table_of(TenantHookRow)
API_KEYS = table_of(ApiKeyRow)
POOLS = table_of(PoolRow)
POOL_TENANTS = table_of(PoolTenantRow)
NUMBERS = table_of(VirtualNumberRow)
PBXS = table_of(PbxRow)
PBX_SECRETS = table_of(PbxSecretRow)
CRYPTO_KEYS = table_of(CryptoKeyRow)

__all__ = [
    "API_KEYS",
    "CRYPTO_KEYS",
    "ID_LENGTH",
    "NUMBERS",
    "NUMBER_LENGTH",
    "PBXS",
    "PBX_SECRETS",
    "POOLS",
    "POOL_TENANTS",
    "TENANTS",
    "TENANT_HOOKS",
    "Base",
    "table_of",
]
