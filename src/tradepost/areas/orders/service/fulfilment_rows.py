"""Rows of fulfilments and their events. The lock of the order covers them."""

from typing import Any

from sqlalchemy import exists, or_, select

from tradepost.kit.writes.call_context import CallContext

from ..models import FulfilmentLineRow, FulfilmentRow, OrderLineRow, OrderRow
from ..resource import fulfilment_transitions
from .timeline import TimelineEntry, add_entries


def emit_fulfilment(context: CallContext, fulfilment: FulfilmentRow, name: str, **data: Any) -> None:
    """Emit an event of a fulfilment, such as `fulfilment.shipped`."""
    context.emit(f"fulfilment.{name}", fulfilment.id, order_id=fulfilment.order_id, status=fulfilment.status, **data)


async def units_of(context: CallContext, fulfilment: FulfilmentRow) -> dict[str, int]:
    """Return the units in a fulfilment, by order line."""
    line = FulfilmentLineRow
    query = select(line.order_line_id, line.quantity).where(line.fulfilment_id == fulfilment.id)
    rows = await context.session.execute(query)
    return {line_id: quantity for line_id, quantity in rows}


async def cancel_fulfilments(context: CallContext, order: OrderRow, *fulfilments: FulfilmentRow) -> None:
    """Cancel locked fulfilments of a locked order, and add that to its timeline."""
    for fulfilment in fulfilments:
        fulfilment_transitions.move(fulfilment, "fulfilment_cancel")
        emit_fulfilment(context, fulfilment, "cancelled")
    await context.session.flush()
    entries = [TimelineEntry("fulfilment_cancelled", fulfilment_id=fulfilment.id) for fulfilment in fulfilments]
    await add_entries(context, *[(order, entry) for entry in entries])


async def cancel_pending(context: CallContext, order: OrderRow) -> None:
    """Cancel the pending fulfilments of a locked order."""
    query = select(FulfilmentRow).where(FulfilmentRow.order_id == order.id, FulfilmentRow.status == "pending")
    pending = (await context.session.scalars(query.order_by(FulfilmentRow.id).with_for_update())).all()
    if pending:
        await cancel_fulfilments(context, order, *pending)


async def are_all_delivered(context: CallContext, order_id: str) -> bool:
    """Return whether all units of an order have shipped, and none are still on their way."""
    row, line = FulfilmentRow, OrderLineRow
    is_on_its_way = exists().where(row.order_id == order_id, row.status.in_(("pending", "shipped")))
    is_unshipped = exists().where(line.order_id == order_id, line.shipped + line.cancelled < line.quantity)
    return not await context.session.scalar(select(or_(is_on_its_way, is_unshipped)))
