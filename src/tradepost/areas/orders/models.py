"""Tables of orders. Amounts are minor units of the order's currency."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.db.base import Table, Versioned, uncached
from tradepost.kit.db.column_types import Id, Json, SortText, UTCDateTime
from tradepost.kit.db.full_text import SearchRow
from tradepost.kit.db.postal_addresses import PostalAddressColumns

ORDER_STATUSES = ("pending", "confirmed", "completed", "cancelled", "expired")
PAYMENT_STATUSES = (
    "unpaid",
    "processing",
    "authorized",
    "partially_paid",
    "paid",
    "partially_refunded",
    "refunded",
)
RETURN_KINDS = ("return", "withdrawal")
RETURN_STATUSES = ("requested", "received", "rejected", "cancelled")
FULFILMENT_STATUSES = ("unfulfilled", "partially_fulfilled", "fulfilled", "partially_returned", "returned")
AMOUNTS = (
    "subtotal",
    "discount_total",
    "shipping_total",
    "tax_total",
    "grand_total",
    "cancelled_total",
    "authorized",
    "captured",
    "refunded",
    "delivery_price",
    "delivery_discount",
    "delivery_tax",
    "delivery_total",
)
"""The amounts of an order, which are in its currency."""
LINE_AMOUNTS = ("unit_price", "discount", "tax", "total")
# Only pending orders are counted and expire, so these indexes stay small.
PENDING: dict[str, Any] = {"sqlite_where": text("status = 'pending'"), "postgresql_where": text("status = 'pending'")}
SHIPPED: dict[str, Any] = {"sqlite_where": text("status = 'shipped'"), "postgresql_where": text("status = 'shipped'")}
MAX_FULFILMENTS = 100
"""Fulfilments of one order."""
MAX_RETURNS, MAX_RETURNS_BY_CUSTOMERS = 100, 50
"""Returns of one order, and how many of them customers can request: staff need the others."""


def one_of(column: str, values: tuple[str, ...]) -> str:
    """Return the SQL condition that a column has one of some values."""
    return f"{column} IN ({', '.join([f"'{value}'" for value in values])})"


@uncached
class OrderRow(PostalAddressColumns, Versioned):
    """An order. All its amounts are in `currency`.

    cart_id: the cart that it was placed from. No foreign key: the order outlives the cart.
    client_hash: the keyed hash of the client's address; the limit on open orders counts by it.
    delivery_*: what shipping costs, if anything ships. `shipping_total` is the price before its
        discount.
    delivered_at: when units were last delivered.
    payment_status, fulfilment_status: derived from the counters (`service/statuses.py`).
    payment_progress: of the payment at a provider that can still succeed: `open` while it waits for
        the payer, `processing` while nobody knows its result; null if there is none.
    """

    __tablename__, __number__ = "order", 40
    __table_args__ = (
        UniqueConstraint("number", name="order_number_key"),
        UniqueConstraint("cart_id", name="order_cart_id_key"),
        CheckConstraint(one_of("status", ORDER_STATUSES), name="order_status_check"),
        CheckConstraint(one_of("payment_status", PAYMENT_STATUSES), name="order_payment_status_check"),
        CheckConstraint(one_of("fulfilment_status", FULFILMENT_STATUSES), name="order_fulfilment_status_check"),
        *[CheckConstraint(f"{name}_amount >= 0", name=f"order_{name}_check") for name in AMOUNTS],
        CheckConstraint("refunded_amount <= captured_amount", name="order_refunded_limit_check"),
        CheckConstraint("cancelled_total_amount <= grand_total_amount", name="order_cancelled_limit_check"),
        CheckConstraint(
            "(delivery_price_amount IS NULL) = (delivery_total_amount IS NULL)", name="order_delivery_pair_check"
        ),
        CheckConstraint("status = 'pending' OR expires_at IS NULL", name="order_expires_check"),
        CheckConstraint("payment_progress IN ('open', 'processing')", name="order_payment_progress_check"),
        Index("order_created", "created_at", "id"),
        Index("order_placed", "placed_at", "id"),
        Index("order_total", "grand_total_amount", "id"),
        Index("order_status", "status", "placed_at", "id"),
        Index("order_payment_status", "payment_status", "placed_at", "id"),
        Index("order_fulfilment_status", "fulfilment_status", "placed_at", "id"),
        Index("order_customer", "customer_id", "placed_at", "id"),
        Index("order_email", "email", "placed_at", "id"),
        Index("order_open_customer", "customer_id", **PENDING),
        Index("order_open_email", "email", **PENDING),
        Index("order_open_client", "client_hash", **PENDING),
        Index("order_expires", "expires_at", "id", **PENDING),
    )
    number: Mapped[str]
    cart_id: Mapped[str] = mapped_column(Id)
    customer_id: Mapped[str | None] = mapped_column(Id, ForeignKey("user.id", ondelete="RESTRICT"))
    email: Mapped[str] = mapped_column(SortText)
    client_hash: Mapped[str | None]
    locale: Mapped[str]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending")
    payment_status: Mapped[str] = mapped_column(default="unpaid")
    payment_progress: Mapped[str | None]
    fulfilment_status: Mapped[str] = mapped_column(default="unfulfilled")
    subtotal_amount: Mapped[int] = mapped_column(BigInteger)
    discount_total_amount: Mapped[int] = mapped_column(BigInteger)
    shipping_total_amount: Mapped[int] = mapped_column(BigInteger)
    tax_total_amount: Mapped[int] = mapped_column(BigInteger)
    grand_total_amount: Mapped[int] = mapped_column(BigInteger)
    cancelled_total_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    authorized_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    captured_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    delivery_price_amount: Mapped[int | None] = mapped_column(BigInteger)
    delivery_discount_amount: Mapped[int | None] = mapped_column(BigInteger)
    delivery_tax_amount: Mapped[int | None] = mapped_column(BigInteger)
    delivery_total_amount: Mapped[int | None] = mapped_column(BigInteger)
    prices_include_tax: Mapped[bool]
    tax_lines: Mapped[list[Any]] = mapped_column(Json)
    promotions: Mapped[list[Any]] = mapped_column(Json)
    payment_methods: Mapped[list[Any]] = mapped_column(Json)
    shipping_method_code: Mapped[str | None]
    shipping_method_name: Mapped[str | None]
    note: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(Json)
    placed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancel_reason: Mapped[str | None]
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class OrderLineRow(Versioned):
    """A line of an order: a snapshot of the variant, and counters of its units.

    tax_percentage: parts per million.
    """

    __tablename__, __number__ = "order_line", 41
    __table_args__ = (
        UniqueConstraint("order_id", "variant_id", name="order_line_variant_id_key"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="order_line_quantity_check"),
        CheckConstraint("shipped >= 0 AND cancelled >= 0 AND returned >= 0", name="order_line_counters_check"),
        CheckConstraint("shipped + cancelled <= quantity", name="order_line_shipped_check"),
        CheckConstraint("returned <= shipped", name="order_line_returned_check"),
        CheckConstraint("tax_percentage BETWEEN 0 AND 1000000", name="order_line_tax_percentage_check"),
        *[CheckConstraint(f"{name}_amount >= 0", name=f"order_line_{name}_check") for name in LINE_AMOUNTS],
        Index("order_line_order", "order_id", "position", "id"),
        Index("order_line_variant", "variant_id", "id"),
    )
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="CASCADE"))
    position: Mapped[int]
    variant_id: Mapped[str] = mapped_column(Id, ForeignKey("variant.id", ondelete="RESTRICT"))
    sku: Mapped[str]
    product_name: Mapped[str]
    variant_name: Mapped[str]
    options: Mapped[dict[str, str]] = mapped_column(Json)
    image_url: Mapped[str | None]
    requires_shipping: Mapped[bool]
    withdrawal_excluded: Mapped[bool] = mapped_column(default=False, server_default=false())
    quantity: Mapped[int]
    currency: Mapped[str]
    unit_price_amount: Mapped[int] = mapped_column(BigInteger)
    discount_amount: Mapped[int] = mapped_column(BigInteger)
    tax_amount: Mapped[int] = mapped_column(BigInteger)
    tax_percentage: Mapped[int]
    total_amount: Mapped[int] = mapped_column(BigInteger)
    shipped: Mapped[int] = mapped_column(default=0)
    cancelled: Mapped[int] = mapped_column(default=0)
    returned: Mapped[int] = mapped_column(default=0)


@uncached
class OrderEventRow(Table):
    """An entry of an order's timeline. Entries are only added.

    actor: what kind of caller caused it. The audit log names the user.
    """

    __tablename__, __number__ = "order_event", 42
    __table_args__ = (
        CheckConstraint(one_of("actor", ("customer", "staff", "system")), name="order_event_actor_check"),
        Index("order_event_order", "order_id", "created_at", "id"),
    )
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="CASCADE"))
    type: Mapped[str]
    actor: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(Json)


@uncached
class FulfilmentRow(Versioned):
    """Units of an order that are shipped together. The lock of the order covers it.

    One that could not be delivered is `returned`.

    The units of a pending one are packed: they are reserved at its location, and are cancelled only
    with the whole order.
    """

    __tablename__, __number__ = "fulfilment", 44
    __table_args__ = (
        CheckConstraint(
            one_of("status", ("pending", "shipped", "delivered", "cancelled", "returned")),
            name="fulfilment_status_check",
        ),
        CheckConstraint(
            "(status IN ('pending', 'cancelled')) = (shipped_at IS NULL)", name="fulfilment_shipped_at_check"
        ),
        CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="fulfilment_delivered_at_check"),
        Index("fulfilment_order", "order_id", "created_at", "id"),
        Index("fulfilment_status", "status", "created_at", "id"),
        Index("fulfilment_created", "created_at", "id"),
        Index("fulfilment_location", "location_id"),
        Index("fulfilment_shipped", "shipped_at", "id", **SHIPPED),
    )
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="CASCADE"))
    location_id: Mapped[str] = mapped_column(Id, ForeignKey("stock_location.id"))
    status: Mapped[str] = mapped_column(default="pending")
    carrier: Mapped[str | None]
    tracking_number: Mapped[str | None]
    tracking_url: Mapped[str | None]
    shipped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class FulfilmentLineRow(Table):
    """Units of an order line in a fulfilment. They never change. `position` is the line's."""

    __tablename__, __number__ = "fulfilment_line", 45
    __table_args__ = (
        UniqueConstraint("fulfilment_id", "order_line_id", name="fulfilment_line_order_line_key"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="fulfilment_line_quantity_check"),
        Index("fulfilment_line_fulfilment", "fulfilment_id", "position", "id"),
        Index("fulfilment_line_order_line", "order_line_id"),
    )
    fulfilment_id: Mapped[str] = mapped_column(Id, ForeignKey("fulfilment.id", ondelete="CASCADE"))
    order_line_id: Mapped[str] = mapped_column(Id, ForeignKey("order_line.id", ondelete="CASCADE"))
    position: Mapped[int]
    quantity: Mapped[int]


