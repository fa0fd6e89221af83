"""Tables of carts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.db.base import Versioned, uncached
from tradepost.kit.db.column_types import Id, Json, UTCDateTime
from tradepost.kit.db.postal_addresses import PostalAddressColumns

MAX_QUANTITY, MAX_LINES = 9_999, 100
OPEN_ONLY: dict[str, Any] = {"sqlite_where": text("status = 'open'"), "postgresql_where": text("status = 'open'")}


@uncached
class CartRow(PostalAddressColumns, Versioned):
    """A cart.

    token_hash: the keyed hash of a guest's token. A user's cart has none.
    capped: the lines whose quantity was reduced when carts were merged, as `CappedLine`.
    order_id, completed_at: the order placed from it, which belongs to a later area.
    """

    __tablename__, __number__ = "cart", 30
    __table_args__ = (
        UniqueConstraint("token_hash", name="cart_token_hash_key"),
        CheckConstraint("status IN ('open', 'completed', 'expired', 'merged')", name="cart_status_check"),
        CheckConstraint("customer_id IS NULL OR token_hash IS NULL", name="cart_owner_check"),
        CheckConstraint(
            "(status = 'completed') = (order_id IS NOT NULL) AND (status = 'completed') = (completed_at IS NOT NULL)",
            name="cart_completed_check",
        ),
        CheckConstraint(
            "(shipping_address_name IS NULL) = (shipping_address_country IS NULL)", name="cart_shipping_address_check"
        ),
        CheckConstraint(
            "(billing_address_name IS NULL) = (billing_address_country IS NULL)", name="cart_billing_address_check"
        ),
        Index("cart_customer_id_key", "customer_id", unique=True, **OPEN_ONLY),
        Index("cart_customer", "customer_id", "created_at", "id"),
        Index("cart_status", "status", "created_at", "id"),
        Index("cart_created", "created_at", "id"),
        Index("cart_expires", "expires_at", **OPEN_ONLY),
    )
    token_hash: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="open")
    currency: Mapped[str]
    locale: Mapped[str] = mapped_column(default="en")
    email: Mapped[str | None]
    customer_id: Mapped[str | None] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"))
    shipping_method_id: Mapped[str | None] = mapped_column(Id, ForeignKey("shipping_method.id", ondelete="SET NULL"))
    note: Mapped[str] = mapped_column(default="")
    attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    capped: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    order_id: Mapped[str | None] = mapped_column(Id)
    completed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class CartLineRow(Versioned):
    """A quantity of a variant in a cart. It remains if the variant is deleted.

    added_price: the price when the line was added. The names, SKU and image are those of that time.
    """

    __tablename__, __number__ = "cart_line", 31
    __table_args__ = (
        UniqueConstraint("cart_id", "variant_id", name="cart_line_variant_id_key"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MAX_QUANTITY}", name="cart_line_quantity_check"),
        CheckConstraint("added_price_amount >= 0", name="cart_line_added_price_check"),
    )
    cart_id: Mapped[str] = mapped_column(Id, ForeignKey("cart.id", ondelete="CASCADE"))
    variant_id: Mapped[str] = mapped_column(Id)
    quantity: Mapped[int]
    added_price_amount: Mapped[int] = mapped_column(BigInteger)
    added_price_currency: Mapped[str]
    product_name: Mapped[str]
    variant_name: Mapped[str]
    sku: Mapped[str]
    image_url: Mapped[str | None]
