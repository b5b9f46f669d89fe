"""Call records: when digits were asked for and keyed, why and by whom a call ended, who called, and redials as one.

Every new column may stay empty: servers of the version before write none of them, and what they wrote names no caller
and belongs to no group.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CALLER = "ix_calls_virtual_number_caller_started_at"
_GROUP = "ix_calls_virtual_number_attempt_group_key"
_KNOWN = "ix_calls_key"


def upgrade() -> None:
    op.add_column("calls", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("keyed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("cause", sa.String(length=24), nullable=True))
    op.add_column("calls", sa.Column("ended_by", sa.String(length=8), nullable=True))
    op.add_column("calls", sa.Column("caller", sa.LargeBinary(), nullable=True))
    op.add_column("calls", sa.Column("attempt_group", sa.Uuid(), nullable=True))
    op.create_index(_CALLER, "calls", ["virtual_number", "caller", "started_at"])
    op.create_index(_GROUP, "calls", ["virtual_number", "attempt_group", "key"])
    known = sa.text("caller IS NOT NULL")
    op.create_index(_KNOWN, "calls", ["key"], postgresql_where=known, sqlite_where=known)


def downgrade() -> None:
    op.drop_index(_KNOWN, "calls")
    op.drop_index(_GROUP, "calls")
    op.drop_index(_CALLER, "calls")
    for column in ("attempt_group", "caller", "ended_by", "cause", "keyed_at", "asked_at"):
        op.drop_column("calls", column)
