"""What a change of stock must not do, as problems."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from tradepost.kit.problems import Conflict, StockReserved, Validation
from tradepost.kit.writes.call_context import CallContext

from ..models import StockLocationRow, StockReservationRow
from ..resource import stock_locations
from ..schemas import MAX_QUANTITY
from .levels import Level, StockedVariant, first_location_id
from .order_numbers import OrderNumbers

MAX_ORDERS = 100


async def location_id(context: CallContext, requested: UUID | None, pointer: str) -> str:
    """Return the id of a location that exists: the requested one, else the first by priority."""
    if requested is None:
        first = await first_location_id(context)
        if first is None:
            raise no_active_location(pointer)
        return first
    if await context.session.scalar(select(StockLocationRow.id).where(StockLocationRow.id == str(requested))) is None:
        raise stock_locations.reference_not_found(pointer, str(requested))
    return str(requested)


def no_active_location(pointer: str) -> Validation:
    """Return the problem of a change without a location, in a shop without an active one."""
    detail = "No stock location is active. Give the id of a location."
    return Validation.at_pointer(pointer, detail, "required")


def check_tracked(variant: StockedVariant) -> None:
    """Raise Conflict if the inventory of a variant is not tracked."""
    if not variant.is_tracked:
        raise Conflict(f"The inventory of `{variant.sku}` is not tracked. Set `track_inventory` to change its stock.")


async def check_on_hand(
    context: CallContext, variant: StockedVariant, level: Level, on_hand: int, pointer: str
) -> None:
    """Raise a problem if a level cannot have this number of units.

    Fewer units than are reserved are refused, unless the variant can be backordered.
    """
    if on_hand < 0:
        detail = f"Only {level.on_hand} units of `{variant.sku}` are on hand."
        raise Validation.at_pointer(pointer, detail, "out_of_range")
    if on_hand > MAX_QUANTITY:
        detail = f"At most {MAX_QUANTITY} units are allowed at a location; it has {level.on_hand}."
        raise Validation.at_pointer(pointer, detail, "out_of_range")
    if on_hand < level.reserved and not level.backorder:
        raise StockReserved(
            f"{level.reserved} units of `{variant.sku}` are reserved here, but {on_hand} would be left.",
            order_numbers=await reserving_orders(context, [variant.id], level.location_id),
        )


async def reserving_orders(
    context: CallContext, variant_ids: Sequence[str], location_id: str | None = None
) -> list[str]:
    """Return the numbers of the orders for which units of variants are reserved, at most 100.

    Those that the caller may not see are left out.
    """
    row = StockReservationRow
    query = (
        select(row.order_id)
        .distinct()
        .where(context.database.in_values(row.variant_id, sorted(variant_ids)), row.quantity > row.shipped)
    )
    if location_id is not None:
        query = query.where(row.location_id == location_id)
    ids = (await context.session.scalars(query.order_by(row.order_id).limit(MAX_ORDERS))).all()
    return await context.dependencies.require(OrderNumbers).numbers_of(context, ids)
