"""Payments."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, UTCDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UNSETTLED = sa.text("status IN ('created', 'requires_action', 'processing', 'unknown')")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "payment",
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("method", sa.String),
        sa.Column("currency", sa.String, nullable=False),
        *[sa.Column(f"{name}_amount", sa.BigInteger, nullable=False) for name in ("amount", "captured", "refunded")],
        sa.Column("status", sa.String, nullable=False),
        *[sa.Column(name, sa.String) for name in ("next_action_type", "next_action_text")],
        *[sa.Column(name, sa.String) for name in ("failure_code", "failure_detail")],
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name=op.f("fk_payment_order_id_order"), ondelete="RESTRICT"
        ),
        sa.CheckConstraint(
            "status IN ('created', 'requires_action', 'processing', 'authorized', 'captured', 'partially_refunded', "
            "'refunded', 'failed', 'voided', 'unknown')",
            name="payment_status_check",
        ),
        sa.CheckConstraint("amount_amount > 0", name="payment_amount_check"),
        sa.CheckConstraint("captured_amount >= 0", name="payment_captured_check"),
        sa.CheckConstraint("refunded_amount BETWEEN 0 AND captured_amount", name="payment_refunded_check"),
    )
    op.create_index(
        "payment_unsettled", "payment", ["order_id"], unique=True, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED
    )
    op.create_index("payment_order", "payment", ["order_id", "created_at", "id"])
    op.create_index("payment_status", "payment", ["status", "created_at", "id"])
    op.create_index("payment_created", "payment", ["created_at", "id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("payment")
