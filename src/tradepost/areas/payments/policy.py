"""Access to payments: who sees an order sees its payments; staff record what was received."""

from sqlalchemy import ColumnElement, false, true

from tradepost.areas.orders.resource import orders
from tradepost.kit.auth.access import ANYONE, Viewer, is_parent_visible, permission

from .models import PaymentRow

WRITE = "payments:write"

anyone = ANYONE
manage = permission(WRITE)


def payments(viewer: Viewer) -> ColumnElement[bool]:
    """The payments of visible orders."""
    return is_parent_visible(orders.table.c.id, PaymentRow.order_id, orders.visible(viewer))


def capturable_payments(viewer: Viewer) -> ColumnElement[bool]:
    """All payments with `payments:write`, else none."""
    return true() if viewer.has_permission(WRITE) else false()
