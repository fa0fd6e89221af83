"""Lowers payments whose order costs less, because units of it were cancelled."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, open_amount
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import PaymentRow
from ..policy import MANUAL
from ..providers.manual import transfer_instructions
from .application import void
from .events import emit


@on_event("order.updated")
async def lower_open_payments(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Lower bank transfers that are awaited to what is left to pay; void them if nothing is.

    The orders are locked. Open payments at providers were voided before. What is authorized stays:
    a smaller capture ends it.
    """
    session = context.session
    ids = sorted({event.subject for event in events if "cancelled_total" in event.data["changed"]})
    if not ids:
        return
    query = select(PaymentRow).where(context.database.in_values(PaymentRow.order_id, ids))
    waiting = (
        query.where(PaymentRow.status == "created", PaymentRow.provider == MANUAL)
        .order_by(PaymentRow.id)
        .with_for_update()
    )
    for payment in (await session.scalars(waiting)).all():
        order = await session.get_one(OrderRow, payment.order_id)
        amount = open_amount(order)
        if amount == 0:
            await void(context, order, payment)
        elif amount < payment.amount_amount:
            action = transfer_instructions(amount, order.currency, order.number)
            payment.amount_amount, payment.next_action_text = amount, action.text
            emit(context, payment, "updated", changed=["amount", "next_action"])
    await session.flush()
