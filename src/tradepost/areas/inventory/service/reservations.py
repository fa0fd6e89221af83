"""Reserves stock for the lines of an order, and releases it.

Both take the same number of statements whatever the number of lines. They run in the transaction
of the order, whose row is locked before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, and_, select

from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.problems import OutOfStock, OutOfStockLine
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import StockReservationRow
from ..schemas import StockMovementKind
from .allocation import allocate, deal, release_order
from .ledger import Change, post
from .levels import Level, LockedStock, StockedVariant, lock_stock

RESERVATION = StockReservationRow
ADD_TO_EXISTING = bulk.OnConflict(("order_line_id", "location_id"), add=("quantity",))


class ReservationLine(msgspec.Struct, frozen=True):
    """Units of a variant that a line of an order needs."""

    order_line_id: str
    variant_id: str
    quantity: int


async def reserve(
    context: CallContext, order_id: str, lines: Sequence[ReservationLine], reference: str | None = None
) -> None:
    """Reserve the units of all lines, or raise OutOfStock with every line that lacks units.

    Lines of variants whose inventory is not tracked reserve nothing. `reference` is the id of the
    step, if the same order reserves again; by default it is the order's.
    """
    stock = await lock_stock(context, {line.variant_id for line in lines})
    changes, rows, missing = list[Change](), list[dict[str, Any]](), list[StockedVariant]()
    for variant_id, same_variant in _by_variant(lines).items():
        variant = stock.variants[variant_id]
        if not variant.is_tracked:
            continue
        quantities = [line.quantity for line in same_variant]
        units = allocate(variant, sum(quantities), stock.first_location)
        if units is None:
            missing.append(variant)
            continue
        levels = {level.id: level for level in variant.levels}
        changes += [Change(levels[id], StockMovementKind.RESERVE, reserved=n) for id, n in units.items()]
        rows += [_row(order_id, same_variant[i], levels[id], n) for i, id, n in deal(quantities, units)]
    if missing:
        raise _out_of_stock(context, missing, _by_variant(lines))
    if changes:
        await post(context, stock, changes, reference or order_id)
        await bulk.insert_rows(context.session, RESERVATION, rows, context.clock(), ADD_TO_EXISTING)


async def release(context: CallContext, order_id: str, units: Mapping[str, int], reference: str) -> None:
    """Release units of order lines that have not shipped.

    Backordered units are released first, then those at the last location by priority. A line that
    reserved fewer units, because its variant was not tracked, releases those. `reference` is the id
    of the step, such as the cancellation.
    """
    session = context.session
    lines = sorted([line_id for line_id, quantity in units.items() if quantity])
    query = select(
        RESERVATION.id,
        RESERVATION.order_line_id,
        RESERVATION.variant_id,
        RESERVATION.location_id,
        (RESERVATION.quantity - RESERVATION.shipped).label("open"),
    ).where(RESERVATION.order_id == order_id, context.database.in_values(RESERVATION.order_line_id, lines))
    reservations = [row for row in await session.execute(query) if row.open]
    if not reservations:
        return
    stock = await lock_stock(context, {row.variant_id for row in reservations})
    released = _released(stock, reservations, units)
    reductions = [{"id": id, "quantity": -n} for id, (_, n) in released.items()]
    if await bulk.add_to_rows(session, RESERVATION, reductions, context.clock(), _keeps_shipped) != len(reductions):
        raise LostRace
    totals = dict[str, Change]()
    for level, quantity in released.values():
        change = totals.setdefault(level.id, Change(level, StockMovementKind.RELEASE))
        change.reserved -= quantity
    await post(context, stock, [*totals.values()], reference)


def _released(
    stock: LockedStock, reservations: Sequence[Any], units: Mapping[str, int]
) -> dict[str, tuple[Level, int]]:
    """Return the level and the units that each reservation releases, by its id."""
    left, released = dict(units), dict[str, tuple[Level, int]]()
    by_place = {(row.variant_id, row.location_id): list[Any]() for row in reservations}
    for row in reservations:
        by_place[row.variant_id, row.location_id].append(row)
    for variant in stock.variants.values():
        for level, most in release_order(variant.levels):
            for row in by_place.get((variant.id, level.location_id), ()):
                _, before = released.get(row.id, (level, 0))
                if quantity := min(row.open - before, left[row.order_line_id], most):
                    most -= quantity
                    left[row.order_line_id] -= quantity
                    released[row.id] = level, before + quantity
    return released


def _keeps_shipped(table: Any, rows: Any) -> ColumnElement[bool]:
    return and_(table.c.quantity + rows.c.quantity >= table.c.shipped)


def _by_variant(lines: Sequence[ReservationLine]) -> dict[str, list[ReservationLine]]:
    groups = dict[str, list[ReservationLine]]()
    for line in lines:
        groups.setdefault(line.variant_id, []).append(line)
    return groups


def _row(order_id: str, line: ReservationLine, level: Level, quantity: int) -> dict[str, Any]:
    return {
        "id": new_id(RESERVATION.__number__),
        "order_id": order_id,
        "order_line_id": line.order_line_id,
        "variant_id": level.variant_id,
        "location_id": level.location_id,
        "quantity": quantity,
    }


def _out_of_stock(
    context: CallContext, variants: Sequence[StockedVariant], lines: Mapping[str, Sequence[ReservationLine]]
) -> OutOfStock:
    """Return the problem. How many units are left is for callers who may read stock."""
    may_read = context.caller.has_permission(policy.READ)
    details = [
        OutOfStockLine(
            variant_id=variant.id,
            sku=variant.sku,
            requested=sum([line.quantity for line in lines[variant.id]]),
            available=variant.free if may_read else UNSET,
        )
        for variant in variants
    ]
    skus = ", ".join([f"`{variant.sku}`" for variant in variants[:10]])
    return OutOfStock(f"There are not enough units of {skus}.", lines=details)
