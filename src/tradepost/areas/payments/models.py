"""Tables of payments. Amounts are minor units of the payment's currency."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.db.base import Versioned, uncached
from tradepost.kit.db.column_types import Id

UNSETTLED = "status IN ('created', 'requires_action', 'processing', 'unknown')"
MAX_PAYMENTS = 100
"""Payments of one order."""


@uncached
class PaymentRow(Versioned):
    """A payment of an order. An order has at most one that is neither settled nor authorized.

    next_action_*, failure_*: what the customer is asked to do, and why the last attempt failed.
    """

    __tablename__, __number__ = "payment", 50
    __table_args__ = (
        CheckConstraint(
            "status IN ('created', 'requires_action', 'processing', 'authorized', 'captured', 'partially_refunded', "
            "'refunded', 'failed', 'voided', 'unknown')",
            name="payment_status_check",
        ),
        CheckConstraint("amount_amount > 0", name="payment_amount_check"),
        CheckConstraint("captured_amount >= 0", name="payment_captured_check"),
        CheckConstraint("refunded_amount BETWEEN 0 AND captured_amount", name="payment_refunded_check"),
        Index(
            "payment_unsettled", "order_id", unique=True, sqlite_where=text(UNSETTLED), postgresql_where=text(UNSETTLED)
        ),
        Index("payment_order", "order_id", "created_at", "id"),
        Index("payment_status", "status", "created_at", "id"),
        Index("payment_created", "created_at", "id"),
    )
    order_id: Mapped[str] = mapped_column(Id, ForeignKey("order.id", ondelete="RESTRICT"))
    provider: Mapped[str]
    method: Mapped[str | None]
    currency: Mapped[str]
    amount_amount: Mapped[int] = mapped_column(BigInteger)
    captured_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    status: Mapped[str] = mapped_column(default="created")
    next_action_type: Mapped[str | None]
    next_action_text: Mapped[str | None]
    failure_code: Mapped[str | None]
    failure_detail: Mapped[str | None]
