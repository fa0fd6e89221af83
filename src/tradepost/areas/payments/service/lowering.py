"""Lowers payments whose order costs less, because units of it were cancelled."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, open_amount
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import PaymentRow
from .events import emit
from .instructions import bank_transfer_text
from .voiding import void


@on_event("order.updated")
async def lower_open_payments(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Lower payments that wait for their money to what is left to pay; void them if nothing is.

    The orders are locked. What is authorized stays: a smaller capture ends it.
    """
    session = context.session
    ids = sorted({event.subject for event in events if "cancelled_total" in event.data["changed"]})
    if not ids:
        return
    query = select(PaymentRow).where(context.database.in_values(PaymentRow.order_id, ids))
    waiting = query.where(PaymentRow.status == "created").order_by(PaymentRow.id).with_for_update()
    for payment in (await session.scalars(waiting)).all():
        order = await session.get_one(OrderRow, payment.order_id)
        amount = open_amount(order)
        if amount == 0:
            void(context, payment)
        elif amount < payment.amount_amount:
            payment.amount_amount, payment.next_action_text = amount, bank_transfer_text(order, amount)
            emit(context, payment, "updated", changed=["amount", "next_action"])
    await session.flush()
