"""Expires orders that were not paid in time, and releases their stock."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.areas.inventory.service import Release, release
from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderLineRow, OrderRow
from .batches import run_batches
from .cancellation import close
from .statuses import derive_payment_status
from .timeline import TimelineEntry, add_entries, emit

BATCH_SIZE = 50
OPERATION = "order_expire"
"""The operation in the audit log."""


@periodic(seconds=30)
async def expire_orders(context: CallContext) -> None:
    """Expire the pending orders whose time is over, 50 in a transaction."""
    await run_batches(context, OPERATION, _expire_due, BATCH_SIZE)


async def _expire_due(context: CallContext) -> int:
    """Expire some orders and return how many. Orders that another process has locked are left."""
    due = select(OrderRow).where(
        OrderRow.status == "pending",
        OrderRow.expires_at <= context.clock(),
        OrderRow.payment_progress.is_(None),  # else the payments area voids the payment first
    )
    query = due.order_by(OrderRow.id).limit(BATCH_SIZE).with_for_update(skip_locked=True)
    orders = (await context.session.scalars(query)).all()
    entries = [(order, TimelineEntry("expired")) for order in orders]
    for order in orders:
        close(order, OPERATION)
        order.payment_status = derive_payment_status(order)
        emit(context, order, "expired")
    await add_entries(context, *entries)
    await context.handle_events()
    lines = await _lines_by_order(context, [order.id for order in orders])
    await release(context, [Release(order.id, lines[order.id], entry.id) for order, entry in entries])
    return len(orders)


async def _lines_by_order(context: CallContext, order_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the units of each line that are not cancelled, by order."""
    units = {id: dict[str, int]() for id in order_ids}
    if units:
        query = select(OrderLineRow.order_id, OrderLineRow.id, OrderLineRow.quantity - OrderLineRow.cancelled)
        query = query.where(context.database.in_values(OrderLineRow.order_id, sorted(order_ids)))
        for order_id, line_id, quantity in await context.session.execute(query):
            units[order_id][line_id] = quantity
    return units
