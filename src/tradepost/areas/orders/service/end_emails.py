"""E-mails about the end of orders: they were cancelled, or the customer withdraws from them."""

from sqlalchemy import select

from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderLineRow, OrderRow, ReturnRow
from .emails import send_order_email


@deliver_event("mail.order_cancelled")
async def order_cancelled(context: CallContext, event: Event) -> None:
    """Send the customer that the whole order was cancelled, and why."""
    async with context.open_session() as session:
        order = await session.scalar(select(OrderRow).where(OrderRow.id == event.subject))
    if order is None:
        return
    await send_order_email(context, event, order, "order_cancelled")


@deliver_event("mail.withdrawal_received")
async def withdrawal_received(context: CallContext, event: Event) -> None:
    """Acknowledge a withdrawal: its content, date and time (Directive 2011/83/EU, article 11a)."""
    units = {line["order_line_id"]: line["quantity"] for line in event.data["lines"]}
    async with context.open_session() as session:
        withdrawal = await session.scalar(select(ReturnRow).where(ReturnRow.id == event.subject))
        if withdrawal is None:
            return
        order = (await session.execute(select(OrderRow).where(OrderRow.id == withdrawal.order_id))).scalar_one()
        query = select(OrderLineRow).where(OrderLineRow.order_id == order.id).order_by(OrderLineRow.position)
        lines = [line for line in await session.scalars(query) if line.id in units]
    await send_order_email(
        context, event, order, "withdrawal_received", withdrawal=withdrawal, lines=lines, units=units
    )
