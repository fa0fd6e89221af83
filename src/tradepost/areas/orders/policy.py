"""Access to orders.

Customers see, cancel and return their own orders. A guest's cart token opens the order placed from
the cart likewise; the signed link of an e-mail opens one order for reading and for withdrawal.
Staff see and manage all.
"""

from sqlalchemy import ColumnElement, and_, false, or_, true

from tradepost.kit.auth.access import ANYONE, Viewer, is_parent_visible, permission
from tradepost.kit.db.current_time import DaysAgo

from .models import (
    FulfilmentLineRow,
    FulfilmentRow,
    OrderEventRow,
    OrderLineRow,
    OrderRow,
    ReturnLineRow,
    ReturnRow,
)

READ, WRITE, RECORD_PAYMENTS, WRITE_STOCK = "orders:read", "orders:write", "payments:write", "stock:write"
NOTE = "note"
"""The type of the timeline's entries that only staff read."""
RETURN_DAYS = "return_days"
"""The setting of the days after the delivery in which customers return units."""
WITHDRAWAL_DAYS = 14
"""The same for a withdrawal: Directive 2011/83/EU, article 9."""
IS_COVERED = OrderRow.grand_total_amount <= (
    OrderRow.cancelled_total_amount + OrderRow.captured_amount + OrderRow.authorized_amount
)
"""Nothing is left to pay: `open_amount` of `service/statuses.py` is 0."""

anyone = ANYONE
read_own_account, write_own_account = permission("account:read"), permission("account:write")
read_all, manage, record_payments = permission(READ), permission(WRITE), permission(RECORD_PAYMENTS)
write_stock = permission(WRITE_STOCK)


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


def returns(viewer: Viewer) -> ColumnElement[bool]:
    """The returns of visible orders."""
    return is_parent_visible(OrderRow.id, ReturnRow.order_id, orders(viewer))


def return_lines(viewer: Viewer) -> ColumnElement[bool]:
    """The lines of visible returns."""
    return is_parent_visible(ReturnRow.id, ReturnLineRow.return_id, returns(viewer))


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


def returnable_orders(viewer: Viewer) -> ColumnElement[bool]:
    """Writable orders of which units have shipped, until RETURN_DAYS after the delivery."""
    has_shipped = OrderRow.fulfilment_status.not_in(("unfulfilled", "returned"))
    is_in_time = _is_in_time(viewer, viewer.settings.get(RETURN_DAYS, 0))
    return and_(writable_orders(viewer), OrderRow.status.in_(("confirmed", "completed")), has_shipped, is_in_time)


def withdrawable_orders(viewer: Viewer) -> ColumnElement[bool]:
    """Writable orders and that of the link, from placement until 14 days after the delivery.

    The period ends with its last day (Regulation 1182/71, article 3), hence a day is added.
    """
    is_open = OrderRow.status.in_(("pending", "confirmed", "completed"))
    is_kept = OrderRow.fulfilment_status != "returned"
    return and_(orders_to_withdraw(viewer), is_open, is_kept, _is_in_time(viewer, WITHDRAWAL_DAYS + 1))


def orders_to_withdraw(viewer: Viewer) -> ColumnElement[bool]:
    """Writable orders and that of the link, whatever their status is."""
    return or_(writable_orders(viewer), OrderRow.id == viewer.order)


def orders_to_return(viewer: Viewer) -> ColumnElement[bool]:
    """Orders that can be returned or withdrawn."""
    return or_(returnable_orders(viewer), withdrawable_orders(viewer))


def writable_returns(viewer: Viewer) -> ColumnElement[bool]:
    """The returns of writable orders."""
    return is_parent_visible(OrderRow.id, ReturnRow.order_id, writable_orders(viewer))


def _is_in_time(viewer: Viewer, days: int) -> ColumnElement[bool]:
    """Not delivered yet, or at most some days ago. Callers with `orders:write` have no limit."""
    if viewer.has_permission(WRITE):
        return true()
    return or_(OrderRow.status != "completed", OrderRow.delivered_at > DaysAgo(days))


def staff_orders(viewer: Viewer) -> ColumnElement[bool]:
    """All orders and fulfilments with `orders:write`, else none."""
    return true() if viewer.has_permission(WRITE) else false()


def _owned(viewer: Viewer, account_permission: str) -> ColumnElement[bool]:
    """The orders of the user, with a credential that has the permission, and that of the cart."""
    rules = [OrderRow.cart_id == viewer.cart]
    if viewer.is_authenticated and viewer.has_permission(account_permission):
        rules.append(OrderRow.customer_id == viewer.id)
    return or_(*rules)
