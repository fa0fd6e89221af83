"""Index for the currencies of prices, which are checked whenever a server starts."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index("variant_price_currency", "variant", ["price_currency"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("variant_price_currency", "variant")
