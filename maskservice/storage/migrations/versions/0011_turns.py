"""A caller's turns and a PBX's revision: what a call was decided by is compared with them when it is written.

Two columns with a constant default: no table is rewritten and no row is touched, on either database.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("guard_callers", sa.Column("turn", sa.Integer(), server_default="0", nullable=False))
    op.add_column("pbxs", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("pbxs", "revision")
    op.drop_column("guard_callers", "turn")
