"""E-mails about the end of orders: they were cancelled, or the customer withdraws from them."""

from functools import partial

from sqlalchemy import select

from tradepost.kit.worker.email_templates import EmailTemplates
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.worker.mail import Mailer
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderLineRow, OrderRow, ReturnRow
from .emails import ORDER_LINK_PERIOD, TEMPLATES, format_time, order_link
from .settings import OrderSettings


@deliver_event("mail.order_cancelled")
async def order_cancelled(context: CallContext, event: Event) -> None:
    """Send the customer that the whole order was cancelled, and why."""
    async with context.open_session() as session:
        order = await session.scalar(select(OrderRow).where(OrderRow.id == event.subject))
    if order is None:
        return
    link = order_link(context, order.id, ORDER_LINK_PERIOD)
    templates = context.dependencies.require(EmailTemplates)
    email = templates.render(
        TEMPLATES,
        "order_cancelled",
        order.email,
        locale=order.locale,
        currency=order.currency,
        order=order,
        link=link,
    )
    await context.dependencies.require(Mailer).send(email, event.id)


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
    email = context.dependencies.require(EmailTemplates).render(
        TEMPLATES,
        "withdrawal_received",
        order.email,
        locale=order.locale,
        currency=order.currency,
        order=order,
        withdrawal=withdrawal,
        lines=lines,
        units=units,
        time=partial(format_time, timezone=context.dependencies.require(OrderSettings).timezone),
        link=order_link(context, order.id, ORDER_LINK_PERIOD),
    )
    await context.dependencies.require(Mailer).send(email, event.id)
