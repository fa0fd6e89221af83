"""Outcomes of requests with an idempotency key."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "idempotency_record",
        sa.Column("id", Id, nullable=False),
        *[sa.Column(name, UTCDateTime, nullable=False) for name in ("created_at", "updated_at")],
        *[sa.Column(name, sa.String, nullable=False) for name in ("principal", "operation", "key", "fingerprint")],
        sa.Column("lease_owner", sa.String),
        sa.Column("lease_until", UTCDateTime),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_record")),
        sa.UniqueConstraint("principal", "operation", "key", name=op.f("idempotency_record_key_key")),
    )
    op.create_index("idempotency_record_created", "idempotency_record", ["created_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("idempotency_record")
