"""Smaller rows: one key of the order index in place of two, a binding's pool only where its number says it; on
PostgreSQL ids of tenants and pools as ``uuid``, and hash indexes for marks and waybills.

Not online. On PostgreSQL every table that holds such an id is written anew, under a lock that keeps readers out too,
and the code of the release before does not understand what is there afterwards: stop servers and workers, run it, start
the new version. It is one transaction; how long it takes is in docs/operations.rst. On SQLite only the order index is
written anew; ids stay texts there.

On a database that Citus has distributed it cannot run: Citus changes no distribution column's type (docs/scaling.rst).
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TENANT, _POOL = "ten", "pool"
# (table, column, prefix of the ids in it); calls is partitioned: its parts follow it.
_IDS = (
    ("tenants", "id", _TENANT),
    ("tenant_hooks", "tenant_id", _TENANT),
    ("api_keys", "tenant_id", _TENANT),
    ("pools", "id", _POOL),
    ("pool_tenants", "pool_id", _POOL),
    ("pool_tenants", "tenant_id", _TENANT),
    ("virtual_numbers", "pool_id", _POOL),
    ("bindings", "tenant_id", _TENANT),
    ("order_index", "tenant_id", _TENANT),
    ("calls", "pool_id", _POOL),
    ("calls", "tenant_id", _TENANT),
    ("webhook_receipts", "tenant_id", _TENANT),
    ("idempotency_keys", "tenant_id", _TENANT),
    ("guard_callers", "pool_id", _POOL),
    ("couriers", "tenant_id", _TENANT),
    ("courier_phones", "tenant_id", _TENANT),
    ("caller_rules", "tenant_id", _TENANT),
)
# Each foreign key between two of them; it has to stand aside meanwhile.
_REFERENCES = (
    ("tenant_hooks", "tenant_id", "tenants"),
    ("api_keys", "tenant_id", "tenants"),
    ("pool_tenants", "pool_id", "pools"),
    ("pool_tenants", "tenant_id", "tenants"),
    ("virtual_numbers", "pool_id", "pools"),
    ("couriers", "tenant_id", "tenants"),
)
_FORMER = "former = '' OR length(former) = 32"
_BY_WAYBILL = (
    "CREATE INDEX ix_order_index_tenant_id_waybill ON order_index (tenant_id, waybill) WHERE waybill IS NOT NULL"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_orders_anew(
            "former TEXT NOT NULL, CONSTRAINT pk_order_index PRIMARY KEY (tenant_id, order_id, former), "
            f"CONSTRAINT ck_order_index_former CHECK ({_FORMER})",
            "CASE WHEN is_current THEN '' ELSE binding END",
        )
        op.execute("ALTER TABLE bindings DROP COLUMN pool_id")
        return
    _know({(prefix, text, str(_key_in(prefix, text))) for prefix, text in _ids("text")})
    changes = {
        "bindings": [
            "DROP COLUMN pool_id",
            "DROP CONSTRAINT pk_bindings",
            # Filled in the order of time: its pages stay full.
            "ADD CONSTRAINT pk_bindings PRIMARY KEY (key, virtual_number)",
        ],
        "order_index": [
            "DROP CONSTRAINT pk_order_index",
            "ALTER COLUMN is_current TYPE text "
            "USING CASE WHEN is_current THEN '' ELSE replace(binding::text, '-', '') END",
        ],
    }
    op.execute(
        "DROP INDEX uq_order_index_current, ix_order_index_tenant_id_waybill, ix_bindings_virtual_number_phone_mark"
    )
    _change("uuid", "key_of", changes)
    op.execute("ALTER TABLE order_index RENAME COLUMN is_current TO former")
    op.execute(
        "ALTER TABLE order_index ADD CONSTRAINT pk_order_index PRIMARY KEY (tenant_id, order_id, former), "
        f"ADD CONSTRAINT ck_order_index_former CHECK ({_FORMER})"
    )
    op.execute(
        "CREATE INDEX ix_order_index_waybill ON order_index USING hash ((tenant_id::text || waybill)) "
        "WHERE waybill IS NOT NULL"
    )
    op.execute("CREATE INDEX ix_bindings_phone_mark ON bindings USING hash (phone_mark) WHERE phone_mark IS NOT NULL")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_orders_anew(
            "is_current BOOLEAN NOT NULL, CONSTRAINT pk_order_index PRIMARY KEY (tenant_id, order_id, binding)",
            "former = ''",
        )
        op.add_column("bindings", sa.Column("pool_id", sa.String(length=40), nullable=False, server_default=""))
    else:
        _know({(prefix, _id_of(prefix, UUID(key)), key) for prefix, key in _ids("uuid")})
        op.execute("ALTER TABLE order_index DROP CONSTRAINT pk_order_index, DROP CONSTRAINT ck_order_index_former")
        op.execute("DROP INDEX ix_order_index_waybill, ix_bindings_phone_mark")
        changes = {
            "bindings": [
                "ADD COLUMN pool_id varchar(40) NOT NULL DEFAULT ''",
                "DROP CONSTRAINT pk_bindings",
                "ADD CONSTRAINT pk_bindings PRIMARY KEY (virtual_number, key)",
            ],
            "order_index": ["ALTER COLUMN former TYPE boolean USING former = ''"],
        }
        _change("varchar(40)", "id_of", changes)
        op.execute("ALTER TABLE order_index RENAME COLUMN former TO is_current")
        op.execute("ALTER TABLE order_index ADD CONSTRAINT pk_order_index PRIMARY KEY (tenant_id, order_id, binding)")
        op.execute(_BY_WAYBILL)
        op.execute(
            "CREATE INDEX ix_bindings_virtual_number_phone_mark ON bindings (virtual_number, phone_mark) "
            "WHERE phone_mark IS NOT NULL"
        )
        op.execute("ALTER TABLE bindings ALTER COLUMN pool_id DROP DEFAULT")
    op.execute(
        "UPDATE bindings SET pool_id = (SELECT n.pool_id FROM virtual_numbers AS n "
        "WHERE n.virtual_number = bindings.virtual_number)"
    )
    op.execute("CREATE UNIQUE INDEX uq_order_index_current ON order_index (tenant_id, order_id) WHERE is_current")


def _make_orders_anew(last: str, value: str) -> None:
    """SQLite changes no key of a table that is there. ``last``: its last column and the keys; ``value``: what stands in
    that column, of a row as it was."""
    op.execute("ALTER TABLE order_index RENAME TO order_index_before")
    op.execute(
        "CREATE TABLE order_index (tenant_id VARCHAR(40) NOT NULL, order_id TEXT NOT NULL, binding CHAR(32) NOT NULL, "
        f"virtual_number VARCHAR(16) NOT NULL, waybill TEXT, {last})"
    )
    op.execute(
        f"INSERT INTO order_index SELECT tenant_id, order_id, binding, virtual_number, waybill, {value} "  # noqa: S608 -- names of this file's own
        "FROM order_index_before"
    )
    op.execute("DROP TABLE order_index_before")
    op.execute(_BY_WAYBILL)


def _ids(kind: str) -> set[tuple[str, str]]:
    """(prefix, id or key) of everything that stands in any of the columns."""
    connection = op.get_bind()
    found: set[tuple[str, str]] = set()
    for table, column, prefix in _IDS:
        rows = connection.execute(sa.text(f"SELECT DISTINCT {column}::{kind}::text FROM {table}"))  # noqa: S608 -- names of this file's own
        found |= {(prefix, row[0]) for row in rows if row[0] is not None}
    return found


def _know(ids: set[tuple[str, str, str]]) -> None:
    """(prefix, id, key) of each, and two functions for this transaction: from an id to its key, and back."""
    op.execute(
        "CREATE TEMPORARY TABLE known_ids (prefix text, id text, key uuid, PRIMARY KEY (prefix, id), "
        "UNIQUE (prefix, key)) ON COMMIT DROP"
    )
    for function, given, wanted, kinds in (("key_of", "id", "key", "text uuid"), ("id_of", "key", "id", "uuid text")):
        taken, returned = kinds.split()
        found = f"SELECT {wanted} FROM pg_temp.known_ids WHERE prefix = $1 AND {given} = $2"  # noqa: S608 -- names of this file's own
        op.execute(
            f"CREATE FUNCTION pg_temp.{function}(text, {taken}) RETURNS {returned} LANGUAGE plpgsql STRICT AS "
            f"$$ BEGIN RETURN ({found}); END $$"
        )
    if ids:
        op.get_bind().execute(
            sa.text("INSERT INTO pg_temp.known_ids VALUES (:prefix, :id, cast(:key AS uuid))"),
            [{"prefix": prefix, "id": text, "key": key} for prefix, text, key in ids],
        )


def _change(kind: str, function: str, more: dict[str, list[str]]) -> None:
    """Each table once, whatever changes in it: each change by itself would write all of its rows again."""
    for table, column, _ in _REFERENCES:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT fk_{table}_{column}")
    for table in dict.fromkeys(table for table, _, _ in _IDS):
        steps = [
            f"ALTER COLUMN {column} TYPE {kind} USING pg_temp.{function}('{prefix}', {column})"
            for name, column, prefix in _IDS
            if name == table
        ]
        op.execute(f"ALTER TABLE {table} {', '.join([*steps, *more.get(table, [])])}")
    for table, column, to in _REFERENCES:
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT fk_{table}_{column} FOREIGN KEY ({column}) REFERENCES {to} (id)"
        )
    op.execute("DROP FUNCTION pg_temp.key_of(text, text), pg_temp.id_of(text, uuid)")


def _key_in(prefix: str, text: str) -> UUID:
    """As this version writes ids (``domain/ids.py``): a prefix and the key in base32hex. Raises ValueError for others:
    they were written by nobody, and are not changed into something else."""
    head, _, tail = text.partition("_")
    try:
        raw = base64.b32hexdecode(tail.upper() + "======")
    except binascii.Error:
        raw = b""
    if head != prefix or len(raw) != 16 or _id_of(prefix, UUID(bytes=raw)) != text:
        raise ValueError(f"an id of prefix {prefix!r} is none of this service's; nothing was changed")
    return UUID(bytes=raw)


def _id_of(prefix: str, key: UUID) -> str:
    return f"{prefix}_{base64.b32hexencode(key.bytes).decode('ascii').rstrip('=').lower()}"
