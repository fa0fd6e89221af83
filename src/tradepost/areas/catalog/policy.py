"""Access to the catalogue: permissions of callers, and the rows that they may see and change."""

from sqlalchemy import ColumnElement, exists, false, true

from tradepost.kit.auth.access import ANYONE, Viewer, is_parent_visible, permission

from .models import MediaRow, ProductRow, ProductTagRow, TagRow, VariantRow

browse = ANYONE
edit = permission("catalog:write")
read_stock = permission("stock:read")


def everyone(viewer: Viewer) -> ColumnElement[bool]:
    """All rows."""
    return true()


def editors(viewer: Viewer) -> ColumnElement[bool]:
    """All rows for callers who may edit the catalogue, no rows for others."""
    return true() if viewer.has_permission("catalog:write") else false()


def products(viewer: Viewer) -> ColumnElement[bool]:
    """Active products; for callers who may edit the catalogue, all products."""
    return true() if viewer.has_permission("catalog:write") else ProductRow.status == "active"


def variants(viewer: Viewer) -> ColumnElement[bool]:
    """Variants of visible products."""
    return is_parent_visible(ProductRow.id, VariantRow.product_id, products(viewer))


def media(viewer: Viewer) -> ColumnElement[bool]:
    """Images of visible products."""
    return is_parent_visible(ProductRow.id, MediaRow.product_id, products(viewer))


def tags(viewer: Viewer) -> ColumnElement[bool]:
    """Tags that a visible product has, so that the tags of drafts do not leak."""
    in_use = exists().where(ProductTagRow.tag_id == TagRow.id)
    return (
        in_use
        if viewer.has_permission("catalog:write")
        else in_use.where(ProductTagRow.product_id == ProductRow.id, products(viewer))
    )