@uncached
class ReturnRow(Versioned):
    """Units of an order that come back. The lock of the order covers it.

    fulfilment_id: the fulfilment that could not be delivered, if it is one.
    refunds_shipping: whether a refund of the units is one of the costs of shipping too.
    """

    __tablename__, __number__ = "return", 46
    __table_args__ = (
        CheckConstraint(one_of("kind", RETURN_KINDS), name="return_kind_check"),
        CheckConstraint(one_of("status", RETURN_STATUSES), name="return_status_check"),
        Index("return_order", "order_id", "created_at", "id"),
        Index("return_status", "status", "created_at", "id"),
        Index("return_created", "created_at", "id"),
        Index("return_fulfilment", "fulfilment_id"),
    )
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="CASCADE"))
    fulfilment_id: Mapped[str | None] = mapped_column(Id, ForeignKey("fulfilment.id", ondelete="CASCADE"))
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(default="requested")
    reason: Mapped[str | None]
    rejection_reason: Mapped[str | None]
    refunds_shipping: Mapped[bool] = mapped_column(default=False)


@uncached
class ReturnLineRow(Table):
    """Units of an order line in a return. `position` is the line's.

    The receipt replaces the lines that were requested by those that came back. Only received ones
    have to have `restock`.
    """

    __tablename__, __number__ = "return_line", 47
    __table_args__ = (
        UniqueConstraint("return_id", "order_line_id", "restock", name="return_line_restock_key"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="return_line_quantity_check"),
        Index("return_line_return", "return_id", "position", "id"),
        Index("return_line_order_line", "order_line_id"),
        Index("return_line_location", "location_id"),
    )
    return_id: Mapped[str] = mapped_column(Id, ForeignKey("return.id", ondelete="CASCADE"))
    order_line_id: Mapped[str] = mapped_column(Id, ForeignKey("order_line.id", ondelete="CASCADE"))
    position: Mapped[int]
    quantity: Mapped[int]
    restock: Mapped[bool | None]
    location_id: Mapped[str | None] = mapped_column(Id, ForeignKey("stock_location.id"))


@uncached
class OrderSearchRow(SearchRow):
    """The search words of an order: its number, e-mail address, names of people and goods, SKUs."""

    __tablename__ = "order_search"
    id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="CASCADE"), unique=True)


@uncached
class OrderCounterRow(Table):
    """The last order number, on SQLite. PostgreSQL has the sequence `order_number_seq` instead."""

    __tablename__, __number__ = "order_counter", 43
    value: Mapped[int] = mapped_column(BigInteger)
