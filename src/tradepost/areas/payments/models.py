"""Tables of payments. Amounts are minor units of the payment's currency."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.db.base import Table, Versioned, uncached
from tradepost.kit.db.column_types import Id, Json, UTCDateTime

UNSETTLED = "status IN ('created', 'requires_action', 'processing', 'unknown')"
SETTLED = ("captured", "partially_refunded", "refunded")
"""The statuses of a payment whose money the shop has had."""
CALLED = "operation IS NOT NULL"
WANTED = "status IN ('created', 'unknown')"
OPERATIONS = ("create", "capture", "void")
MAX_PAYMENTS = 100
"""Payments of one order."""
MAX_REFUNDS = 100
"""Refunds of one payment."""


def _partial(condition: str) -> dict[str, Any]:
    """Return the arguments of an index on the rows that meet a condition."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


@uncached
class PaymentRow(Versioned):
    """A payment of an order. An order has at most one that is neither settled nor authorized.

    reference: the provider's id of it.
    captures_at_once: whether the provider takes the money without being asked again.
    authorized: what can still be captured; the order's is the sum of its payments'.
    next_action_*: what the customer is asked to do, without what opens the payment.
    failure_*: why the last attempt failed.
    capture_before: when the authorization lapses. is_expiring: whether that was announced.
    dispute_*: the open dispute.
    operation*: the call to the provider that has begun and whose result is not known yet: its name,
        its own id (a part of the provider's idempotency key), its amount, since when, and the
        claim of the idempotency key that it was called with. At most one at a time.
    create_claim_id: the claim of the key that the payment was created with.
    checked_at: when the reconciler has read it last.
    client_hash, declines: the keyed hash of the address of who created it, and how often an attempt
        to pay was declined; the limits on declines count by them.
    """

    __tablename__, __number__ = "payment", 50
    __table_args__ = (
        CheckConstraint(
            "status IN ('created', 'requires_action', 'processing', 'authorized', 'captured', 'partially_refunded', "
            "'refunded', 'failed', 'voided', 'unknown')",
            name="payment_status_check",
        ),
        CheckConstraint("amount_amount > 0", name="payment_amount_check"),
        CheckConstraint("authorized_amount >= 0", name="payment_authorized_check"),
        CheckConstraint("captured_amount >= 0", name="payment_captured_check"),
        CheckConstraint("refunded_amount BETWEEN 0 AND captured_amount", name="payment_refunded_check"),
        CheckConstraint("declines >= 0", name="payment_declines_check"),
        CheckConstraint("operation IN ('create', 'capture', 'void')", name="payment_operation_check"),
        CheckConstraint("(operation IS NULL) = (operation_id IS NULL)", name="payment_operation_id_check"),
        UniqueConstraint("provider", "reference", name="payment_reference_key"),
        Index("payment_unsettled", "order_id", unique=True, **_partial(UNSETTLED)),
        Index("payment_order", "order_id", "created_at", "id"),
        Index("payment_status", "status", "created_at", "id"),
        Index("payment_created", "created_at", "id"),
        Index("payment_called", "operation_at", "id", **_partial(CALLED)),
        Index("payment_create_claim", "create_claim_id"),
        Index("payment_operation_claim", "operation_claim_id"),
        Index("payment_client", "client_hash", "created_at", **_partial("declines > 0")),
    )
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="RESTRICT"))
    provider: Mapped[str]
    method: Mapped[str | None]
    reference: Mapped[str | None]
    captures_at_once: Mapped[bool] = mapped_column(default=True)
    return_url: Mapped[str | None]
    currency: Mapped[str]
    amount_amount: Mapped[int] = mapped_column(BigInteger)
    authorized_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    captured_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    status: Mapped[str] = mapped_column(default="created")
    next_action_type: Mapped[str | None]
    next_action_text: Mapped[str | None]
    failure_code: Mapped[str | None]
    failure_detail: Mapped[str | None]
    capture_before: Mapped[datetime | None] = mapped_column(UTCDateTime)
    is_expiring: Mapped[bool] = mapped_column(default=False)
    dispute_amount_amount: Mapped[int | None] = mapped_column(BigInteger)
    dispute_reason: Mapped[str | None]
    dispute_due_by: Mapped[datetime | None] = mapped_column(UTCDateTime)
    operation: Mapped[str | None]
    operation_id: Mapped[str | None] = mapped_column(Id)
    operation_amount: Mapped[int | None] = mapped_column(BigInteger)
    operation_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    operation_claim_id: Mapped[str | None] = mapped_column(Id)
    create_claim_id: Mapped[str | None] = mapped_column(Id)
    checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    client_hash: Mapped[str | None]
    declines: Mapped[int] = mapped_column(default=0)


