"""The units of order lines that are reserved and have not shipped, by location."""

from collections.abc import Collection

import msgspec
from sqlalchemy import select

from tradepost.kit.writes.call_context import CallContext

from ..models import StockLocationRow, StockReservationRow
from .levels import Level, LockedStock

RESERVATION, LOCATION = StockReservationRow, StockLocationRow


class ReservedUnits(msgspec.Struct, frozen=True):
    """Units of an order line that are reserved at a location and have not shipped."""

    id: str
    order_id: str
    order_line_id: str
    variant_id: str
    location_id: str
    location_code: str
    units: int


type Part = tuple[ReservedUnits, int]
"""Some of the units of a reservation."""


async def load_reserved_units(
    context: CallContext, order_ids: Collection[str], line_ids: Collection[str] | None = None
) -> list[ReservedUnits]:
    """Return the reservations of orders that have not shipped, by priority of the location.

    line_ids: only those of these lines.
    """
    query = (
        select(
            RESERVATION.id,
            RESERVATION.order_id,
            RESERVATION.order_line_id,
            RESERVATION.variant_id,
            RESERVATION.location_id,
            LOCATION.code,
            RESERVATION.quantity - RESERVATION.shipped,
        )
        .join(LOCATION, LOCATION.id == RESERVATION.location_id)
        .where(
            context.database.in_values(RESERVATION.order_id, sorted(order_ids)),
            RESERVATION.quantity > RESERVATION.shipped,
        )
    )
    if line_ids is not None:
        query = query.where(context.database.in_values(RESERVATION.order_line_id, sorted(line_ids)))
    rows = await context.session.execute(query.order_by(LOCATION.priority, LOCATION.id, RESERVATION.id))
    return [ReservedUnits(*row) for row in rows]


def level_at(stock: LockedStock, variant_id: str, place: str) -> Level:
    """Return the locked level of a reservation."""
    level = stock.variants[variant_id].level_at(place)
    assert level is not None, "a reservation has a level"
    return level
