"""Chooses the location that units ship from, and moves their reservations there.

It runs in the transaction of the order, whose row is locked before.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from tradepost.kit.db.errors import LostRace
from tradepost.kit.problems import Validation
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from ..schemas import StockMovementKind
from .checks import location_id
from .ledger import Change, post
from .levels import LockedStock, lock_stock
from .reservations import PackedUnits, keeps_shipped, out_of_stock, reservation_row
from .reserved_units import RESERVATION, Part, ReservedUnits, level_at, load_reserved_units


async def pack(
    context: CallContext,
    order_id: str,
    units: Mapping[str, int],
    packed: PackedUnits,
    requested: UUID | None,
    reference: str,
) -> str:
    """Return the location that units of order lines ship from, and reserve them there.

    By default it is the one location where they are reserved. Another active one takes the
    reservations over, or OutOfStock is raised. `packed` are the units that are packed already.
    """
    free = _without(await load_reserved_units(context, [order_id], units), packed)
    place = await _location(context, free, requested)
    here = {row.order_line_id: row.units for row in free if row.location_id == place}
    missing = {line: quantity - here.get(line, 0) for line, quantity in units.items()}
    moves = list[Part]()
    for row in free:
        if row.location_id != place and (quantity := min(row.units, missing[row.order_line_id])) > 0:
            moves.append((row, quantity))
            missing[row.order_line_id] -= quantity
    if moves:
        # All variants, because those of a fulfilment that ships at once are locked next.
        stock = await lock_stock(
            context, {row.variant_id for row in free}, [(row.variant_id, place) for row, _ in moves]
        )
        await _move(context, stock, order_id, moves, place, reference)
    return place


def _without(reserved: Sequence[ReservedUnits], packed: PackedUnits) -> list[ReservedUnits]:
    """Return reservations without the units that are packed."""
    left = [(row, row.units - packed.get((row.order_line_id, row.location_id), 0)) for row in reserved]
    return [msgspec.structs.replace(row, units=units) for row, units in left if units > 0]


async def _location(context: CallContext, free: Sequence[ReservedUnits], requested: UUID | None) -> str:
    """Return the requested location, or the only one of the reservations, or the first one."""
    places = {row.location_id: row.location_code for row in free}
    if requested is None and len(places) > 1:
        names = ", ".join([f"`{id}` ({code})" for id, code in places.items()])
        raise Validation.at_pointer("/location_id", f"The units are reserved at {names}; give one of them.", "required")
    if requested is None and places:
        return next(iter(places))
    return await location_id(context, requested, "/location_id")


async def _move(
    context: CallContext, stock: LockedStock, order_id: str, moves: Sequence[Part], place: str, reference: str
) -> None:
    """Reserve units at a location instead of where they are reserved, or raise a problem."""
    # The lines of an order are of different variants.
    lines, totals = {row.variant_id: row.order_line_id for row, _ in moves}, dict[str, int]()
    for row, quantity in moves:
        totals[row.variant_id] = totals.get(row.variant_id, 0) + quantity
    targets = {id: level_at(stock, id, place) for id in totals}
    if not all(level.is_active for level in targets.values()):
        detail = "The location is inactive, and the units are reserved elsewhere. Give the id of an active location."
        raise Validation.at_pointer("/location_id", detail, "not_allowed")
    missing = [
        (stock.variants[id], quantity, max(0, targets[id].available))
        for id, quantity in totals.items()
        if targets[id].available < quantity
    ]
    if missing:
        raise out_of_stock(context, missing)
    added = [reservation_row(order_id, lines[id], targets[id], quantity) for id, quantity in totals.items()]
    await _change_reservations(context, moves, added, place)
    changes = [_release(stock, row, quantity, reference) for row, quantity in moves]
    changes += [Change(targets[id], StockMovementKind.RESERVE, reference, reserved=n) for id, n in totals.items()]
    await post(context, stock, changes)


async def _change_reservations(
    context: CallContext, moves: Sequence[Part], added: Sequence[dict[str, Any]], place: str
) -> None:
    """Reduce reservations, and add to those of a location or insert them."""
    session, now = context.session, context.clock()
    query = select(RESERVATION.order_line_id, RESERVATION.id).where(
        context.database.in_values(RESERVATION.order_line_id, sorted([row["order_line_id"] for row in added])),
        RESERVATION.location_id == place,
    )
    existing = {line_id: id for line_id, id in await session.execute(query)}
    changes = [{"id": row.id, "quantity": -quantity} for row, quantity in moves]
    new = list[dict[str, Any]]()
    for row in added:
        if (id := existing.get(row["order_line_id"])) is None:
            new.append(row)
        else:
            changes.append({"id": id, "quantity": row["quantity"]})
    if await bulk.add_to_rows(session, RESERVATION, changes, now, keeps_shipped) != len(changes):
        raise LostRace
    await bulk.insert_rows(session, RESERVATION, new, now)


def _release(stock: LockedStock, row: ReservedUnits, quantity: int, reference: str) -> Change:
    level = level_at(stock, row.variant_id, row.location_id)
    return Change(level, StockMovementKind.RELEASE, reference, reserved=-quantity)
