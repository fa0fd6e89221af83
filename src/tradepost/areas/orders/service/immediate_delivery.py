"""Delivers what needs no shipping, such as a licence, as soon as the order is confirmed."""

from tradepost.areas.inventory.service import ship_available
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderRow
from .line_units import NOTHING_PACKED, load_lines, unit_list, write_counters
from .timeline import TimelineEntry, emit


async def deliver_without_shipping(context: CallContext, order: OrderRow) -> list[TimelineEntry]:
    """Count the lines of a confirmed order that need no shipping as delivered.

    Their stock is taken. Backordered lines wait for a fulfilment. Return the timeline entry, if
    there are such lines.
    """
    lines = await load_lines(context, order.id, NOTHING_PACKED)
    units = {line.id: line.unshipped for line in lines if line.unshipped and not line.requires_shipping}
    if not units:
        return []
    entry = TimelineEntry("units_delivered")
    delivered = await ship_available(context, order.id, units, entry.id)
    if not delivered:
        return []
    order.delivered_at, entry.data["lines"] = context.clock(), unit_list(delivered)
    lines_after = [line.after(shipped=delivered.get(line.id, 0)) for line in lines]
    emit(context, order, "updated", changed=await write_counters(context, order, lines, lines_after))
    return [entry]
