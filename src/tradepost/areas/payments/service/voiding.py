"""Voids payments whose money is no longer expected."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import PaymentRow
from ..resource import transitions
from .events import emit


@on_event("order.cancelled", "order.expired")
async def void_closed_orders(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Void the payments of orders that were cancelled or have expired.

    The orders are locked, and their authorized amounts are 0 already.
    """
    session, ids = context.session, sorted({event.subject for event in events})
    query = select(PaymentRow).where(
        context.database.in_values(PaymentRow.order_id, ids),
        PaymentRow.status.in_(sorted(transitions.internal["payment_void"].sources)),
    )
    for payment in await session.scalars(query.order_by(PaymentRow.id).with_for_update()):
        void(context, payment)
    await session.flush()


def void(context: CallContext, payment: PaymentRow) -> None:
    """Void a locked payment."""
    transitions.move(payment, "payment_void")
    payment.next_action_type = payment.next_action_text = None
    emit(context, payment, "voided")
