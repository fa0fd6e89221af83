"""Carries out calls that began with something else: a shipment, a cancellation, a late answer.

The worker does so at once, after the commit. What it misses, the reconciler does later.
"""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, is_closed, payable_total
from tradepost.kit.db.errors import LostRace
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import PaymentRow
from ..policy import MANUAL
from .calls import Call, begin_call, carry_out, current_call
from .locks import lock_payment
from .settings import PaymentSettings

MAX_TRIES = 4
OPERATION = "payment_reconcile"
"""The operation in the audit log."""


async def run_in_transaction[R](context: CallContext, step: Callable[[], Awaitable[R]]) -> R:
    """Run a step of the worker in a transaction. Raise LostRace after four lost races."""
    context.work.root_operation = OPERATION
    for _ in range(MAX_TRIES):
        try:
            async with context.transaction():
                return await step()
        except LostRace:
            continue
    raise LostRace


@on_event("fulfilment.shipped")
async def capture_on_shipment(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Begin to capture the authorized payments of shipped orders, if CAPTURE is `on_shipment`.

    All of it is captured with the first shipment: an authorization is captured once.
    """
    if context.dependencies.require(PaymentSettings).capture != "on_shipment":
        return
    session, ids = context.session, sorted({event.data["order_id"] for event in events})
    query = select(PaymentRow).where(
        context.database.in_values(PaymentRow.order_id, ids),
        PaymentRow.provider != MANUAL,
        PaymentRow.status == "authorized",
        PaymentRow.operation.is_(None),
    )
    for payment in (await session.scalars(query.order_by(PaymentRow.id).with_for_update())).all():
        order = await session.get_one(OrderRow, payment.order_id)
        amount = min(payment.authorized_amount, payable_total(order) - order.captured_amount)
        if amount > 0:
            begin_call(context, order, payment, "capture", amount)
    await session.flush()


@deliver_event("order.cancelled", "order.expired", "fulfilment.shipped", "payment.authorized")
async def carry_out_calls(context: CallContext, event: Event) -> None:
    """Carry out the calls that a change has begun."""
    order_id = event.data.get("order_id", event.subject)
    for call in await run_in_transaction(context, lambda: _calls(context, order_id)):
        await carry_out(context, lambda step: run_in_transaction(context, step), call)


async def _calls(context: CallContext, order_id: str) -> list[Call]:
    """Return the calls about an order's payments that have begun.

    One that was authorized too late, when its order was closed already, is voided.
    """
    query = select(PaymentRow.id).where(PaymentRow.order_id == order_id, PaymentRow.provider != MANUAL)
    calls = list[Call]()
    for id in (await context.session.scalars(query.order_by(PaymentRow.id))).all():
        order, payment = await lock_payment(context, id)
        if payment.operation in ("capture", "void"):
            calls.append(current_call(order, payment))
        elif is_closed(order) and payment.status == "authorized" and payment.operation is None:
            calls.append(begin_call(context, order, payment, "void"))
    await context.session.flush()
    return calls
