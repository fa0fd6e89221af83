"""Who may see and change the catalogue."""

from sqlalchemy import ColumnElement, exists, false, true

from tradepost.kit.auth.access import ANYONE, Viewer, permission

from .models import MediaRow, ProductRow, ProductTagRow, TagRow, VariantRow

browse = ANYONE
edit = permission("catalog:write")
read_stock = permission("stock:read")


def everyone(viewer: Viewer) -> ColumnElement[bool]:
    """Categories are public."""
    return true()


def editors(viewer: Viewer) -> ColumnElement[bool]:
    """What those who edit the catalogue may always do."""
    return true() if viewer.has_permission("catalog:write") else false()


def products(viewer: Viewer) -> ColumnElement[bool]:
    """Active products for everyone, drafts and archived ones for those who edit the catalogue."""
    return true() if viewer.has_permission("catalog:write") else ProductRow.status == "active"


def variants(viewer: Viewer) -> ColumnElement[bool]:
    """A variant is visible where its product is. EXISTS, because SQLite makes a list of all visible products of an IN."""
    return (
        true()
        if viewer.has_permission("catalog:write")
        else exists().where(ProductRow.id == VariantRow.product_id, products(viewer))
    )


def media(viewer: Viewer) -> ColumnElement[bool]:
    """A picture is visible where its product is."""
    return (
        true()
        if viewer.has_permission("catalog:write")
        else exists().where(ProductRow.id == MediaRow.product_id, products(viewer))
    )


def tags(viewer: Viewer) -> ColumnElement[bool]:
    """A tag is visible where a product that has it is: a draft's words tell nothing."""
    held = exists().where(ProductTagRow.tag_id == TagRow.id)
    return (
        held
        if viewer.has_permission("catalog:write")
        else held.where(ProductTagRow.product_id == ProductRow.id, products(viewer))
    )
