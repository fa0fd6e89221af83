"""Parcels that could not be delivered: they come back as a received return."""

from tradepost.kit.problems import Conflict
from tradepost.kit.writes.call_context import CallContext

from ..models import FulfilmentRow, OrderRow
from ..resource import fulfilment_transitions
from ..schemas import ReturnKind
from .fulfilment_rows import emit_fulfilment, units_of
from .line_units import NOTHING_PACKED, load_lines
from .return_receipt import receive_return
from .return_rows import ReturnItem, insert_return, load_requested, returnable_units
from .timeline import TimelineEntry, add_entries

STEP = "fulfilment_undeliverable"


async def return_undeliverable(context: CallContext, order: OrderRow, fulfilment: FulfilmentRow) -> None:
    """Take a locked fulfilment of a locked order back: its units return to its location."""
    fulfilment_transitions.move(fulfilment, STEP)
    await context.session.flush()
    units = await units_of(context, fulfilment)
    lines = await load_lines(context, order.id, NOTHING_PACKED)
    limits = returnable_units(lines, await load_requested(context, order.id))
    if any(quantity > limits[id] for id, quantity in units.items()):
        raise Conflict(
            "Returns of this order have units of this fulfilment. Cancel those that are `requested`: the units come "
            "back with the fulfilment."
        )
    emit_fulfilment(context, fulfilment, "returned")
    await add_entries(context, (order, TimelineEntry("fulfilment_returned", fulfilment_id=fulfilment.id)))
    items = [ReturnItem(id, quantity, True, fulfilment.location_id) for id, quantity in units.items()]
    columns = {"kind": ReturnKind.RETURN.value, "fulfilment_id": fulfilment.id, "refunds_shipping": False}
    row = await insert_return(context, order, lines, items, **columns)
    await receive_return(context, order, row, lines, items)
