"""Voids the payments of orders that are closed."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Unavailable
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import PaymentRow
from ..policy import MANUAL
from ..resource import transitions
from .application import PROGRESS, void
from .calls import Call, begin_call, carry_out, current_call, in_progress
from .locks import lock_payment

PROVIDER_SILENT = "The payment provider does not answer. The order is as it was; try again later."


class ProviderPayments:
    """Voids open payments for the area of orders (its protocol `OpenPayments`)."""

    async def void(self, service: Service, order_id: str) -> None:
        """Void the open payment of an order at its provider, in transactions of its own.

        Raise PaymentInProgress if its result is not known yet, or Unavailable if the provider does
        not answer.
        """
        context = service.context
        call = await service.in_transaction(lambda: begin_voiding(context, order_id))
        if call is not None and await carry_out(context, service.in_transaction, call) is None:
            raise Unavailable(PROVIDER_SILENT, retry_after=60)


async def begin_voiding(context: CallContext, order_id: str) -> Call | None:
    """Begin to void the open payment of an order at a provider; None if there is none any more."""
    is_open = PaymentRow.status.in_(sorted(PROGRESS))
    query = select(PaymentRow.id).where(PaymentRow.order_id == order_id, PaymentRow.provider != MANUAL, is_open)
    id = await context.session.scalar(query)
    if id is None:
        return None
    order, payment = await lock_payment(context, id)
    if payment.status not in PROGRESS:
        return None
    if payment.operation == "void":
        return current_call(order, payment)
    if payment.status != "requires_action" or payment.operation is not None:
        raise in_progress(payment)
    return begin_call(context, order, payment, "void")


@on_event("order.cancelled", "order.expired")
async def void_closed_orders(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Void the payments of orders that were cancelled or have expired.

    The orders are locked, and their authorized amounts are 0 already. The worker voids what is
    authorized at providers.
    """
    session, ids = context.session, sorted({event.subject for event in events})
    query = select(PaymentRow).where(
        context.database.in_values(PaymentRow.order_id, ids),
        PaymentRow.status.in_(("created", "requires_action", "processing", "unknown", "authorized")),
    )
    for payment in await session.scalars(query.order_by(PaymentRow.id).with_for_update()):
        order = await session.get_one(OrderRow, payment.order_id)
        if payment.provider == MANUAL:
            if payment.status in transitions.steps["payment_void"].sources:
                await void(context, order, payment)
        elif payment.status == "authorized" and payment.operation is None:
            payment.authorized_amount = 0
            begin_call(context, order, payment, "void")
        else:  # its result is not known yet
            raise in_progress(payment)
    await session.flush()
