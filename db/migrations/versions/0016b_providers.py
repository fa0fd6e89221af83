"""Payments at providers, refunds, and the webhooks of providers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, UTCDateTime

revision = "0016b"
down_revision = "0016"
branch_labels = None
depends_on = None

CHECKS = {
    "payment_authorized_check": "authorized_amount >= 0",
    "payment_declines_check": "declines >= 0",
    "payment_operation_check": "operation IN ('create', 'capture', 'void')",
    "payment_operation_id_check": "(operation IS NULL) = (operation_id IS NULL)",
}


def upgrade() -> None:
    """Add what payments need of their providers, and create the other tables."""
    _extend_payments()
    _create_refunds()
    _create_payment_events()
    with op.batch_alter_table("order") as order:
        order.add_column(sa.Column("payment_progress", sa.String))
        order.create_check_constraint(
            op.f("order_payment_progress_check"), "payment_progress IN ('open', 'processing')"
        )


def _extend_payments() -> None:
    with op.batch_alter_table("payment") as payment:
        for name in ("reference", "return_url", "dispute_reason", "operation", "client_hash"):
            payment.add_column(sa.Column(name, sa.String))
        for name, default in (("captures_at_once", sa.true()), ("is_expiring", sa.false())):
            payment.add_column(sa.Column(name, sa.Boolean, nullable=False, server_default=default))
        payment.add_column(sa.Column("authorized_amount", sa.BigInteger, nullable=False, server_default="0"))
        payment.add_column(sa.Column("declines", sa.Integer, nullable=False, server_default="0"))
        for name in ("dispute_amount_amount", "operation_amount"):
            payment.add_column(sa.Column(name, sa.BigInteger))
        for name in ("capture_before", "dispute_due_by", "operation_at", "checked_at"):
            payment.add_column(sa.Column(name, UTCDateTime))
        for name in ("operation_id", "operation_claim_id", "create_claim_id"):
            payment.add_column(sa.Column(name, Id))
    op.execute("UPDATE payment SET authorized_amount = amount_amount WHERE status = 'authorized'")
    with op.batch_alter_table("payment") as payment:
        for name in ("captures_at_once", "is_expiring", "authorized_amount", "declines"):
            payment.alter_column(name, server_default=None)
        for name, condition in CHECKS.items():
            payment.create_check_constraint(op.f(name), condition)
        payment.create_unique_constraint("payment_reference_key", ["provider", "reference"])
    _create_partial_index("payment_called", "payment", ["operation_at", "id"], "operation IS NOT NULL")
    op.create_index("payment_create_claim", "payment", ["create_claim_id"])
    op.create_index("payment_operation_claim", "payment", ["operation_claim_id"])
    _create_partial_index("payment_client", "payment", ["client_hash", "created_at"], "declines > 0")


def _create_refunds() -> None:
    op.create_table(
        "refund",
        *_common_columns(is_versioned=True),
        *[sa.Column(name, Id, nullable=False) for name in ("payment_id", "order_id")],
        *[sa.Column(name, Id) for name in ("return_id", "claim_id")],
        *[sa.Column(name, sa.String, nullable=False) for name in ("currency", "actor", "status")],
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in ("amount_amount", "shipping_amount")],
        sa.Column("tax_lines", Json, nullable=False),
        *[sa.Column(name, sa.String) for name in ("reason", "reference", "failure_code", "failure_detail")],
        sa.Column("called_at", UTCDateTime),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        _foreign_key("refund", "payment_id", "payment", "RESTRICT"),
        _foreign_key("refund", "order_id", "order", "RESTRICT"),
        sa.UniqueConstraint("payment_id", "reference", name="refund_reference_key"),
        sa.CheckConstraint(
            "status IN ('created', 'pending', 'succeeded', 'failed', 'unknown')", name="refund_status_check"
        ),
        sa.CheckConstraint("actor IN ('customer', 'staff', 'system', 'provider')", name="refund_actor_check"),
        sa.CheckConstraint("amount_amount > 0", name="refund_amount_check"),
        sa.CheckConstraint("shipping_amount BETWEEN 0 AND amount_amount", name="refund_shipping_check"),
    )
    for name in ("payment", "order"):
        op.create_index(f"refund_{name}", "refund", [f"{name}_id", "created_at", "id"])
    op.create_index("refund_status", "refund", ["status", "created_at", "id"])
    op.create_index("refund_created", "refund", ["created_at", "id"])
    _create_partial_index("refund_wanted", "refund", ["created_at", "id"], "status IN ('created', 'unknown')")
    op.create_index("refund_claim", "refund", ["claim_id"])
    op.create_table(
        "refund_line",
        *_common_columns(is_versioned=False),
        *[sa.Column(name, Id, nullable=False) for name in ("refund_id", "order_line_id")],
        *[sa.Column(name, sa.Integer, nullable=False) for name in ("position", "quantity")],
        sa.Column("currency", sa.String, nullable=False),
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in ("amount_amount", "tax_amount")],
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_line")),
        sa.UniqueConstraint("refund_id", "order_line_id", name="refund_line_order_line_key"),
        _foreign_key("refund_line", "refund_id", "refund", "CASCADE"),
        _foreign_key("refund_line", "order_line_id", "order_line", "CASCADE"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 9999", name="refund_line_quantity_check"),
        sa.CheckConstraint("amount_amount >= 0", name="refund_line_amount_check"),
        sa.CheckConstraint("tax_amount BETWEEN 0 AND amount_amount", name="refund_line_tax_check"),
    )
    op.create_index("refund_line_refund", "refund_line", ["refund_id", "position", "id"])
    op.create_index("refund_line_order_line", "refund_line", ["order_line_id"])


def _create_payment_events() -> None:
    op.create_table(
        "payment_event",
        *_common_columns(is_versioned=False),
        *[sa.Column(name, sa.String, nullable=False) for name in ("provider", "event_id", "type")],
        sa.Column("payment_id", Id),
        sa.Column("happened_at", UTCDateTime, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_event")),
        sa.UniqueConstraint("provider", "event_id", name="payment_event_event_id_key"),
        _foreign_key("payment_event", "payment_id", "payment", "CASCADE"),
    )
    op.create_index("payment_event_payment", "payment_event", ["payment_id", "created_at", "id"])
    op.create_index("payment_event_created", "payment_event", ["created_at", "id"])


def _common_columns(*, is_versioned: bool) -> list[sa.Column[Any]]:
    columns: list[sa.Column[Any]] = [sa.Column("id", Id, nullable=False)]
    columns += [sa.Column(name, UTCDateTime, nullable=False) for name in ("created_at", "updated_at")]
    return [*columns, sa.Column("version", sa.Integer, nullable=False)] if is_versioned else columns


def _create_partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _foreign_key(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), ondelete=ondelete
    )


def downgrade() -> None:
    """Drop the tables and columns."""
    with op.batch_alter_table("order") as order:
        order.drop_constraint(op.f("order_payment_progress_check"), type_="check")
        order.drop_column("payment_progress")
    for table in ("payment_event", "refund_line", "refund"):
        op.drop_table(table)
    op.drop_index("payment_called", "payment")
    op.drop_index("payment_create_claim", "payment")
    op.drop_index("payment_operation_claim", "payment")
    op.drop_index("payment_client", "payment")
    with op.batch_alter_table("payment") as payment:
        payment.drop_constraint("payment_reference_key", type_="unique")
        for name in CHECKS:
            payment.drop_constraint(op.f(name), type_="check")
        for name in (
            *("reference", "return_url", "dispute_reason", "operation", "captures_at_once", "is_expiring"),
            *("authorized_amount", "dispute_amount_amount", "operation_amount", "capture_before", "dispute_due_by"),
            *("operation_at", "operation_id", "operation_claim_id", "create_claim_id"),
            *("client_hash", "declines", "checked_at"),
        ):
            payment.drop_column(name)
