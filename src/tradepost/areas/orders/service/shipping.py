"""Ships fulfilments: the counters of the order, its timeline, the e-mail, and last the stock."""

from tradepost.areas.accounts.service import queue_email
from tradepost.areas.inventory.service import ship
from tradepost.kit.problems import InvalidTransition
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import FulfilmentRow, OrderRow
from ..resource import fulfilment_transitions
from .fulfilment_rows import emit_fulfilment, units_of
from .line_units import NOTHING_PACKED, load_lines, write_counters
from .settlement import settle
from .statuses import open_amount
from .timeline import TimelineEntry, emit

STEP = "fulfilment_ship"


async def ship_fulfilment(
    context: CallContext, order: OrderRow, fulfilment: FulfilmentRow, *, allow_unpaid: bool
) -> None:
    """Ship a locked fulfilment of a locked order, or raise OutOfStock."""
    _check_paid(order, allow_unpaid=allow_unpaid)
    fulfilment_transitions.move(fulfilment, STEP)
    fulfilment.shipped_at = context.clock()
    await context.session.flush()
    emit_fulfilment(context, fulfilment, "shipped")
    units = await units_of(context, fulfilment)
    lines = await load_lines(context, order.id, NOTHING_PACKED)
    changed = await write_counters(context, order, lines, [line.after(shipped=units.get(line.id, 0)) for line in lines])
    tracking = {"carrier": fulfilment.carrier, "tracking_number": fulfilment.tracking_number}
    await settle(context, order, TimelineEntry("fulfilment_shipped", fulfilment_id=fulfilment.id, **tracking))
    emit(context, order, "updated", changed=changed)
    queue_email(context, "order_shipped", fulfilment.id)
    # Last, because most other orders wait for the rows of stock.
    await ship(context, order.id, units, fulfilment.location_id, fulfilment.id)


def check_allow_unpaid(context: CallContext, *, allow_unpaid: bool) -> None:
    """Raise Forbidden if the caller may not set `allow_unpaid`, and has set it."""
    if allow_unpaid and not policy.record_payments.allows(context.caller.permissions):
        raise policy.record_payments.problem(context.caller.is_authenticated)


def _check_paid(order: OrderRow, *, allow_unpaid: bool) -> None:
    """Raise InvalidTransition if payments do not cover the order, unless that is allowed."""
    if (missing := open_amount(order)) and not allow_unpaid:
        raise InvalidTransition(
            f"{missing} minor units of {order.currency} are still to be paid. Ship after the payment, "
            f"or with `allow_unpaid`, which needs the permission `{policy.RECORD_PAYMENTS}`."
        )