@uncached
class RefundRow(Versioned):
    """Money of a payment that is paid back. Its amount is part of `payment.refunded_amount`.

    Unless it has failed: then the amount was given back to the payment.

    actor: who made it: `customer`, `staff`, `system`, or `provider` (at the provider's own pages).
    return_id: the return that it pays back. No foreign key: the area of orders owns it.
    called_at: when the provider was asked first. claim_id: as in PaymentRow.
    """

    __tablename__, __number__ = "refund", 51
    __table_args__ = (
        CheckConstraint(
            "status IN ('created', 'pending', 'succeeded', 'failed', 'unknown')", name="refund_status_check"
        ),
        CheckConstraint("actor IN ('customer', 'staff', 'system', 'provider')", name="refund_actor_check"),
        CheckConstraint("amount_amount > 0", name="refund_amount_check"),
        CheckConstraint("shipping_amount BETWEEN 0 AND amount_amount", name="refund_shipping_check"),
        UniqueConstraint("payment_id", "reference", name="refund_reference_key"),
        Index("refund_payment", "payment_id", "created_at", "id"),
        Index("refund_order", "order_id", "created_at", "id"),
        Index("refund_status", "status", "created_at", "id"),
        Index("refund_created", "created_at", "id"),
        Index("refund_wanted", "created_at", "id", **_partial(WANTED)),
        Index("refund_claim", "claim_id"),
    )
    payment_id: Mapped[str] = mapped_column(Id, ForeignKey("payment.id", ondelete="RESTRICT"))
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="RESTRICT"))
    return_id: Mapped[str | None] = mapped_column(Id)
    currency: Mapped[str]
    amount_amount: Mapped[int] = mapped_column(BigInteger)
    shipping_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    tax_lines: Mapped[list[Any]] = mapped_column(Json)
    reason: Mapped[str | None]
    actor: Mapped[str]
    status: Mapped[str] = mapped_column(default="created")
    reference: Mapped[str | None]
    failure_code: Mapped[str | None]
    failure_detail: Mapped[str | None]
    called_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    claim_id: Mapped[str | None] = mapped_column(Id)


@uncached
class RefundLineRow(Table):
    """Units of an order line that a refund pays back. They never change.

    amount, tax: what the units are worth, with tax, and the tax in it. The refund may be smaller.
    """

    __tablename__, __number__ = "refund_line", 52
    __table_args__ = (
        UniqueConstraint("refund_id", "order_line_id", name="refund_line_order_line_key"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="refund_line_quantity_check"),
        CheckConstraint("amount_amount >= 0", name="refund_line_amount_check"),
        CheckConstraint("tax_amount BETWEEN 0 AND amount_amount", name="refund_line_tax_check"),
        Index("refund_line_refund", "refund_id", "position", "id"),
        Index("refund_line_order_line", "order_line_id"),
    )
    refund_id: Mapped[str] = mapped_column(Id, ForeignKey("refund.id", ondelete="CASCADE"))
    order_line_id: Mapped[str] = mapped_column(Id, ForeignKey("order_line.id", ondelete="CASCADE"))
    position: Mapped[int]
    quantity: Mapped[int]
    currency: Mapped[str]
    amount_amount: Mapped[int] = mapped_column(BigInteger)
    tax_amount: Mapped[int] = mapped_column(BigInteger)


@uncached
class PaymentEventRow(Table):
    """A webhook of a provider that was applied.

    data: object, status, amounts, brand, last4 and failure code; never a name or a whole number.
    """

    __tablename__, __number__ = "payment_event", 53
    __table_args__ = (
        UniqueConstraint("provider", "event_id", name="payment_event_event_id_key"),
        Index("payment_event_payment", "payment_id", "created_at", "id"),
        Index("payment_event_created", "created_at", "id"),
    )
    provider: Mapped[str]
    event_id: Mapped[str]
    type: Mapped[str]
    payment_id: Mapped[str | None] = mapped_column(Id, ForeignKey("payment.id", ondelete="CASCADE"))
    happened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    data: Mapped[dict[str, Any]] = mapped_column(Json)
