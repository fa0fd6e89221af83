"""E-mails about orders, written and sent by the worker when their event is delivered."""

from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.worker.email_templates import EmailTemplates
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.worker.mail import Mailer
from tradepost.kit.writes.call_context import CallContext

from ..models import FulfilmentLineRow, FulfilmentRow, OrderLineRow, OrderRow
from .settings import OrderSettings

TEMPLATES = Path(__file__).parent.parent / "templates/emails"
ORDER_LINK_PERIOD, ACCESS_LINK_PERIOD = timedelta(days=90), timedelta(hours=24)


@deliver_event("mail.order_placed")
async def order_placed(context: CallContext, event: Event) -> None:
    """Send the confirmation of an order to the customer."""
    async with context.open_session() as session:
        order = await session.scalar(select(OrderRow).where(OrderRow.id == event.subject))
        if order is None:
            return
        query = select(OrderLineRow).where(OrderLineRow.order_id == order.id).order_by(OrderLineRow.position)
        lines = (await session.scalars(query)).all()
    await send_order_email(context, event, order, "order_placed", lines=lines)


@deliver_event("mail.order_shipped")
async def order_shipped(context: CallContext, event: Event) -> None:
    """Send the customer what has shipped, and where the parcel can be tracked."""
    async with context.open_session() as session:
        fulfilment = await session.scalar(select(FulfilmentRow).where(FulfilmentRow.id == event.subject))
        if fulfilment is None:
            return
        order = (await session.execute(select(OrderRow).where(OrderRow.id == fulfilment.order_id))).scalar_one()
        packed, line = FulfilmentLineRow, OrderLineRow
        query = select(packed.quantity, line.product_name, line.variant_name, line.sku)
        query = query.join(line, line.id == packed.order_line_id).where(packed.fulfilment_id == fulfilment.id)
        lines = (await session.execute(query.order_by(packed.position))).all()
    await send_order_email(context, event, order, "order_shipped", fulfilment=fulfilment, lines=lines)


@deliver_event("mail.order_access")
async def order_access(context: CallContext, event: Event) -> None:
    """Send a link to an order, if it was placed with this e-mail address."""
    number, email = event.data["number"], event.data["email"]
    async with context.open_session() as session:
        order = await session.scalar(select(OrderRow).where(OrderRow.number == number, OrderRow.email == email))
    if order is not None:
        await send_order_email(context, event, order, "order_access", link_period=ACCESS_LINK_PERIOD)


async def send_order_email(
    context: CallContext,
    event: Event,
    order: OrderRow,
    name: str,
    *,
    folder: Path = TEMPLATES,
    link_period: timedelta = ORDER_LINK_PERIOD,
    **values: Any,
) -> None:
    """Send the customer an e-mail about their order, in its language.

    The template gets the `order`, a `link` to it that is valid for `link_period`, the functions
    `money(amount)` and `time(time)`, and the values.
    """
    email = context.dependencies.require(EmailTemplates).render(
        folder,
        name,
        order.email,
        locale=order.locale,
        currency=order.currency,
        order=order,
        link=order_link(context, order.id, link_period),
        time=partial(format_time, timezone=context.dependencies.require(OrderSettings).timezone),
        **values,
    )
    await context.dependencies.require(Mailer).send(email, event.id)


def order_link(context: CallContext, order_id: str, period: timedelta) -> str:
    """Return a link that opens an order for a while.

    The token is in the fragment, which browsers send neither to a server nor in `Referer`.
    """
    settings = context.dependencies.require(OrderSettings)
    token = context.dependencies.require(GuestTokens).order_token(order_id, context.clock() + period)
    return f"{settings.storefront_url or settings.public_url}/order#token={token}"


def format_time(time: datetime, timezone: tzinfo) -> str:
    """Return a time in a time zone as text of any language, such as `2026-12-07 15:30 CET`."""
    return time.astimezone(timezone).strftime("%Y-%m-%d %H:%M %Z")
