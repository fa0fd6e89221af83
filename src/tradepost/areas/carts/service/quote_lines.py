"""The lines of a cart as quotes read them: with the variant as it is sold now."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import and_, bindparam, select

from tradepost.areas.pricing.service import GoodsLine
from tradepost.kit.db.column_types import Id, decode_json
from tradepost.kit.writes.call_context import CallContext

from ..models import CartLineRow, CartRow
from ..resource import IS_SOLD, PRODUCT, VARIANT
from .capped_lines import CappedLine
from .sold_variants import SOLD_COLUMNS, SoldVariant, sold_variant

# One row at least, because an empty cart may have lines that did not fit.
LINES = (
    select(
        CartRow.capped,
        CartLineRow.variant_id,
        CartLineRow.quantity,
        CartLineRow.added_price_amount,
        CartLineRow.sku,
        *SOLD_COLUMNS,
    )
    .select_from(CartRow)
    .outerjoin(CartLineRow, CartLineRow.cart_id == CartRow.id)
    .outerjoin(VARIANT, and_(VARIANT.c.id == CartLineRow.variant_id, IS_SOLD))
    .outerjoin(PRODUCT, PRODUCT.c.id == VARIANT.c.product_id)
    .where(CartRow.id == bindparam("cart", None, type_=Id))
    .order_by(CartLineRow.created_at, CartLineRow.id)
)


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
    _, variant_id, quantity, added_price, sku, *variant = row
    is_sold = variant[0] is not None
    return QuotedLine(str(variant_id), quantity, added_price, sku, sold_variant(variant) if is_sold else None)
