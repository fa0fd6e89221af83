"""E-mails about payments, written and sent by the worker when their event is delivered."""

from pathlib import Path

from sqlalchemy import select

from tradepost.areas.orders.service import ORDER_LINK_PERIOD, OrderRow, load_line_amounts, order_link
from tradepost.kit.worker.email_templates import EmailTemplates
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.worker.mail import Mailer
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
    email = context.dependencies.require(EmailTemplates).render(
        TEMPLATES,
        "order_refunded",
        order.email,
        locale=order.locale,
        currency=refund.currency,
        order=order,
        refund=refund,
        lines=lines,
        link=order_link(context, order.id, ORDER_LINK_PERIOD),
    )
    await context.dependencies.require(Mailer).send(email, event.id)
