"""Variants with their stock levels, as business rules see them: read, created and locked.

Levels are locked in the order of variant and location, so that concurrent writes do not deadlock.
"""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, select

from tradepost.areas.catalog.resource import variants
from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from ..models import StockLevelRow, StockLocationRow
from ..resource import LOW_STOCK
from ..schemas import Availability

VARIANT = variants.table.c
LEVEL, LOCATION = StockLevelRow, StockLocationRow
UNIQUE_COLUMNS = ("variant_id", "location_id")


class Level(msgspec.Struct):
    """A locked stock level, and the priority and state of its location."""

    id: str
    variant_id: str
    location_id: str
    on_hand: int
    reserved: int
    backorder: bool
    priority: int
    is_active: bool

    @property
    def available(self) -> int:
        """The units that are not reserved; negative if some are backordered."""
        return self.on_hand - self.reserved


class StockedVariant(msgspec.Struct):
    """A variant and its locked levels, in order of priority.

    can_backorder: whether more units than there are can be ordered.
    low_stock: the number of available units at or below which its stock is low.
    """

    id: str
    product_id: str
    sku: str
    is_tracked: bool
    can_backorder: bool
    low_stock: int
    levels: list[Level] = []

    @property
    def available(self) -> int:
        """The available units at active locations."""
        return sum([level.available for level in self.levels if level.is_active])

    @property
    def free(self) -> int:
        """The units that can be reserved without a backorder."""
        return sum([max(level.available, 0) for level in self.levels if level.is_active])

    @property
    def availability(self) -> Availability:
        """What everyone sees of the stock."""
        return availability_of(self.available if self.is_tracked else None, self.low_stock, self.can_backorder)

    def level_at(self, location_id: str | None) -> Level | None:
        """Return the level at a location, or None."""
        return next((level for level in self.levels if level.location_id == location_id), None)


class LockedStock(msgspec.Struct):
    """Variants by id, with their locked levels.

    first_location: the active location that is first by priority; None if no location is active.
    """

    variants: dict[str, StockedVariant]
    first_location: str | None


def availability_of(available: int | None, low_stock: int, backorder: bool) -> Availability:
    """Return the availability. `available` is None if the inventory is not tracked."""
    if available is None or available > low_stock:
        return Availability.IN_STOCK
    if available > 0:
        return Availability.LOW
    return Availability.BACKORDER if backorder else Availability.OUT_OF_STOCK


async def lock_stock(
    context: CallContext, variant_ids: Collection[str], pairs: Iterable[tuple[str, str]] = ()
) -> LockedStock:
    """Lock the levels of variants.

    Created first are the levels of `pairs` of variant and location, and those at the first
    location of tracked variants that allow backorders, because backorders go there.

    Raise LostRace if a variant was deleted since the caller read it.
    """
    stock, without_level = await _read_variants(context, variant_ids)
    if len(stock.variants) < len(set(variant_ids)):
        raise LostRace
    missing = set(pairs)
    if stock.first_location is not None:
        missing |= {(id, stock.first_location) for id in without_level}
    if missing:
        await create_levels(context, missing)
    await _lock_levels(context, stock)
    return stock


async def create_levels(context: CallContext, pairs: Collection[tuple[str, str]]) -> None:
    """Create the levels of pairs of variant and location that are missing.

    The variants are locked against changes: a level must not get an `allow_backorder` that a
    concurrent write is changing. Raise LostRace if one of them was deleted.
    """
    session = context.session
    ids = sorted({variant_id for variant_id, _ in pairs})
    query = select(VARIANT.id, VARIANT.allow_backorder).where(context.database.in_values(VARIANT.id, ids))
    locked = await session.execute(query.order_by(VARIANT.id).with_for_update(read=True))
    backorder = {id: allowed for id, allowed in locked}
    if len(backorder) < len(ids):
        raise LostRace
    rows = [
        {
            "id": new_id(LEVEL.__number__),
            "variant_id": variant_id,
            "location_id": location_id,
            "backorder": backorder[variant_id],
        }
        for variant_id, location_id in sorted(pairs)
    ]
    await bulk.insert_rows(session, LEVEL, rows, context.clock(), UNIQUE_COLUMNS)


async def first_location_id(context: CallContext) -> str | None:
    """Return the id of the active location that is first by priority; None if none is active."""
    return await context.session.scalar(_first_location())


def _first_location() -> Select[Any]:
    return select(LOCATION.id).where(LOCATION.active.is_(True)).order_by(LOCATION.priority, LOCATION.id).limit(1)


async def _read_variants(context: CallContext, ids: Collection[str]) -> tuple[LockedStock, list[str]]:
    """Return the variants without levels, and the ids of those that lack one for backorders."""
    first = _first_location().scalar_subquery()
    has_level: ColumnElement[bool] = (
        select(LEVEL.id).where(LEVEL.variant_id == VARIANT.id, LEVEL.location_id == first).exists()
    )
    default = context.database.reads.rule_settings.get(LOW_STOCK, 0)
    query = select(
        VARIANT.id,
        VARIANT.product_id,
        VARIANT.sku,
        VARIANT.track_inventory,
        VARIANT.allow_backorder,
        VARIANT.low_stock_threshold,
        first.label("first"),
        has_level.label("has_level"),
    ).where(context.database.in_values(VARIANT.id, sorted(ids)))
    stock, without_level = LockedStock({}, None), list[str]()
    for row in await context.session.execute(query):
        stock.first_location = row.first
        low_stock = default if row.low_stock_threshold is None else row.low_stock_threshold
        can_backorder = row.allow_backorder and row.first is not None
        stock.variants[row.id] = StockedVariant(
            row.id, row.product_id, row.sku, row.track_inventory, can_backorder, low_stock
        )
        if row.track_inventory and row.allow_backorder and not row.has_level:
            without_level.append(row.id)
    return stock, without_level


async def _lock_levels(context: CallContext, stock: LockedStock) -> None:
    query = (
        select(
            LEVEL.id,
            LEVEL.variant_id,
            LEVEL.location_id,
            LEVEL.on_hand,
            LEVEL.reserved,
            LEVEL.backorder,
            LOCATION.priority,
            LOCATION.active,
        )
        .join(LOCATION, LOCATION.id == LEVEL.location_id)
        .where(context.database.in_values(LEVEL.variant_id, sorted(stock.variants)))
        .order_by(LEVEL.variant_id, LEVEL.location_id)
        .with_for_update(of=LEVEL)
    )
    for row in await context.session.execute(query):
        level = Level(*row)
        stock.variants[level.variant_id].levels.append(level)
    for variant in stock.variants.values():
        variant.levels.sort(key=lambda level: (level.priority, level.location_id))
