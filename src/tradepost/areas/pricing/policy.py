"""Access to pricing: everyone sees active shipping methods; all else needs `pricing:write`."""

from sqlalchemy import ColumnElement, false, true

from tradepost.kit.auth.access import ANYONE, Viewer, permission

from .models import ShippingMethodRow

EDIT = "pricing:write"

browse = ANYONE
edit = permission(EDIT)


def shipping_methods(viewer: Viewer) -> ColumnElement[bool]:
    """Active shipping methods; for callers who may edit pricing, all of them."""
    return true() if viewer.has_permission(EDIT) else ShippingMethodRow.active.is_(True)


def editors(viewer: Viewer) -> ColumnElement[bool]:
    """All rows for callers who may edit pricing, no rows for others."""
    return true() if viewer.has_permission(EDIT) else false()
