"""Delivery of outbox events: when an event is due, the number of attempts and the last error."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Events that were not sent yet become due."""
    op.add_column("outbox_event", sa.Column("due_at", UTCDateTime))
    op.add_column("outbox_event", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("outbox_event", sa.Column("fault", sa.String))
    op.execute("UPDATE outbox_event SET due_at = created_at WHERE sent_at IS NULL")
    op.drop_index("outbox_event_unsent", "outbox_event")
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index("outbox_event_due", "outbox_event", ["due_at", "id"], sqlite_where=is_due, postgresql_where=is_due)


def downgrade() -> None:
    """Drop the columns and restore the index of unsent events."""
    op.drop_index("outbox_event_due", "outbox_event")
    op.create_index("outbox_event_unsent", "outbox_event", ["sent_at", "id"])
    for name in ("fault", "attempts", "due_at"):
        op.drop_column("outbox_event", name)
