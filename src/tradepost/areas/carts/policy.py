"""Access to carts.

A guest's cart is open to whoever sends its token. A user's cart is open to the user, with a
credential that has `account:read` or `account:write`, and to staff.
"""

from sqlalchemy import ColumnElement, and_, false, or_, true

from tradepost.kit.auth.access import ANYONE, Viewer, is_parent_visible, permission
from tradepost.kit.db.current_time import CurrentTime

from .models import CartLineRow, CartRow

IS_OPEN = and_(CartRow.status == "open", CartRow.expires_at > CurrentTime())
"""An overdue cart is not open, even before the worker sets its status."""
READ_OWN, WRITE_OWN = "account:read", "account:write"
READ_ALL, WRITE_ALL = "orders:read", "orders:write"

anyone = ANYONE
claim = permission(WRITE_OWN)


def carts(viewer: Viewer) -> ColumnElement[bool]:
    """The cart whose token was sent, and those of the caller; with `orders:read`, all carts."""
    return true() if viewer.has_permission(READ_ALL) else _own_carts(viewer, READ_OWN)


def lines(viewer: Viewer) -> ColumnElement[bool]:
    """The lines of visible carts."""
    return is_parent_visible(CartRow.id, CartLineRow.cart_id, carts(viewer))


def open_carts(viewer: Viewer) -> ColumnElement[bool]:
    """The open carts that the caller may change: its own; with `orders:write`, all."""
    return and_(IS_OPEN, writable_carts(viewer))


def writable_carts(viewer: Viewer) -> ColumnElement[bool]:
    """The carts that the caller may change while they are open."""
    return true() if viewer.has_permission(WRITE_ALL) else _own_carts(viewer, WRITE_OWN)


def claimable_carts(viewer: Viewer) -> ColumnElement[bool]:
    """The open guest's cart whose token was sent."""
    if not viewer.is_authenticated or not viewer.has_permission(WRITE_OWN):
        return false()
    return and_(IS_OPEN, CartRow.customer_id.is_(None), CartRow.id == viewer.cart)


def _own_carts(viewer: Viewer, permission: str) -> ColumnElement[bool]:
    """The cart whose token was sent, and with a permission those of the caller."""
    by_token = CartRow.id == viewer.cart
    if not viewer.is_authenticated or not viewer.has_permission(permission):
        return by_token
    return or_(by_token, CartRow.customer_id == viewer.id)
