"""Where a PBX finds the recorded prompts. Empty: they are spoken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pbxs", sa.Column("recordings", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("pbxs", "recordings")
