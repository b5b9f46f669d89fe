"""Tenants' hooks, and on the tenant's row which of them there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MARKS = ("asks_before_connect", "asks_out_of_session")


def upgrade() -> None:
    op.create_table(
        "tenant_hooks",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("url", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("on_failure", sa.String(length=12), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('before_connect', 'out_of_session')", name=op.f("ck_tenant_hooks_kind")),
        sa.CheckConstraint(
            "(kind = 'before_connect' AND on_failure IN ('connect', 'refuse')) "
            "OR (kind = 'out_of_session' AND on_failure IS NULL)",
            name=op.f("ck_tenant_hooks_on_failure"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_tenant_hooks_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "kind", name="pk_tenant_hooks"),
    )
    for mark in _MARKS:
        op.add_column("tenants", sa.Column(mark, sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    for mark in _MARKS:
        op.drop_column("tenants", mark)
    op.drop_table("tenant_hooks")
