"""Access to payments and refunds: who sees an order sees them; staff capture and refund."""

from sqlalchemy import ColumnElement, and_, false, or_, true

from tradepost.areas.orders.resource import orders, writable_orders
from tradepost.kit.auth.access import ANYONE, Viewer, is_parent_visible, permission

from .models import PaymentRow, RefundLineRow, RefundRow

WRITE, MANUAL = "payments:write", "manual"
REFUNDABLE = ("captured", "partially_refunded")

anyone = ANYONE
manage = permission(WRITE)


def payments(viewer: Viewer) -> ColumnElement[bool]:
    """The payments of visible orders."""
    return is_parent_visible(orders.table.c.id, PaymentRow.order_id, orders.visible(viewer))


def capturable_payments(viewer: Viewer) -> ColumnElement[bool]:
    """With `payments:write`, authorized payments, and `manual` ones that may still be received."""
    row = PaymentRow
    is_due = or_(row.provider == MANUAL, and_(row.status == "authorized", row.operation.is_(None)))
    return is_due if viewer.has_permission(WRITE) else false()


def voidable_payments(viewer: Viewer) -> ColumnElement[bool]:
    """With `payments:write`, payments without a call whose result is not known yet."""
    return PaymentRow.operation.is_(None) if viewer.has_permission(WRITE) else false()


def completable_payments(viewer: Viewer) -> ColumnElement[bool]:
    """Payments at providers, of orders that the caller may write.

    In any status: often the provider's webhook comes before the customer does.
    """
    row = PaymentRow
    may_write = true() if viewer.has_permission(WRITE) else writable_orders(viewer)
    return and_(
        row.provider != MANUAL,
        is_parent_visible(orders.table.c.id, row.order_id, may_write),
    )


def staff_payments(viewer: Viewer) -> ColumnElement[bool]:
    """All payments with `payments:write`, else none."""
    return true() if viewer.has_permission(WRITE) else false()


def refundable_payments(viewer: Viewer) -> ColumnElement[bool]:
    """Payments with captured money left and without a dispute, with `payments:write`; else none."""
    return and_(staff_payments(viewer), PaymentRow.status.in_(REFUNDABLE), PaymentRow.dispute_amount_amount.is_(None))


def refunds(viewer: Viewer) -> ColumnElement[bool]:
    """The refunds of visible orders."""
    return is_parent_visible(orders.table.c.id, RefundRow.order_id, orders.visible(viewer))


def refund_lines(viewer: Viewer) -> ColumnElement[bool]:
    """The lines of visible refunds."""
    return is_parent_visible(RefundRow.id, RefundLineRow.refund_id, refunds(viewer))


def completable_refunds(viewer: Viewer) -> ColumnElement[bool]:
    """Refunds of payments with the provider `manual`, with `payments:write`; else none."""
    return and_(
        staff_payments(viewer),
        is_parent_visible(PaymentRow.id, RefundRow.payment_id, PaymentRow.provider == MANUAL),
    )
