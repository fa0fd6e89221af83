"""Indexes that serve the audit's filters in the order of its list."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FILTERS = {"subject": "subject", "caller": "caller_id", "operation": "operation", "type": "type", "door": "door"}


def upgrade() -> None:
    """Make them; the one of the subject takes the place of one that led to the order of ids."""
    op.drop_index("audit_entry_subject", "audit_entry")
    for name, column in FILTERS.items():
        op.create_index(f"audit_entry_{name}", "audit_entry", [column, "created_at", "id"])


def downgrade() -> None:
    """As it was before."""
    for name in FILTERS:
        op.drop_index(f"audit_entry_{name}", "audit_entry")
    op.create_index("audit_entry_subject", "audit_entry", ["subject", "id"])
