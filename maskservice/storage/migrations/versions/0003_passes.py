"""Passes of one tap: a caller reaches one recipient by dialling the virtual number alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passes",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("virtual_number", "mark", name="pk_passes"),
    )
    op.create_index("ix_passes_expires_at", "passes", ["expires_at"])


def downgrade() -> None:
    op.drop_table("passes")
