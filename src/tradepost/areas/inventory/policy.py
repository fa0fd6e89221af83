"""Access to inventory: exact stock needs `stock:read`, changes of it `stock:write`."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, true

from tradepost.areas.catalog.resource import variants
from tradepost.kit.auth.access import Viewer, permission

from .models import StockLevelRow, StockMovementRow

READ, WRITE = "stock:read", "stock:write"

read = permission(READ)
write = permission(WRITE)


def stock_locations(viewer: Viewer) -> ColumnElement[bool]:
    """All rows for callers who may read or change stock, no rows for others."""
    return true() if viewer.has_permission(READ) or viewer.has_permission(WRITE) else false()


def stock_levels(viewer: Viewer) -> ColumnElement[bool]:
    """The levels of visible variants."""
    return _of_visible_variant(StockLevelRow.variant_id, viewer)


def stock_movements(viewer: Viewer) -> ColumnElement[bool]:
    """The movements of visible variants."""
    return _of_visible_variant(StockMovementRow.variant_id, viewer)


def writers(viewer: Viewer) -> ColumnElement[bool]:
    """All rows for callers who may change stock, no rows for others."""
    return true() if viewer.has_permission(WRITE) else false()


def _of_visible_variant(variant_id: Any, viewer: Viewer) -> ColumnElement[bool]:
    visible = variants.visible(viewer)
    if visible is true():  # nothing to look up
        return stock_locations(viewer)
    return and_(stock_locations(viewer), exists().where(variants.table.c.id == variant_id, visible))
