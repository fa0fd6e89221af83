"""Carts and their lines."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, UTCDateTime

revision = "0013"
down_revision = "0012b"
branch_labels = None
depends_on = None

OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "cart",
        *_columns(),
        sa.Column("token_hash", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("locale", sa.String, nullable=False),
        sa.Column("email", sa.String),
        sa.Column("customer_id", Id),
        *_address("shipping_address"),
        *_address("billing_address"),
        sa.Column("shipping_method_id", Id),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("expires_at", UTCDateTime, nullable=False),
        sa.Column("capped", Json, nullable=False),
        sa.Column("order_id", Id),
        sa.Column("completed_at", UTCDateTime),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart")),
        sa.ForeignKeyConstraint(["customer_id"], ["user.id"], op.f("fk_cart_customer_id_user"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["shipping_method_id"],
            ["shipping_method.id"],
            op.f("fk_cart_shipping_method_id_shipping_method"),
            ondelete="SET NULL",
        ),
        sa.UniqueConstraint("token_hash", name="cart_token_hash_key"),
        sa.CheckConstraint("status IN ('open', 'completed', 'expired', 'merged')", name="cart_status_check"),
        sa.CheckConstraint("customer_id IS NULL OR token_hash IS NULL", name="cart_owner_check"),
        sa.CheckConstraint(
            "(status = 'completed') = (order_id IS NOT NULL) AND (status = 'completed') = (completed_at IS NOT NULL)",
            name="cart_completed_check",
        ),
        sa.CheckConstraint(
            "(shipping_address_name IS NULL) = (shipping_address_country IS NULL)", name="cart_shipping_address_check"
        ),
        sa.CheckConstraint(
            "(billing_address_name IS NULL) = (billing_address_country IS NULL)", name="cart_billing_address_check"
        ),
    )
    op.create_index(
        "cart_customer_id_key", "cart", ["customer_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("cart_customer", "cart", ["customer_id", "created_at", "id"])
    op.create_index("cart_status", "cart", ["status", "created_at", "id"])
    op.create_index("cart_created", "cart", ["created_at", "id"])
    op.create_index("cart_expires", "cart", ["expires_at"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_table(
        "cart_line",
        *_columns(),
        sa.Column("cart_id", Id, nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("added_price_amount", sa.BigInteger, nullable=False),
        sa.Column("added_price_currency", sa.String, nullable=False),
        sa.Column("product_name", sa.String, nullable=False),
        sa.Column("variant_name", sa.String, nullable=False),
        sa.Column("sku", sa.String, nullable=False),
        sa.Column("image_url", sa.String),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_line")),
        sa.ForeignKeyConstraint(["cart_id"], ["cart.id"], op.f("fk_cart_line_cart_id_cart"), ondelete="CASCADE"),
        sa.UniqueConstraint("cart_id", "variant_id", name="cart_line_variant_id_key"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 9999", name="cart_line_quantity_check"),
        sa.CheckConstraint("added_price_amount >= 0", name="cart_line_added_price_check"),
    )


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    ]


def _address(name: str) -> list[sa.Column[object]]:
    return [
        sa.Column(f"{name}_name", sa.String),
        sa.Column(f"{name}_company", sa.String),
        sa.Column(f"{name}_lines", Json),
        sa.Column(f"{name}_city", sa.String),
        sa.Column(f"{name}_postcode", sa.String),
        sa.Column(f"{name}_region", sa.String),
        sa.Column(f"{name}_country", sa.String),
        sa.Column(f"{name}_phone", sa.String),
    ]


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("cart_line")
    op.drop_table("cart")
