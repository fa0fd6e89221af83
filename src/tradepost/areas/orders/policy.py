"""Access to orders.

Customers see and cancel their own orders. A guest's cart token opens the order placed from the
cart likewise; the signed link of an e-mail opens one order for reading. Staff see and manage all.
"""

from sqlalchemy import ColumnElement, and_, false, or_, true

from tradepost.kit.auth.access import ANYONE, Viewer, is_parent_visible, permission

from .models import FulfilmentLineRow, FulfilmentRow, OrderEventRow, OrderLineRow, OrderRow

READ, WRITE, RECORD_PAYMENTS = "orders:read", "orders:write", "payments:write"
NOTE = "note"
"""The type of the timeline's entries that only staff read."""
IS_COVERED = OrderRow.grand_total_amount <= (
    OrderRow.cancelled_total_amount + OrderRow.captured_amount + OrderRow.authorized_amount
)
"""Nothing is left to pay: `open_amount` of `service/statuses.py` is 0."""

anyone = ANYONE
read_own_account, write_own_account = permission("account:read"), permission("account:write")
read_all, manage, record_payments = permission(READ), permission(WRITE), permission(RECORD_PAYMENTS)


def orders(viewer: Viewer) -> ColumnElement[bool]:
    """The caller's own orders, that of the cart or the link; with `orders:read`, all orders."""
    if viewer.has_permission(READ):
        return true()
    return or_(_owned(viewer, "account:read"), OrderRow.id == viewer.order)


def order_lines(viewer: Viewer) -> ColumnElement[bool]:
    """The lines of visible orders."""
    return is_parent_visible(OrderRow.id, OrderLineRow.order_id, orders(viewer))


def order_events(viewer: Viewer) -> ColumnElement[bool]:
    """The timelines of visible orders; notes only with `orders:read`."""
    if viewer.has_permission(READ):
        return true()
    return and_(OrderEventRow.type != NOTE, is_parent_visible(OrderRow.id, OrderEventRow.order_id, orders(viewer)))


def fulfilments(viewer: Viewer) -> ColumnElement[bool]:
    """The fulfilments of visible orders."""
    return is_parent_visible(OrderRow.id, FulfilmentRow.order_id, orders(viewer))


def fulfilment_lines(viewer: Viewer) -> ColumnElement[bool]:
    """The lines of visible fulfilments."""
    return is_parent_visible(FulfilmentRow.id, FulfilmentLineRow.fulfilment_id, fulfilments(viewer))


def writable_orders(viewer: Viewer) -> ColumnElement[bool]:
    """The caller's own orders and that of the cart; with `orders:write`, all orders."""
    return true() if viewer.has_permission(WRITE) else _owned(viewer, "account:write")


def cancellable_orders(viewer: Viewer) -> ColumnElement[bool]:
    """Writable orders with units that have not shipped.

    Customers cancel only while nothing has shipped.
    """
    status = OrderRow.fulfilment_status
    is_open = status.not_in(("fulfilled", "returned")) if viewer.has_permission(WRITE) else status == "unfulfilled"
    return and_(writable_orders(viewer), is_open)


def payable_orders(viewer: Viewer) -> ColumnElement[bool]:
    """Writable orders with something left to pay; with `payments:write`, all such orders."""
    rules = [OrderRow.status.in_(("pending", "confirmed", "completed")), ~IS_COVERED]
    if not viewer.has_permission(RECORD_PAYMENTS):
        rules.append(writable_orders(viewer))
    return and_(*rules)


def fulfillable_orders(viewer: Viewer) -> ColumnElement[bool]:
    """The confirmed orders with `orders:write`, else none."""
    return and_(staff_orders(viewer), OrderRow.status == "confirmed")


def shippable_fulfilments(viewer: Viewer) -> ColumnElement[bool]:
    """Fulfilments whose order is covered by payments; with `payments:write` too, all of them."""
    if viewer.has_permission(RECORD_PAYMENTS):
        return staff_orders(viewer)
    return and_(staff_orders(viewer), is_parent_visible(OrderRow.id, FulfilmentRow.order_id, IS_COVERED))


def staff_orders(viewer: Viewer) -> ColumnElement[bool]:
    """All orders and fulfilments with `orders:write`, else none."""
    return true() if viewer.has_permission(WRITE) else false()


def _owned(viewer: Viewer, account_permission: str) -> ColumnElement[bool]:
    """The orders of the user, with a credential that has the permission, and that of the cart."""
    rules = [OrderRow.cart_id == viewer.cart]
    if viewer.is_authenticated and viewer.has_permission(account_permission):
        rules.append(OrderRow.customer_id == viewer.id)
    return or_(*rules)
