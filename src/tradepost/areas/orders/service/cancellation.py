"""Cancels orders, as a whole or in units of their lines."""

from collections.abc import Mapping, Sequence

from tradepost.areas.accounts.service import queue_email
from tradepost.areas.inventory.service import PackedUnits, Release, release
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Forbidden, InvalidTransition, NotFound, PaymentInProgress, Unauthenticated
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import OrderRow
from ..resource import orders, transitions
from ..schemas import Order, OrderCancelInput
from .fulfilment_rows import cancel_pending
from .line_units import (
    NOTHING_PACKED,
    LineUnits,
    load_lines,
    load_packed_units,
    requested_units,
    unit_list,
    write_counters,
)
from .open_payments import after_voiding, check_no_open_payment
from .settlement import lock_order_for, settle
from .timeline import TimelineEntry, emit


class Cancellations(Service):
    """Cancels orders."""

    @operation(
        "order_cancel",
        "command",
        orders,
        access=policy.anyone,
        input=OrderCancelInput,
        problems=(Unauthenticated, Forbidden, NotFound, InvalidTransition, PaymentInProgress),
        requires_idempotency_key=True,
        transaction="manual",
    )
    async def cancel(self, key: str, input: OrderCancelInput, selection: Selection[Order]) -> Record[Order]:
        """Cancel an order, or units of its lines that have not shipped. Their stock is released.

        Without `lines` the whole order is cancelled with its pending fulfilments, if nothing has
        shipped. Units in a pending fulfilment cannot be cancelled alone. If no units are left and
        none have shipped, the order is cancelled. An open bank transfer is lowered to what is left
        to pay, an open payment at a provider is voided first. Money that was captured for the
        cancelled units is refunded.
        """
        return await after_voiding(self, lambda: self._cancel(key, input, selection))

    async def _cancel(self, key: str, input: OrderCancelInput, selection: Selection[Order]) -> Record[Order]:
        order = await lock_order_for(self, key, policy.manage)
        check_no_open_payment(order)
        packed = await load_packed_units(self.context, order.id)
        lines = await load_lines(self.context, order.id, packed)
        if input.lines is None:
            units, packed = await _all_units(self.context, order, lines), NOTHING_PACKED
        else:
            units = requested_units(input.lines, lines, "cancelled")
        await cancel_units(self.context, order, lines, units, input.reason, packed)
        return await self.read_back(orders, selection, order.id)


async def cancel_units(
    context: CallContext,
    order: OrderRow,
    lines: Sequence[LineUnits],
    units: Mapping[str, int],
    reason: str | None,
    packed: PackedUnits,
) -> None:
    """Cancel units of the lines of a locked order, and release their stock but what is packed.

    The stock is released after the handlers of the cancellation, which lock the payments. If the
    cancellation confirms the order, the stock of lines that need no shipping is taken before them.
    """
    lines_after = [line.after(cancelled=units.get(line.id, 0)) for line in lines]
    changed = await write_counters(context, order, lines, lines_after)
    is_whole = all(line.cancelled == line.quantity for line in lines_after)
    entry = TimelineEntry("cancelled" if is_whole else "units_cancelled", reason=reason, lines=unit_list(units))
    if is_whole:
        close(order, "order_cancel")
        order.cancelled_total_amount, order.cancel_reason = order.grand_total_amount, reason
    else:
        order.cancelled_total_amount += sum([line.value(units.get(line.id, 0)) for line in lines])
    await settle(context, order, entry)
    if is_whole:
        emit(context, order, "cancelled")
        queue_email(context, "order_cancelled", order.id)
    else:
        emit(context, order, "updated", changed=["cancelled_total", *changed])
    await context.handle_events()
    await release(context, [Release(order.id, units, entry.id, packed)])


def close(order: OrderRow, step: str) -> None:
    """Move a locked order to a final status. The payments area voids its payments."""
    transitions.move(order, step)
    order.expires_at, order.authorized_amount, order.payment_progress = None, 0, None


async def _all_units(context: CallContext, order: OrderRow, lines: Sequence[LineUnits]) -> dict[str, int]:
    """Return the units of all lines, and cancel the pending fulfilments.

    Raise InvalidTransition if units have shipped.
    """
    if any(line.shipped for line in lines):
        raise InvalidTransition("Units of this order have shipped; give the `lines` to cancel.")
    await cancel_pending(context, order)
    return {line.id: line.unshipped for line in lines if line.unshipped}
