"""Cancels orders, as a whole or in units of their lines."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import select

from tradepost.areas.inventory.service import Release, release
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Fault, Forbidden, InvalidTransition, NotFound, Unauthenticated
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.money_arithmetic import share
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import OrderLineRow, OrderRow
from ..resource import orders, transitions
from ..schemas import Order, OrderCancelInput, OrderCancelLineInput
from .settlement import lock_order_for, settle
from .statuses import derive_fulfilment_status
from .timeline import TimelineEntry, emit


class LineUnits(msgspec.Struct, frozen=True):
    """A line of an order, as far as cancellations concern it."""

    id: str
    version: int
    quantity: int
    total: int
    shipped: int
    cancelled: int
    returned: int

    @property
    def open(self) -> int:
        """The units that can be cancelled."""
        return self.quantity - self.shipped - self.cancelled

    def value(self, units: int) -> int:
        """Return what the next units to be cancelled are worth, in minor units."""
        return share(self.total, units, self.quantity, self.cancelled)

    def after(self, units: int) -> "LineUnits":
        """Return the line after units of it were cancelled."""
        return msgspec.structs.replace(self, cancelled=self.cancelled + units)


class Cancellations(Service):
    """Cancels orders."""

    @operation(
        "order_cancel",
        "command",
        orders,
        access=policy.anyone,
        input=OrderCancelInput,
        problems=(Unauthenticated, Forbidden, NotFound, InvalidTransition),
        requires_idempotency_key=True,
    )
    async def cancel(self, key: str, input: OrderCancelInput, selection: Selection[Order]) -> Record[Order]:
        """Cancel an order, or units of its lines that have not shipped. Their stock is released.

        If no units are left and none have shipped, the order is cancelled. An open bank transfer is
        lowered to what is left to pay. An order with captured money cannot be cancelled.
        """
        order = await lock_order_for(self, key, policy.manage)
        lines = await _load_lines(self.context, order.id)
        units = _units(input.lines, lines)
        await cancel_units(self.context, order, lines, units, input.reason)
        return await self.read_back(orders, selection, order.id)


async def cancel_units(
    context: CallContext, order: OrderRow, lines: Sequence[LineUnits], units: Mapping[str, int], reason: str | None
) -> None:
    """Cancel units of the lines of a locked order, and release their stock.

    The stock comes last, after the handlers of the cancellation, which lock the payments: levels
    are locked after payments everywhere.
    """
    lines_after = [line.after(units.get(line.id, 0)) for line in lines]
    pairs = [
        ({"id": line.id, "version": line.version, "cancelled": line.cancelled}, {"cancelled": after.cancelled})
        for line, after in zip(lines, lines_after, strict=True)
        if after != line
    ]
    await bulk.update_rows(context.session, OrderLineRow, pairs, context.clock())
    order.fulfilment_status = derive_fulfilment_status(lines_after)
    is_whole = all(line.cancelled == line.quantity for line in lines_after)
    entry = TimelineEntry(
        "cancelled" if is_whole else "units_cancelled",
        reason=reason,
        lines=[{"order_line_id": id, "quantity": quantity} for id, quantity in units.items()],
    )
    if is_whole:
        close(order, "order_cancel")
        order.cancelled_total_amount, order.cancel_reason = order.grand_total_amount, reason
    else:
        order.cancelled_total_amount += sum([line.value(units.get(line.id, 0)) for line in lines])
    await settle(context, order, entry)
    if is_whole:
        emit(context, order, "cancelled")
    else:
        emit(context, order, "updated", changed=["cancelled_total", "lines"])
    await context.handle_events()
    await release(context, [Release(order.id, units, entry.id)])


def close(order: OrderRow, step: str) -> None:
    """Move a locked order to a final status. The payments area voids its payments."""
    transitions.move(order, step)
    order.expires_at, order.authorized_amount = None, 0


async def _load_lines(context: CallContext, order_id: str) -> list[LineUnits]:
    """Return the lines of a locked order. The lock of the order covers them."""
    query = select(
        OrderLineRow.id,
        OrderLineRow.version,
        OrderLineRow.quantity,
        OrderLineRow.total_amount,
        OrderLineRow.shipped,
        OrderLineRow.cancelled,
        OrderLineRow.returned,
    ).where(OrderLineRow.order_id == order_id)
    rows = await context.session.execute(query.order_by(OrderLineRow.position, OrderLineRow.id))
    return [LineUnits(*row) for row in rows]


def _units(wanted: Sequence[OrderCancelLineInput] | None, lines: Sequence[LineUnits]) -> dict[str, int]:
    """Return the units to cancel by line, or raise Validation or InvalidTransition."""
    if wanted is None:
        if any(line.shipped for line in lines):
            raise InvalidTransition("Units of this order have shipped; give the `lines` to cancel.")
        return {line.id: line.open for line in lines if line.open}
    by_id, faults, units = {line.id: line for line in lines}, list[Fault](), dict[str, int]()
    if not wanted:
        faults.append(Fault(code="too_short", detail="Give at least one line.", pointer="/lines"))
    for index, item in enumerate(wanted):
        id = str(item.order_line_id)
        if id not in by_id:
            detail = "The order has no such line."
            faults.append(Fault(code="not_found", detail=detail, pointer=f"/lines/{index}/order_line_id"))
            continue
        units[id] = units.get(id, 0) + item.quantity
        if units[id] > by_id[id].open:
            detail = f"{by_id[id].open} units of this line can be cancelled."
            faults.append(Fault(code="out_of_range", detail=detail, pointer=f"/lines/{index}/quantity"))
    if faults:
        raise validation_problem(faults)
    return units
