"""Resources of carts: visible rows, filters and live members of lines."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Text, and_, bindparam, case, func, not_, select

from tradepost.areas.accounts.resource import users
from tradepost.areas.catalog.resource import media, products, variants
from tradepost.areas.catalog.schemas import MAX_PRICE
from tradepost.areas.inventory.resource import availability as variant_availability
from tradepost.areas.pricing.resource import shipping_methods
from tradepost.kit.auth.access import Viewer
from tradepost.kit.query.engine import ONE_TIME_SECRET
from tradepost.kit.resource.filters import Filter, Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource, Result

from . import policy
from .models import CartLineRow, CartRow
from .schemas import Cart, CartLine, CartQuote, CartStatus, LineAvailability

PUBLIC = Viewer(frozenset(), is_authenticated=False)
"""A caller without any permission. What it does not see is not sold, not to staff either."""
VARIANT, PRODUCT, IMAGE = variants.table, products.table.alias("line_product"), media.table.alias("line_image")
# The total of a dearer variant could exceed 2^53.
IS_SOLD = and_(variants.visible(PUBLIC), VARIANT.c.price_amount <= MAX_PRICE)


def image_of(product_id: Any) -> Any:
    """Return the address of the first image of a product, as SQL."""
    return (
        select(IMAGE.c.source_url)
        .where(IMAGE.c.product_id == product_id, IMAGE.c.source_url.is_not(None))
        .order_by(IMAGE.c.position, IMAGE.c.id)
        .limit(1)
        .scalar_subquery()
    )


def _live(column: Any) -> Any:
    """Return the value that a line's variant has now, as SQL; null if it is not sold."""
    query = select(column).join_from(VARIANT, PRODUCT, PRODUCT.c.id == VARIANT.c.product_id)
    return query.where(VARIANT.c.id == CartLineRow.variant_id, IS_SOLD).scalar_subquery()


def availability(viewer: Viewer) -> Any:
    """Return the availability of a line's variant, as SQL."""
    return func.coalesce(_live(variant_availability(viewer)), LineAvailability.NOT_AVAILABLE.value)


STATUS = case((and_(CartRow.status == "open", not_(policy.IS_OPEN)), "expired"), else_=CartRow.status)


def _has_status(bind: Callable[..., BindParameter[Any]]) -> ColumnElement[bool]:
    """Compare the column too, because it has an index. That of an overdue cart is still `open`."""
    status = bind(Text)
    return and_(CartRow.status.in_([status, case((status == "expired", "open"), else_=status)]), status == STATUS)


carts = Resource(
    Cart,
    CartRow,
    visible=policy.carts,
    personal=True,
    secret_members={"token"},
    bearer_identity="cart_id",
    filters={
        "status": Filter(type=CartStatus, where=_has_status),
        "customer_id": equality_filter(CartRow.customer_id, UUID, doc="The carts of this user."),
        **range_filters("created_at", CartRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=CartRow.created_at)},
    # Not a column: the call that creates the cart binds its token, every other call binds null.
    expressions={
        "token": bindparam(ONE_TIME_SECRET, None, type_=Text),
        "status": STATUS,
    },
    actions={
        "cart_update": policy.open_carts,
        "cart_line_set": policy.open_carts,
        "cart_line_remove": policy.open_carts,
        "cart_claim": policy.claimable_carts,
    },
)

cart_lines = Resource(
    CartLine,
    CartLineRow,
    visible=policy.lines,
    personal=True,
    order=("created_at",),
    sorts={"created_at": Sort(expression=CartLineRow.created_at)},
    expressions={
        "unit_price_amount": _live(VARIANT.c.price_amount),
        "unit_price_currency": CartLineRow.added_price_currency,
        "total_amount": CartLineRow.quantity * _live(VARIANT.c.price_amount),
        "total_currency": CartLineRow.added_price_currency,
        "product_name": func.coalesce(_live(PRODUCT.c.name), CartLineRow.product_name),
        "variant_name": func.coalesce(_live(VARIANT.c.name), CartLineRow.variant_name),
        "sku": func.coalesce(_live(VARIANT.c.sku), CartLineRow.sku),
        "image_url": func.coalesce(_live(image_of(PRODUCT.c.id)), CartLineRow.image_url),
        "availability": availability,
    },
)

cart_quotes = Result(CartQuote, personal=True)

carts.has_one("customer", users, join=CartRow.customer_id, doc="The user that it belongs to; null: a guest.")
carts.has_one("shipping_method", shipping_methods, join=CartRow.shipping_method_id, settable=True)
carts.has_many("lines", cart_lines, join=CartLineRow.cart_id, default=True)
cart_lines.has_one("variant", variants, join=CartLineRow.variant_id, doc="Null if you may not see it any more.")
