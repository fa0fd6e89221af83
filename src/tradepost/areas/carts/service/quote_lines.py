"""The lines of a cart as quotes read them: with the variant as it is sold now."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import and_, bindparam, select

from tradepost.areas.pricing.service import GoodsLine
from tradepost.kit.db.column_types import Id, decode_json
from tradepost.kit.writes.call_context import CallContext

from ..models import CartLineRow, CartRow
from ..resource import IS_SOLD, PRODUCT, VARIANT, image_of
from .capped_lines import CappedLine

# One row at least, because an empty cart may have lines that did not fit.
LINES = (
    select(
        CartRow.capped,
        CartLineRow.variant_id,
        CartLineRow.quantity,
        CartLineRow.added_price_amount,
        CartLineRow.sku,
        VARIANT.c.price_amount,
        VARIANT.c.sku,
        PRODUCT.c.name,
        VARIANT.c.name,
        VARIANT.c.options,
        image_of(PRODUCT.c.id),
        VARIANT.c.tax_class,
        VARIANT.c.weight_grams,
        VARIANT.c.requires_shipping,
    )
    .select_from(CartRow)
    .outerjoin(CartLineRow, CartLineRow.cart_id == CartRow.id)
    .outerjoin(VARIANT, and_(VARIANT.c.id == CartLineRow.variant_id, IS_SOLD))
    .outerjoin(PRODUCT, PRODUCT.c.id == VARIANT.c.product_id)
    .where(CartRow.id == bindparam("cart", None, type_=Id))
    .order_by(CartLineRow.created_at, CartLineRow.id)
)


class SoldVariant(Struct, frozen=True):
    """A variant as it is sold now."""

    price: int
    sku: str
    product_name: str
    name: str
    options: Mapping[str, str]
    image_url: str | None
    tax_class: str
    weight_grams: int
    requires_shipping: bool


class QuotedLine(Struct, frozen=True):
    """A line of a cart. `variant` is None if the variant is not sold any more."""

    variant_id: str
    quantity: int
    added_price: int
    last_sku: str
    variant: SoldVariant | None

    @property
    def sku(self) -> str:
        """The SKU, or the last one that was seen."""
        return self.variant.sku if self.variant is not None else self.last_sku


def goods_line(quantity: int, variant: SoldVariant) -> GoodsLine:
    """Return a line as totals are computed from it."""
    return GoodsLine(variant.price, quantity, variant.tax_class, variant.requires_shipping, variant.weight_grams)


async def read_lines(context: CallContext, cart_id: str) -> tuple[list[QuotedLine], list[CappedLine]]:
    """Return the lines of a cart in order, and those that were reduced when carts were merged."""
    rows = await context.fetch_all(LINES, {"cart": cart_id})
    capped = msgspec.convert(decode_json(rows[0][0]) or [], list[CappedLine]) if rows else []
    return [_line(row) for row in rows if row[1] is not None], capped


def _line(row: Sequence[Any]) -> QuotedLine:
    _, variant_id, quantity, added_price, sku, price, *rest = row
    return QuotedLine(str(variant_id), quantity, added_price, sku, None if price is None else _variant(price, rest))


def _variant(price: int, columns: Sequence[Any]) -> SoldVariant:
    sku, product_name, name, options, image_url, tax_class, weight, requires_shipping = columns
    return SoldVariant(
        price, sku, product_name, name, decode_json(options), image_url, tax_class, weight or 0, bool(requires_shipping)
    )
