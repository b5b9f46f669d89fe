"""The guard: callers, attacked numbers, thresholds of a pool; rekeyed bindings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guard_callers",
        sa.Column("pool_id", sa.String(length=40), nullable=False),
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.JSON(), nullable=True),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocks", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("reached_day", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pool_id", "caller", name="pk_guard_callers"),
    )
    op.create_index("ix_guard_callers_seen_at", "guard_callers", ["seen_at"])
    op.create_table(
        "guard_numbers",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("callers", sa.Integer(), nullable=False),
        sa.Column("enrolled_only_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("virtual_number", name="pk_guard_numbers"),
    )
    op.create_table(
        "guard_scans",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("virtual_number", "window_start", "caller", name="pk_guard_scans"),
    )
    op.create_index("ix_guard_scans_window_start", "guard_scans", ["window_start"])
    op.add_column("pools", sa.Column("guard", sa.JSON(), nullable=True))
    op.add_column("bindings", sa.Column("rekeyed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("webhook_receipts", sa.Column("tenant_id", sa.String(length=40), nullable=True))
    op.add_column("contacts", sa.Column("caller", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("contacts", "caller")
    op.drop_column("webhook_receipts", "tenant_id")
    op.drop_column("bindings", "rekeyed_at")
    op.drop_column("pools", "guard")
    for table in ("guard_scans", "guard_numbers", "guard_callers"):
        op.drop_table(table)
