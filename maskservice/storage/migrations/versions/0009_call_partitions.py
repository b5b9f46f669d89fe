"""Call records in one part a month on PostgreSQL; an index for what was purged.

The rows there are become the first part, whole, from the beginning of time to the end of this month: nothing copied,
the table is read once to check the bound, and its indexes are taken over. The worker deletes from it what is past
retention, and drops it when all of it is.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PURGED = "ix_bindings_purged_at"
_FIRST = "calls_first"
_AHEAD = 2
# Each index of the table as its migrations made it: (name, columns, condition).
_INDEXES = (
    ("ix_calls_tenant_id_key", "tenant_id, key", ""),
    ("ix_calls_virtual_number_binding_key", "virtual_number, binding, key", ""),
    ("ix_calls_virtual_number_caller_started_at", "virtual_number, caller, started_at", ""),
    ("ix_calls_virtual_number_attempt_group_key", "virtual_number, attempt_group, key", ""),
    ("ix_calls_key", "key", " WHERE caller IS NOT NULL"),
)


def upgrade() -> None:
    op.create_index(
        _PURGED,
        "bindings",
        ["purged_at"],
        postgresql_where=sa.text("purged_at IS NOT NULL"),
        sqlite_where=sa.text("purged_at IS NOT NULL"),
    )
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    latest = connection.execute(sa.text("SELECT max(started_at) FROM calls")).scalar()
    this_month = _month(max(datetime.now(UTC), latest) if latest else datetime.now(UTC), 0)
    op.execute(f"ALTER TABLE calls RENAME TO {_FIRST}")
    op.execute(f"ALTER TABLE {_FIRST} RENAME CONSTRAINT pk_calls TO pk_{_FIRST}")
    for name, _, _ in _INDEXES:
        op.execute(f"ALTER INDEX {name} RENAME TO {name.replace('calls', _FIRST)}")
    op.execute(
        f"CREATE TABLE calls (LIKE {_FIRST} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (started_at)"
    )
    op.execute("ALTER TABLE calls ADD CONSTRAINT pk_calls PRIMARY KEY (virtual_number, started_at, key)")
    for name, columns, condition in _INDEXES:
        op.execute(f"CREATE INDEX {name} ON calls ({columns}){condition}")
    if latest is None:
        op.drop_table(_FIRST)
        ahead = range(_AHEAD + 1)
    else:
        op.execute(
            f"ALTER TABLE calls ATTACH PARTITION {_FIRST} "
            f"FOR VALUES FROM (MINVALUE) TO ('{_month(this_month, 1).isoformat()}')"
        )
        ahead = range(1, _AHEAD + 1)
    for place in ahead:
        start, end = _month(this_month, place), _month(this_month, place + 1)
        op.execute(
            f"CREATE TABLE calls_{start:%Y_%m} PARTITION OF calls "
            f"FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE calls RENAME TO calls_by_month")
        op.execute("ALTER TABLE calls_by_month RENAME CONSTRAINT pk_calls TO pk_calls_by_month")
        for name, _, _ in _INDEXES:
            op.execute(f"ALTER INDEX {name} RENAME TO {name}_by_month")
        op.execute("CREATE TABLE calls (LIKE calls_by_month INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        op.execute("INSERT INTO calls SELECT * FROM calls_by_month")
        op.drop_table("calls_by_month")
        op.execute("ALTER TABLE calls ADD CONSTRAINT pk_calls PRIMARY KEY (virtual_number, started_at, key)")
        for name, columns, condition in _INDEXES:
            op.execute(f"CREATE INDEX {name} ON calls ({columns}){condition}")
    op.drop_index(_PURGED, "bindings")


def _month(moment: datetime, count: int) -> datetime:
    """The first moment of the month so many after that of the moment, UTC."""
    start = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = start.year * 12 + start.month - 1 + count
    return start.replace(year=months // 12, month=months % 12 + 1)
