"""Access to inventory: exact stock needs `stock:read`, changes of it `stock:write`."""

from sqlalchemy import ColumnElement, false, true

from tradepost.kit.auth.access import Viewer, permission

READ, WRITE = "stock:read", "stock:write"

read = permission(READ)
write = permission(WRITE)


def readers(viewer: Viewer) -> ColumnElement[bool]:
    """All rows for callers who may read stock, no rows for others."""
    return true() if viewer.has_permission(READ) else false()


def writers(viewer: Viewer) -> ColumnElement[bool]:
    """All rows for callers who may change stock, no rows for others."""
    return true() if viewer.has_permission(WRITE) else false()
