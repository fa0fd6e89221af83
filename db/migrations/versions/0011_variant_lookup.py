"""Members of variants that selling needs, and indexes to find variants across the shop."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SHIPPING_COLUMNS = ("Variant Requires Shipping", "Requires shipping")
"""Columns of Shopify's export. Until now, `source` kept their cells."""


def upgrade() -> None:
    """Add the columns and indexes. Variants imported without shipping keep that."""
    op.add_column("variant", sa.Column("requires_shipping", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("variant", sa.Column("withdrawal_excluded", sa.Boolean, nullable=False, server_default=sa.false()))
    # With the constraint in the column's definition, which SQLite can add to a table.
    op.execute(
        "ALTER TABLE variant ADD COLUMN low_stock_threshold INTEGER "
        "CONSTRAINT variant_low_stock_threshold_check CHECK (low_stock_threshold >= 0)"
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for column in SHIPPING_COLUMNS:
        cell = f"source ->> '{column}'" if is_postgresql else f"json_extract(source, '$.\"{column}\"')"
        op.execute(f"UPDATE variant SET requires_shipping = false WHERE lower({cell}) = 'false'")
    op.create_index("variant_barcode", "variant", ["barcode", "id"])
    op.create_index("variant_created", "variant", ["created_at", "id"])
    op.create_index("variant_price", "variant", ["price_amount", "id"])
    op.create_index("variant_position", "variant", ["position", "id"])


def downgrade() -> None:
    """Drop the indexes and columns."""
    for index in ("variant_position", "variant_price", "variant_created", "variant_barcode"):
        op.drop_index(index, "variant")
    # SQLite drops no column that is part of a constraint of the table, but one of its own.
    for column in ("low_stock_threshold", "withdrawal_excluded", "requires_shipping"):
        op.drop_column("variant", column)
