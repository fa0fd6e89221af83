"""Locks payments: the lock of the order comes first, and covers them."""

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, lock_order
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow


async def lock_payment(context: CallContext, id: str) -> tuple[OrderRow, PaymentRow]:
    """Lock a payment and its order, and return both as they are now."""
    order_id = await context.session.scalar(select(PaymentRow.order_id).where(PaymentRow.id == id))
    assert order_id is not None, "payments are never deleted"
    order = await lock_order(context, order_id)
    return order, await reload_payment(context, id)


async def reload_payment(context: CallContext, id: str) -> PaymentRow:
    """Return a payment of a locked order as it is now, locked too."""
    query = select(PaymentRow).where(PaymentRow.id == id).with_for_update()
    result = await context.session.execute(query, execution_options={"populate_existing": True})
    return result.scalar_one()
