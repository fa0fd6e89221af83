"""The orders of accounts that are closed. While one is open, the account is not closed."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.kit.problems import Conflict
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import OrderRow
from .timeline import emit

OPEN = ("pending", "confirmed")
"""The statuses of orders that still have to be paid or delivered."""
MAX_NAMED = 10


@on_event("user.closed")
async def detach_orders(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Refuse to close accounts with open orders. Remove from the others what is about the user.

    That is the link to the account, the customer's note and the hash of the client's address.

    No order is added meanwhile: the account is locked, and its carts were deleted by the handler of
    carts, which comes first, so an order is either seen here or finds no cart.
    """
    query = select(OrderRow).where(context.database.in_values(OrderRow.customer_id, [e.subject for e in events]))
    orders = (await context.session.scalars(query.order_by(OrderRow.id).with_for_update())).all()
    if numbers := [order.number for order in orders if order.status in OPEN]:
        named = ", ".join([f"`{number}`" for number in numbers[:MAX_NAMED]])
        more = f" and {len(numbers) - MAX_NAMED} more" if len(numbers) > MAX_NAMED else ""
        raise Conflict(f"Orders are open: {named}{more}. Cancel them, or wait until they are completed.")
    for order in orders:
        changed = ["customer_id", "note"] if order.note else ["customer_id"]
        order.customer_id, order.note, order.client_hash = None, "", None
        emit(context, order, "updated", changed=changed)
    await context.session.flush()
