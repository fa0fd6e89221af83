"""The timeline of an order, and its events in the outbox."""

from typing import Any

from tradepost.areas.accounts.service import SYSTEM
from tradepost.kit.ids import new_id
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import OrderEventRow, OrderRow


class TimelineEntry:
    """An entry to be added to a timeline. `id` can be the reference of stock movements."""

    __slots__ = ("data", "id", "type")

    def __init__(self, type: str, **data: Any) -> None:
        self.id, self.type = new_id(OrderEventRow.__number__), type
        self.data = {name: value for name, value in data.items() if value is not None}


async def add_entries(context: CallContext, *entries: tuple[OrderRow, TimelineEntry]) -> None:
    """Add entries to the timelines of orders, by one statement."""
    await bulk.insert_rows(context.session, OrderEventRow, entry_rows(context, *entries), context.clock())


def entry_rows(context: CallContext, *entries: tuple[OrderRow, TimelineEntry]) -> list[dict[str, Any]]:
    """Return the columns of entries."""
    return [
        {
            "id": entry.id,
            "order_id": order.id,
            "type": entry.type,
            "actor": actor_of(context, order),
            "data": entry.data,
        }
        for order, entry in entries
    ]


def emit(context: CallContext, order: OrderRow, name: str, **data: Any) -> None:
    """Emit an event of an order, such as `order.placed`: its number and its statuses."""
    context.emit(
        f"order.{name}",
        order.id,
        number=order.number,
        status=order.status,
        payment_status=order.payment_status,
        fulfilment_status=order.fulfilment_status,
        **data,
    )


def actor_of(context: CallContext, order: OrderRow) -> str:
    """Return who acts: the customer (or the holder of the cart's token), staff, or the shop."""
    caller = context.caller
    if caller is SYSTEM or context.door in ("worker", "cli"):
        return "system"
    if (caller.id is not None and caller.id == order.customer_id) or caller.cart_id == order.cart_id:
        return "customer"
    return (
        "staff" if caller.has_permission(policy.WRITE) or caller.has_permission(policy.RECORD_PAYMENTS) else "customer"
    )
