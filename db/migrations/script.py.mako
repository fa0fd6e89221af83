"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
from tradepost.kit.db.column_types import Id, Json, Moment, SortText

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Revert the migration."""
    ${downgrades if downgrades else "pass"}
