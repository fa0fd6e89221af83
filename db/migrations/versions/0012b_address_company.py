"""Company and region of addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0012b"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Older addresses have no company and no region."""
    op.add_column("address", sa.Column("company", sa.String, nullable=False, server_default=""))
    op.add_column("address", sa.Column("region", sa.String))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("address", "region")
    op.drop_column("address", "company")
