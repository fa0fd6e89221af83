"""Reserves stock for the lines of an order, and releases it.

Both take the same number of statements whatever the number of lines. They run in the transaction
of the order, whose row is locked before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, delete

from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.problems import OutOfStock, OutOfStockLine
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..schemas import StockMovementKind
from .allocation import allocate, release_order
from .ledger import Change, post
from .levels import Level, LockedStock, StockedVariant, lock_stock
from .reserved_units import RESERVATION, ReservedUnits, load_reserved_units

type PackedUnits = Mapping[tuple[str, str], int]
"""Units that are packed to be shipped, by the ids of order line and location."""


class ReservationLine(msgspec.Struct, frozen=True):
    """Units of a variant that a line of an order needs."""

    order_line_id: str
    variant_id: str
    quantity: int


class Release(msgspec.Struct, frozen=True):
    """Units of the lines of an order that are not needed any more.

    units: by the id of the order line.
    reference: the id of the step, such as the cancellation.
    packed: units that stay reserved, by the ids of order line and location.
    """

    order_id: str
    units: Mapping[str, int]
    reference: str
    packed: PackedUnits = {}


async def reserve_again(context: CallContext, order_id: str, lines: Sequence[ReservationLine], reference: str) -> None:
    """Reserve the units of an order whose reservations were all released.

    reference: the id of the step.
    """
    await context.session.execute(delete(RESERVATION).where(RESERVATION.order_id == order_id))
    await reserve(context, order_id, lines, reference)


async def reserve(
    context: CallContext, order_id: str, lines: Sequence[ReservationLine], reference: str | None = None
) -> None:
    """Reserve the units of all lines, or raise OutOfStock with every line that lacks units.

    Each line is of another variant. Lines of variants whose inventory is not tracked reserve
    nothing.

    reference: the id of the step that the movements belong to; by default the order.
    """
    reference = reference or order_id
    stock = await lock_stock(context, {line.variant_id for line in lines})
    changes, rows, missing = list[Change](), list[dict[str, Any]](), list[tuple[StockedVariant, int, int]]()
    for line in lines:
        variant = stock.variants[line.variant_id]
        if not variant.is_tracked:
            continue
        units = allocate(variant, line.quantity, stock.first_location)
        if units is None:
            missing.append((variant, line.quantity, variant.free))
            continue
        levels = {level.id: level for level in variant.levels}
        changes += [Change(levels[id], StockMovementKind.RESERVE, reference, reserved=n) for id, n in units.items()]
        rows += [reservation_row(order_id, line.order_line_id, levels[id], n) for id, n in units.items()]
    if missing:
        raise out_of_stock(context, missing)
    if changes:
        await post(context, stock, changes)
        await bulk.insert_rows(context.session, RESERVATION, rows, context.clock())


async def release(context: CallContext, releases: Sequence[Release]) -> None:
    """Release units of order lines that have not shipped, of any number of orders.

    Backordered units are released first, then those at the last location by priority. A line that
    reserved fewer units, because its variant was not tracked, releases those.
    """
    units = {line: quantity for one in releases for line, quantity in one.units.items() if quantity}
    references = {one.order_id: one.reference for one in releases}
    if not units or not (reservations := await load_reserved_units(context, references, units)):
        return
    stock = await lock_stock(context, {row.variant_id for row in reservations})
    packed = {place: quantity for one in releases for place, quantity in one.packed.items()}
    changes = _changes(stock, reservations, units, references, packed)
    reductions = [{"id": id, "quantity": change.reserved} for id, change in changes.items()]
    reduced = await bulk.add_to_rows(context.session, RESERVATION, reductions, context.clock(), keeps_shipped)
    if reduced != len(reductions):
        raise LostRace
    await post(context, stock, [*changes.values()])


def _changes(
    stock: LockedStock,
    reservations: Sequence[ReservedUnits],
    units: Mapping[str, int],
    references: Mapping[str, str],
    packed: PackedUnits,
) -> dict[str, Change]:
    """Return the change of a level that each reservation makes by its release, by its id."""
    left, changes = dict(units), dict[str, Change]()
    by_place = {(row.variant_id, row.location_id): list[ReservedUnits]() for row in reservations}
    for row in reservations:
        by_place[row.variant_id, row.location_id].append(row)
    for variant in stock.variants.values():
        for level, most in release_order(variant.levels):
            for row in by_place.get((variant.id, level.location_id), ()):
                before = -changes[row.id].reserved if row.id in changes else 0
                free = row.units - packed.get((row.order_line_id, row.location_id), 0) - before
                if quantity := min(free, left[row.order_line_id], most):
                    most -= quantity
                    left[row.order_line_id] -= quantity
                    change = Change(
                        level, StockMovementKind.RELEASE, references[row.order_id], reserved=-before - quantity
                    )
                    changes[row.id] = change
    return changes


def keeps_shipped(table: Any, rows: Any) -> ColumnElement[bool]:
    """Return the condition of a reduction: what has shipped stays reserved."""
    return table.c.quantity + rows.c.quantity >= table.c.shipped


def reservation_row(order_id: str, line_id: str, level: Level, quantity: int) -> dict[str, Any]:
    """Return the columns of a reservation."""
    return {
        "id": new_id(RESERVATION.__number__),
        "order_id": order_id,
        "order_line_id": line_id,
        "variant_id": level.variant_id,
        "location_id": level.location_id,
        "quantity": quantity,
    }


def out_of_stock(context: CallContext, missing: Sequence[tuple[StockedVariant, int, int]]) -> OutOfStock:
    """Return the problem of variants, each with the requested and the available units.

    How many are available is for callers who may read stock.
    """
    may_read = context.caller.has_permission(policy.READ)
    details = [
        OutOfStockLine(
            variant_id=variant.id, sku=variant.sku, requested=requested, available=available if may_read else UNSET
        )
        for variant, requested, available in missing
    ]
    skus = ", ".join([f"`{variant.sku}`" for variant, _, _ in missing[:10]])
    return OutOfStock(f"There are not enough units of {skus}.", lines=details)
