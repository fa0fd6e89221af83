"""Shipping methods and tax rates."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, SortText, UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "tax_rate",
        *_columns(),
        sa.Column("country", SortText, nullable=False),
        sa.Column("region", sa.String),
        sa.Column("tax_class", SortText, nullable=False),
        sa.Column("percentage", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_rate")),
        sa.CheckConstraint("percentage BETWEEN 0 AND 1000000", name="tax_rate_percentage_check"),
    )
    place = ["country", sa.text("coalesce(region, '')"), "tax_class"]
    op.create_index("tax_rate_region_key", "tax_rate", place, unique=True)
    op.create_index("tax_rate_country", "tax_rate", ["country", "tax_class", "id"])
    op.create_index("tax_rate_created", "tax_rate", ["created_at", "id"])
    op.create_table(
        "shipping_method",
        *_columns(),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("name", SortText, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("countries", Json, nullable=False),
        sa.Column("price_amount", sa.BigInteger, nullable=False),
        sa.Column("price_currency", sa.String, nullable=False),
        sa.Column("free_from_amount", sa.BigInteger),
        sa.Column("free_from_currency", sa.String),
        sa.Column("min_weight_grams", sa.Integer, nullable=False),
        sa.Column("max_weight_grams", sa.Integer),
        sa.Column("tax_class", sa.String),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipping_method")),
        sa.UniqueConstraint("code", name="shipping_method_code_key"),
        sa.CheckConstraint("price_amount BETWEEN 0 AND 4000000000", name="shipping_method_price_check"),
        sa.CheckConstraint("free_from_amount BETWEEN 0 AND 4000000000", name="shipping_method_free_from_check"),
        sa.CheckConstraint(
            "(free_from_amount IS NULL) = (free_from_currency IS NULL)", name="shipping_method_free_from_pair_check"
        ),
        sa.CheckConstraint(
            "min_weight_grams >= 0 AND max_weight_grams >= min_weight_grams", name="shipping_method_weight_check"
        ),
    )
    op.create_index("shipping_method_position", "shipping_method", ["position", "id"])
    op.create_index("shipping_method_name", "shipping_method", ["name", "id"])
    op.create_index("shipping_method_created", "shipping_method", ["created_at", "id"])


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    ]


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("shipping_method")
    op.drop_table("tax_rate")
