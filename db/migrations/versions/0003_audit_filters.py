"""Indexes for the filters of the audit log, in the order of its list."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FILTERS = {"subject": "subject", "caller": "caller_id", "operation": "operation", "type": "type", "door": "door"}


def upgrade() -> None:
    """Create an index per filter. The one on `subject` replaces one that was ordered by id."""
    op.drop_index("audit_entry_subject", "audit_entry")
    for name, column in FILTERS.items():
        op.create_index(f"audit_entry_{name}", "audit_entry", [column, "created_at", "id"])


def downgrade() -> None:
    """Restore the index on `subject` and drop the others."""
    for name in FILTERS:
        op.drop_index(f"audit_entry_{name}", "audit_entry")
    op.create_index("audit_entry_subject", "audit_entry", ["subject", "id"])
