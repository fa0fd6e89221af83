"""Takes the shipped units of orders back into the stock.

Order lines without a reservation, whose inventory was not tracked, come back without a movement.
All functions run in the transaction of the order, whose row is locked before.
"""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import select

from tradepost.kit.problems import Fault
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from ..models import StockLocationRow
from ..resource import stock_locations
from ..schemas import StockMovementKind
from .checks import check_on_hand
from .ledger import Change, post
from .levels import lock_stock
from .reserved_units import RESERVATION, level_at


class ReturnedUnits(msgspec.Struct, frozen=True):
    """Units of an order line that come back to a location."""

    order_line_id: str
    location_id: str
    quantity: int


class ShippedLine(msgspec.Struct, frozen=True):
    """An order line that has left the stock: its variant, and a location that it shipped from."""

    variant_id: str
    location_id: str


async def load_shipped_lines(context: CallContext, order_id: str) -> dict[str, ShippedLine]:
    """Return the lines of an order whose units have left the stock, by id."""
    query = (
        select(RESERVATION.order_line_id, RESERVATION.variant_id, RESERVATION.location_id)
        .where(RESERVATION.order_id == order_id, RESERVATION.shipped > 0)
        .order_by(RESERVATION.shipped, RESERVATION.id)
    )
    rows = await context.session.execute(query)
    return {line_id: ShippedLine(variant_id, location_id) for line_id, variant_id, location_id in rows}


async def check_locations(context: CallContext, requested: Mapping[str, str]) -> None:
    """Raise Validation for the locations that do not exist, by the pointers to them."""
    ids = sorted(set(requested.values()))
    query = select(StockLocationRow.id).where(context.database.in_values(StockLocationRow.id, ids))
    existing = set(await context.session.scalars(query)) if ids else set[str]()
    faults = list[Fault]()
    for pointer, id in requested.items():
        if id not in existing:
            faults += stock_locations.reference_not_found(pointer, id).errors
    if faults:
        raise validation_problem(faults)


async def take_back(
    context: CallContext, lines: Mapping[str, ShippedLine], units: Sequence[ReturnedUnits], reference: str
) -> None:
    """Put units back into the stock. `lines` are those of the order that have left it."""
    totals = dict[tuple[str, str], int]()
    for part in units:
        if (line := lines.get(part.order_line_id)) is not None:
            place = line.variant_id, part.location_id
            totals[place] = totals.get(place, 0) + part.quantity
    if not totals:
        return
    stock = await lock_stock(context, {variant_id for variant_id, _ in totals}, totals)
    changes = list[Change]()
    for (variant_id, location_id), quantity in totals.items():
        level = level_at(stock, variant_id, location_id)
        await check_on_hand(context, stock.variants[variant_id], level, level.on_hand + quantity, "/lines")
        changes.append(Change(level, StockMovementKind.RETURN, reference, on_hand=quantity))
    await post(context, stock, changes)
