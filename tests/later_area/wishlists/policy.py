"""Access to wishlists: everyone sees all of them, and changes the open ones."""

from sqlalchemy import ColumnElement, exists, true

from tradepost.areas.catalog.models import VariantRow
from tradepost.kit.auth.access import ANYONE, Viewer, permission

from .models import WishlistRow, WishRow

browse = edit = ANYONE
reopen = permission("stock:write")


def everyone(viewer: Viewer) -> ColumnElement[bool]:
    """All rows."""
    return true()


def open_wishlists(viewer: Viewer) -> ColumnElement[bool]:
    """Wishlists that are open."""
    return WishlistRow.status == "open"


def wished_variants(viewer: Viewer) -> ColumnElement[bool]:
    """Variants that are on a wishlist."""
    return exists().where(WishRow.variant_id == VariantRow.id)
