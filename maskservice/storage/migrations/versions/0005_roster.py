"""The roster: couriers, their phones and PINs, assignments to bindings, block and allow lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "couriers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("pin_mark", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(revoked_at IS NULL AND wrapped_key IS NOT NULL AND name IS NOT NULL) "
            "OR (revoked_at IS NOT NULL AND coalesce(wrapped_key, name, pin_mark) IS NULL)",
            name=op.f("ck_couriers_revoked"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_couriers_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_couriers"),
    )
    op.create_index("ix_couriers_tenant_id", "couriers", ["tenant_id"])
    op.create_index(
        "uq_couriers_tenant_id_pin_mark",
        "couriers",
        ["tenant_id", "pin_mark"],
        unique=True,
        postgresql_where=sa.text("pin_mark IS NOT NULL"),
        sqlite_where=sa.text("pin_mark IS NOT NULL"),
    )
    op.create_table(
        "courier_phones",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("courier_id", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "caller", name="pk_courier_phones"),
    )
    op.create_index("ix_courier_phones_courier_id", "courier_phones", ["courier_id"])
    op.create_table(
        "assignments",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("courier_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("virtual_number", "binding", "courier_id", name="pk_assignments"),
    )
    op.create_index("ix_assignments_courier_id", "assignments", ["courier_id"])
    op.create_table(
        "caller_rules",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("virtual_number", sa.String(length=16), nullable=True),
        sa.Column("to_recipient", sa.String(length=8), nullable=True),
        sa.Column("to_courier", sa.String(length=8), nullable=True),
        sa.Column("last3", sa.String(length=3), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("to_recipient IN ('block', 'allow')", name=op.f("ck_caller_rules_to_recipient")),
        sa.CheckConstraint("to_courier IN ('block', 'allow')", name=op.f("ck_caller_rules_to_courier")),
        sa.PrimaryKeyConstraint("tenant_id", "binding", "caller", name="pk_caller_rules"),
        sa.UniqueConstraint("id", name="uq_caller_rules_id"),
    )
    op.create_index(
        "ix_caller_rules_virtual_number_binding",
        "caller_rules",
        ["virtual_number", "binding"],
        postgresql_where=sa.text("virtual_number IS NOT NULL"),
        sqlite_where=sa.text("virtual_number IS NOT NULL"),
    )


def downgrade() -> None:
    for table in ("caller_rules", "assignments", "courier_phones", "couriers"):
        op.drop_table(table)
