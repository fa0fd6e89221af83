"""Rows of fulfilments and their events. The lock of the order covers them."""

from typing import Any

from sqlalchemy import select

from tradepost.kit.writes.call_context import CallContext

from ..models import FulfilmentLineRow, FulfilmentRow, OrderRow
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
    """Return whether no fulfilment of an order is still on its way."""
    row = FulfilmentRow
    query = select(row.id).where(row.order_id == order_id, row.status.in_(("pending", "shipped"))).limit(1)
    return await context.session.scalar(query) is None
