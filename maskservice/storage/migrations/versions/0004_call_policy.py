"""What pools, tenants and bindings have set about calls; a courier's contact that outranks a stranger's; an extension
whose code is being asked for; calls per binding and day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("calls", sa.JSON(), nullable=True))
    op.add_column("pools", sa.Column("calls", sa.JSON(), nullable=True))
    op.add_column("bindings", sa.Column("call_rules", sa.JSON(), nullable=True))
    op.add_column("contacts", sa.Column("enrolled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("webhook_receipts", sa.Column("pending", sa.String(length=32), nullable=True))
    op.add_column("webhook_receipts", sa.Column("language", sa.String(length=8), nullable=True))
    op.create_table(
        "call_days",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("virtual_number", "binding", name="pk_call_days"),
    )
    op.create_index("ix_call_days_day", "call_days", ["day"])


def downgrade() -> None:
    op.drop_table("call_days")
    # SQLite drops a column since 3.35.
    for table, column in (
        ("webhook_receipts", "language"),
        ("webhook_receipts", "pending"),
        ("contacts", "enrolled"),
        ("bindings", "call_rules"),
        ("pools", "calls"),
        ("tenants", "calls"),
    ):
        op.drop_column(table, column)
