"""Access to wishlists: everyone sees all of them, and changes the open ones."""

from sqlalchemy import ColumnElement, true

from tradepost.kit.auth.access import ANYONE, Viewer

from .models import WishlistRow

browse = edit = ANYONE


def everyone(viewer: Viewer) -> ColumnElement[bool]:
    """All rows."""
    return true()


def open_wishlists(viewer: Viewer) -> ColumnElement[bool]:
    """Wishlists that are open."""
    return WishlistRow.status == "open"
