"""The first schema: everything of the main job.

Expand first: the code of the release before must be able to work with the tables after a migration. Contract a release
later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "bindings",
    "calls",
    "contacts",
    "crypto_keys",
    "idempotency_keys",
    "order_index",
    "pbxs",
    "pools",
    "slots",
    "tenants",
    "webhook_receipts",
    "api_keys",
    "pbx_secrets",
    "pool_tenants",
    "virtual_numbers",
)


def upgrade() -> None:
    op.create_table(
        "bindings",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("pool_id", sa.String(length=40), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("waybill", sa.Text(), nullable=True),
        sa.Column("extension", sa.String(length=9), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("status_before_lock", sa.String(length=12), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_number", sa.String(length=16), nullable=True),
        sa.Column("reopened_key", sa.Uuid(), nullable=True),
        sa.Column("masked_name", sa.Text(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_phone", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_metadata", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_lock_reason", sa.LargeBinary(), nullable=True),
        sa.Column("phone_mark", sa.LargeBinary(), nullable=True),
        sa.Column("shared_line", sa.Boolean(), nullable=False),
        sa.Column("creation_answer", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(status = 'locked' AND status_before_lock IN ('active', 'delivered')) "
            "OR (status <> 'locked' AND status_before_lock IS NULL)",
            name=op.f("ck_bindings_status_before_lock"),
        ),
        sa.CheckConstraint(
            "status IN ('active', 'delivered', 'locked', 'expired', 'released')", name=op.f("ck_bindings_status")
        ),
        sa.CheckConstraint(
            "purged_at IS NULL OR (masked_name IS NULL AND coalesce(wrapped_key, sealed_phone, sealed_name, "
            "sealed_address, sealed_metadata, sealed_lock_reason, phone_mark, creation_answer) IS NULL)",
            name=op.f("ck_bindings_purged"),
        ),
        sa.PrimaryKeyConstraint("virtual_number", "key", name="pk_bindings"),
    )
    op.create_index(
        "ix_bindings_expires_at",
        "bindings",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('active', 'delivered', 'locked')"),
        sqlite_where=sa.text("status IN ('active', 'delivered', 'locked')"),
    )
    op.create_index("ix_bindings_tenant_id_key", "bindings", ["tenant_id", "key"], unique=False)
    op.create_index(
        "ix_bindings_virtual_number_phone_mark",
        "bindings",
        ["virtual_number", "phone_mark"],
        unique=False,
        postgresql_where=sa.text("phone_mark IS NOT NULL"),
        sqlite_where=sa.text("phone_mark IS NOT NULL"),
    )
    op.create_table(
        "calls",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("pbx_id", sa.String(length=40), nullable=False),
        sa.Column("pbx_call_id", sa.Text(), nullable=False),
        sa.Column("pool_id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=True),
        sa.Column("binding", sa.Uuid(), nullable=True),
        sa.Column("direction", sa.String(length=16), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("party", sa.String(length=12), nullable=True),
        sa.Column("tries_used", sa.Integer(), nullable=False),
        sa.Column("caller_tail", sa.String(length=3), nullable=True),
        sa.Column("trace", sa.JSON(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.CheckConstraint("direction IN ('to_recipient', 'to_courier')", name=op.f("ck_calls_direction")),
        sa.CheckConstraint(
            "outcome IN ('asking', 'connecting', 'ringing', 'answered', 'completed', 'busy', 'no_answer', 'failed', "
            "'canceled', 'unavailable')",
            name=op.f("ck_calls_outcome"),
        ),
        sa.CheckConstraint("party IN ('recipient', 'courier', 'care_line')", name=op.f("ck_calls_party")),
        sa.PrimaryKeyConstraint("virtual_number", "started_at", "key", name="pk_calls"),
    )
    op.create_index("ix_calls_tenant_id_key", "calls", ["tenant_id", "key"], unique=False)
    op.create_index("ix_calls_virtual_number_binding_key", "calls", ["virtual_number", "binding", "key"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("call", sa.Uuid(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("virtual_number", "binding", name="pk_contacts"),
    )
    op.create_index("ix_contacts_virtual_number_mark", "contacts", ["virtual_number", "mark"], unique=False)
    op.create_table(
        "crypto_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("check_value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crypto_keys"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "order_index",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("waybill", sa.Text(), nullable=True),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "order_id", "binding", name="pk_order_index"),
    )
    op.create_index(
        "ix_order_index_tenant_id_waybill",
        "order_index",
        ["tenant_id", "waybill"],
        unique=False,
        postgresql_where=sa.text("waybill IS NOT NULL"),
        sqlite_where=sa.text("waybill IS NOT NULL"),
    )
    op.create_index(
        "uq_order_index_current",
        "order_index",
        ["tenant_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("is_current"),
        sqlite_where=sa.text("is_current"),
    )
    op.create_table(
        "pbxs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_pbxs"),
        sa.UniqueConstraint("name", name="uq_pbxs_name"),
    )
    op.create_table(
        "pools",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extension_length", sa.Integer(), nullable=False),
        sa.Column("density", sa.Text(), nullable=False),
        sa.Column("check_digit", sa.Boolean(), nullable=False),
        sa.Column("quarantine", sa.Interval(), nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=False),
        sa.Column("low_water", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.CheckConstraint("ceiling >= 1", name=op.f("ck_pools_ceiling")),
        sa.CheckConstraint("extension_length BETWEEN 4 AND 8", name=op.f("ck_pools_extension_length")),
        sa.PrimaryKeyConstraint("id", name="pk_pools"),
        sa.UniqueConstraint("name", name="uq_pools_name"),
    )
    op.create_table(
        "slots",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("extension", sa.String(length=9), nullable=False),
        sa.Column("binding", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("virtual_number", "extension", name="pk_slots"),
    )
    op.create_index(
        "ix_slots_free_at",
        "slots",
        ["free_at"],
        unique=False,
        postgresql_where=sa.text("free_at IS NOT NULL"),
        sqlite_where=sa.text("free_at IS NOT NULL"),
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grace", sa.Interval(), nullable=False),
        sa.Column("default_life", sa.Interval(), nullable=False),
        sa.Column("longest_life", sa.Interval(), nullable=False),
        sa.Column("contact_life", sa.Interval(), nullable=False),
        sa.Column("countries", sa.Text(), nullable=False),
        sa.Column("mask", sa.Text(), nullable=False),
        sa.Column("latin_mask", sa.Text(), nullable=False),
        sa.Column("care_line", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
        sa.UniqueConstraint("name", name="uq_tenants_name"),
    )
    op.create_table(
        "webhook_receipts",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("pbx_id", sa.String(length=40), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("pbx_call_id", sa.Text(), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("call", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("tries_used", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.String(length=40), nullable=True),
        sa.Column("prompt_text", sa.Text(), nullable=True),
        sa.Column("max_digits", sa.Integer(), nullable=True),
        sa.Column("attempts_left", sa.Integer(), nullable=True),
        sa.Column("menu", sa.Text(), nullable=True),
        sa.Column("party", sa.String(length=12), nullable=True),
        sa.Column("binding", sa.Uuid(), nullable=True),
        sa.Column("trace", sa.JSON(), nullable=False),
        sa.CheckConstraint("action IN ('gather', 'connect', 'hangup')", name=op.f("ck_webhook_receipts_action")),
        sa.CheckConstraint("party IN ('recipient', 'courier', 'care_line')", name=op.f("ck_webhook_receipts_party")),
        sa.PrimaryKeyConstraint("virtual_number", "pbx_id", "webhook_id", name="pk_webhook_receipts"),
    )
    op.create_index("ix_webhook_receipts_received_at", "webhook_receipts", ["received_at"], unique=False)
    op.create_index(
        "uq_webhook_receipts_leg", "webhook_receipts", ["virtual_number", "pbx_id", "pbx_call_id", "leg"], unique=True
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.String(length=8), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_api_keys_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_tenant_id", "api_keys", ["tenant_id"], unique=False)
    op.create_table(
        "pbx_secrets",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("pbx_id", sa.String(length=40), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["pbx_id"], ["pbxs.id"], name="fk_pbx_secrets_pbx_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pbx_secrets"),
    )
    op.create_index("ix_pbx_secrets_pbx_id", "pbx_secrets", ["pbx_id"], unique=False)
    op.create_table(
        "pool_tenants",
        sa.Column("pool_id", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.id"], name="fk_pool_tenants_pool_id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_pool_tenants_tenant_id"),
        sa.PrimaryKeyConstraint("pool_id", "tenant_id", name="pk_pool_tenants"),
    )
    op.create_table(
        "virtual_numbers",
        sa.Column("virtual_number", sa.String(length=16), nullable=False),
        sa.Column("pool_id", sa.String(length=40), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("spread", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_virtual_numbers_held")),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.id"], name="fk_virtual_numbers_pool_id"),
        sa.PrimaryKeyConstraint("virtual_number", name="pk_virtual_numbers"),
        sa.UniqueConstraint("mark", name="uq_virtual_numbers_mark"),
    )
    op.create_index("ix_virtual_numbers_pool_id_spread", "virtual_numbers", ["pool_id", "spread"], unique=False)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
