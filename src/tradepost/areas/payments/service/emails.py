"""E-mails about payments, written and sent by the worker when their event is delivered."""

from pathlib import Path

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, load_line_amounts, send_order_email
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.writes.call_context import CallContext

from ..models import RefundLineRow, RefundRow

TEMPLATES = Path(__file__).parent.parent / "templates/emails"


@deliver_event("mail.order_refunded")
async def order_refunded(context: CallContext, event: Event) -> None:
    """Send the customer what was paid back."""
    async with context.open_session() as session:
        refund = await session.scalar(select(RefundRow).where(RefundRow.id == event.subject))
        if refund is None:
            return
        order = await session.get_one(OrderRow, refund.order_id)
        query = select(RefundLineRow.order_line_id, RefundLineRow.quantity)
        rows = (await session.execute(query.where(RefundLineRow.refund_id == refund.id))).all()
    units = {line_id: quantity for line_id, quantity in rows}
    lines = [(units[line.id], line) for line in await load_line_amounts(context, order.id) if line.id in units]
    await send_order_email(context, event, order, "order_refunded", folder=TEMPLATES, refund=refund, lines=lines)
