"""Brands of products."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, SortText, UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add the brand to products."""
    op.create_table(
        "brand",
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("slug", sa.String, nullable=False),
        sa.Column("name", SortText, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand")),
        sa.UniqueConstraint("slug", name=op.f("brand_slug_key")),
    )
    op.create_index("brand_name", "brand", ["name", "id"])
    op.create_index("brand_created", "brand", ["created_at", "id"])
    key = sa.ForeignKey("brand.id", name=op.f("fk_product_brand_id_brand"))
    op.add_column("product", sa.Column("brand_id", Id, key), inline_references=True)
    op.create_index("product_brand_id", "product", ["brand_id", "created_at", "id"])


def downgrade() -> None:
    """Drop the brand of products, and the table."""
    op.drop_index("product_brand_id", "product")
    op.drop_column("product", "brand_id")
    op.drop_table("brand")
