"""The stock of variants that can be sold, for carts and orders."""

from collections.abc import Collection
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Select, and_, case, cast, func, select

from tradepost.kit.query.relation_query import id_in
from tradepost.kit.writes.call_context import CallContext

from ..models import StockLevelRow, StockLocationRow
from ..resource import CAN_BACKORDER, LOW_STOCK
from ..schemas import Availability
from .levels import VARIANT, availability_of


class VariantStock(msgspec.Struct, frozen=True):
    """What can be sold of a variant.

    available: the units that can be reserved without a backorder; None if the inventory is not
        tracked.
    backorder: whether more units than those can be ordered.
    """

    available: int | None
    backorder: bool
    availability: Availability


async def stock_of(context: CallContext, variant_ids: Collection[str]) -> dict[str, VariantStock]:
    """Return the stock of variants that exist, by id, by one statement."""
    if not variant_ids:
        return {}
    reader, default = context.reader, context.database.reads.rule_settings.get(LOW_STOCK, 0)
    ids = reader.ids_argument(sorted(set(variant_ids)))
    rows = await context.fetch_all(_query(reader.dialect.name), {"parents": ids})
    stock = dict[str, VariantStock]()
    for id, is_tracked, backorder, low_stock, free, available in rows:
        low = default if low_stock is None else low_stock
        state = availability_of(available if is_tracked else None, low, bool(backorder))
        stock[str(id)] = VariantStock(free if is_tracked else None, bool(backorder), state)
    return stock


@cache
def _query(dialect: str) -> Select[*tuple[Any, ...]]:
    """Return the query: what is left at active locations, and the sum of it and of backorders."""
    left = StockLevelRow.on_hand - StockLevelRow.reserved
    at_active = (
        select(StockLevelRow.variant_id, left.label("left"))
        .join(StockLocationRow, and_(StockLocationRow.id == StockLevelRow.location_id, StockLocationRow.active))
        .subquery("level")
    )
    free = func.sum(case((at_active.c.left > 0, at_active.c.left), else_=0))
    columns = (VARIANT.id, VARIANT.track_inventory, CAN_BACKORDER, VARIANT.low_stock_threshold)
    sums = [cast(func.coalesce(total, 0), BigInteger) for total in (free, func.sum(at_active.c.left))]
    variants: Any = VARIANT.id.table
    return (
        select(*columns, *sums)
        .select_from(variants.outerjoin(at_active, at_active.c.variant_id == VARIANT.id))
        .where(id_in(VARIANT.id, dialect))
        .group_by(VARIANT.id)
    )
