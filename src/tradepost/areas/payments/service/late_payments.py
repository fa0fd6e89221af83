"""Receives money of orders that were closed before it arrived."""

from tradepost.areas.orders.service import OrderRow, confirm_expired, payable_total
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow
from .automatic_refunds import create_refunds

ORDER_CLOSED = "order_closed"


async def receive_late(context: CallContext, order: OrderRow, payment: PaymentRow, amount: int) -> None:
    """Record the captured amount of a cancelled or expired order.

    An expired order is confirmed if its money is complete and its stock can be reserved again.
    Otherwise the amount is refunded at once.
    """
    order.captured_amount += amount
    await context.session.flush()
    is_covered = order.captured_amount - order.refunded_amount >= payable_total(order)
    if order.status == "expired" and is_covered and await confirm_expired(context, order):
        return
    await create_refunds(context, order, amount=amount, reason=ORDER_CLOSED)
