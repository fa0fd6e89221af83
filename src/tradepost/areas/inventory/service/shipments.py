"""Ships the reserved units of orders.

Order lines without a reservation, whose inventory was not tracked, ship without a movement. All
functions run in the transaction of the order, whose row is locked before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement

from tradepost.kit.db.errors import LostRace
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from ..schemas import StockMovementKind
from .ledger import Change, post
from .levels import LockedStock, lock_stock
from .reservations import out_of_stock
from .reserved_units import RESERVATION, Part, level_at, load_reserved_units


async def ship(context: CallContext, order_id: str, units: Mapping[str, int], place: str, reference: str) -> None:
    """Ship packed units of order lines, or raise OutOfStock with every variant that lacks goods."""
    reserved = await load_reserved_units(context, [order_id], units)
    parts = [(row, units[row.order_line_id]) for row in reserved if row.location_id == place]
    if {row.order_line_id for row, quantity in parts if row.units >= quantity} != {r.order_line_id for r in reserved}:
        raise LostRace  # what is packed is reserved at its location
    if parts:
        stock = await lock_stock(context, {row.variant_id for row, _ in parts})
        missing = [
            (stock.variants[row.variant_id], quantity, level.on_hand)
            for row, quantity in parts
            if (level := level_at(stock, row.variant_id, place)).on_hand < quantity
        ]
        if missing:
            raise out_of_stock(context, missing)
        await _post(context, stock, parts, reference)


async def ship_available(
    context: CallContext, order_id: str, units: Mapping[str, int], reference: str
) -> dict[str, int]:
    """Ship units of order lines from where they are reserved. Return those that were shipped.

    Lines at a level with backorders are left out: its goods may be reserved for other orders.
    """
    of_order = await load_reserved_units(context, [order_id])
    reserved = [row for row in of_order if row.order_line_id in units]
    if not reserved:
        return dict(units)
    # All variants of the order, because a cancellation releases units of others after this.
    stock = await lock_stock(context, {row.variant_id for row in of_order})
    backordered = {
        row.order_line_id for row in reserved if level_at(stock, row.variant_id, row.location_id).available < 0
    }
    parts = [(row, row.units) for row in reserved if row.order_line_id not in backordered]
    if parts:
        await _post(context, stock, parts, reference)
    return {line: quantity for line, quantity in units.items() if line not in backordered}


async def _post(context: CallContext, stock: LockedStock, parts: Sequence[Part], reference: str) -> None:
    """Record units as shipped, in their reservations and in the ledger."""
    additions = [{"id": row.id, "shipped": quantity} for row, quantity in parts]
    if await bulk.add_to_rows(context.session, RESERVATION, additions, context.clock(), _is_reserved) != len(additions):
        raise LostRace
    changes = [
        Change(
            level_at(stock, row.variant_id, row.location_id), StockMovementKind.SHIP, reference, -quantity, -quantity
        )
        for row, quantity in parts
    ]
    await post(context, stock, changes)


def _is_reserved(table: Any, rows: Any) -> ColumnElement[bool]:
    return table.c.shipped + rows.c.shipped <= table.c.quantity
