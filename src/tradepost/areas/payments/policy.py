"""Access to payments: who sees an order sees its payments; staff record what was received."""

from sqlalchemy import ColumnElement, exists, false, true

from tradepost.areas.orders.resource import orders
from tradepost.kit.auth.access import ANYONE, Viewer, permission

from .models import PaymentRow

READ, WRITE = "orders:read", "payments:write"

anyone = ANYONE
manage = permission(WRITE)


def payments(viewer: Viewer) -> ColumnElement[bool]:
    """The payments of visible orders."""
    if viewer.has_permission(READ):
        return true()
    return exists().where(orders.table.c.id == PaymentRow.order_id, orders.visible(viewer))


def capturable_payments(viewer: Viewer) -> ColumnElement[bool]:
    """All payments with `payments:write`, else none."""
    return true() if viewer.has_permission(WRITE) else false()
