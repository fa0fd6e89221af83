"""Confirms an expired order whose money has arrived after all."""

from sqlalchemy import select

from tradepost.areas.inventory.service import ReservationLine, reserve_again
from tradepost.kit.problems import OutOfStock
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderLineRow, OrderRow
from ..resource import transitions
from .immediate_delivery import deliver_without_shipping
from .settlement import settle
from .timeline import TimelineEntry, emit

STEP = "order_reopen"


async def confirm_expired(context: CallContext, order: OrderRow) -> bool:
    """Confirm a locked expired order if its stock can be reserved again. Return whether it was."""
    entry = TimelineEntry("confirmed")
    lines = await _lines(context, order.id)
    try:
        async with context.savepoint():
            await reserve_again(context, order.id, lines, entry.id)
    except OutOfStock:
        return False
    transitions.move(order, STEP)
    emit(context, order, "confirmed")
    await settle(context, order, entry, *await deliver_without_shipping(context, order))
    return True


async def _lines(context: CallContext, order_id: str) -> list[ReservationLine]:
    """Return the units of an order that are not cancelled, by line."""
    units = OrderLineRow.quantity - OrderLineRow.cancelled
    query = select(OrderLineRow.id, OrderLineRow.variant_id, units).where(OrderLineRow.order_id == order_id, units > 0)
    return [ReservationLine(*row) for row in await context.session.execute(query)]
