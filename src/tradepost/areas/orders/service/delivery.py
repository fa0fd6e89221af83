"""Records fulfilments as delivered: by staff, or some days after they shipped."""

from sqlalchemy import and_, select

from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import FulfilmentRow, OrderRow
from ..resource import fulfilment_transitions
from .batches import run_batches
from .fulfilment_rows import emit_fulfilment
from .settings import OrderSettings
from .settlement import settle
from .timeline import TimelineEntry

BATCH_SIZE = 50
STEP = "fulfilment_deliver"


async def deliver_fulfilment(context: CallContext, order: OrderRow, fulfilment: FulfilmentRow) -> None:
    """Record a locked fulfilment of a locked order as delivered. Perhaps the order is completed."""
    fulfilment_transitions.move(fulfilment, STEP)
    fulfilment.delivered_at = order.delivered_at = context.clock()
    await context.session.flush()
    emit_fulfilment(context, fulfilment, "delivered")
    await settle(context, order, TimelineEntry("fulfilment_delivered", fulfilment_id=fulfilment.id))


@periodic(hours=1)
async def deliver_shipped(context: CallContext) -> None:
    """Deliver what shipped DELIVERED_AFTER_DAYS ago, 50 fulfilments in a transaction."""
    await run_batches(context, STEP, _deliver_due, BATCH_SIZE)


async def _deliver_due(context: CallContext) -> int:
    """Deliver some fulfilments and return how many. Orders that are locked elsewhere are left."""
    session, row, in_values = context.session, FulfilmentRow, context.database.in_values
    until = context.clock() - context.dependencies.require(OrderSettings).delivered_after
    is_due = and_(row.status == "shipped", row.shipped_at <= until)
    query = select(row.id, row.order_id).where(is_due).order_by(row.shipped_at, row.id).limit(BATCH_SIZE)
    due = (await session.execute(query)).all()
    # The locks of the orders come first, and cover their fulfilments.
    order_ids = sorted({order_id for _, order_id in due})
    orders_query = select(OrderRow).where(in_values(OrderRow.id, order_ids)).order_by(OrderRow.id)
    orders = {order.id: order for order in await session.scalars(orders_query.with_for_update(skip_locked=True))}
    fulfilment_ids = sorted([id for id, order_id in due if order_id in orders])
    still_due = select(row).where(in_values(row.id, fulfilment_ids), is_due).order_by(row.id).with_for_update()
    fulfilments = (await session.scalars(still_due)).all()
    for fulfilment in fulfilments:
        await deliver_fulfilment(context, orders[fulfilment.order_id], fulfilment)
    return len(fulfilments)
