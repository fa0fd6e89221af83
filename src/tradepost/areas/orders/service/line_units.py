"""The lines of an order as far as their units concern cancellations, fulfilments and returns."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import select

from tradepost.areas.inventory.service import PackedUnits
from tradepost.kit.problems import Fault
from tradepost.kit.schema.money import refund_step
from tradepost.kit.schema.money_arithmetic import share
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from ..models import FulfilmentLineRow, FulfilmentRow, OrderLineRow, OrderRow
from ..schemas import OrderUnitsInput
from .statuses import derive_fulfilment_status

NOTHING_PACKED: PackedUnits = {}


class LineUnits(msgspec.Struct, frozen=True):
    """A line of an order and its counters. `packed` are the units in pending fulfilments."""

    id: str
    version: int
    position: int
    requires_shipping: bool
    quantity: int
    total: int
    shipped: int
    cancelled: int
    returned: int
    currency: str
    packed: int = 0

    @property
    def unshipped(self) -> int:
        """The units that have neither shipped nor been cancelled."""
        return self.quantity - self.shipped - self.cancelled

    @property
    def free(self) -> int:
        """Those that are not packed either. They can be cancelled and fulfilled."""
        return self.unshipped - self.packed

    def value(self, units: int) -> int:
        """Return what the next units to be cancelled are worth, in minor units."""
        return share(self.total, units, self.quantity, self.cancelled, refund_step(self.currency))

    def after(self, *, shipped: int = 0, cancelled: int = 0, returned: int = 0) -> "LineUnits":
        """Return the line after units of it have shipped, were cancelled or have come back."""
        return msgspec.structs.replace(
            self,
            shipped=self.shipped + shipped,
            cancelled=self.cancelled + cancelled,
            returned=self.returned + returned,
        )


async def load_lines(context: CallContext, order_id: str, packed: PackedUnits) -> list[LineUnits]:
    """Return the lines of a locked order. The lock of the order covers them."""
    query = select(
        OrderLineRow.id,
        OrderLineRow.version,
        OrderLineRow.position,
        OrderLineRow.requires_shipping,
        OrderLineRow.quantity,
        OrderLineRow.total_amount,
        OrderLineRow.shipped,
        OrderLineRow.cancelled,
        OrderLineRow.returned,
        OrderLineRow.currency,
    ).where(OrderLineRow.order_id == order_id)
    rows = await context.session.execute(query.order_by(OrderLineRow.position, OrderLineRow.id))
    totals = dict[str, int]()
    for (line_id, _), units in packed.items():
        totals[line_id] = totals.get(line_id, 0) + units
    return [LineUnits(*row, packed=totals.get(row.id, 0)) for row in rows]


async def load_packed_units(context: CallContext, order_id: str) -> PackedUnits:
    """Return the units in pending fulfilments of a locked order, by line and location."""
    query = (
        select(FulfilmentLineRow.order_line_id, FulfilmentRow.location_id, FulfilmentLineRow.quantity)
        .join(FulfilmentRow, FulfilmentRow.id == FulfilmentLineRow.fulfilment_id)
        .where(FulfilmentRow.order_id == order_id, FulfilmentRow.status == "pending")
    )
    packed = dict[tuple[str, str], int]()
    for line_id, location_id, quantity in await context.session.execute(query):
        packed[line_id, location_id] = packed.get((line_id, location_id), 0) + quantity
    return packed


async def write_counters(
    context: CallContext, order: OrderRow, before: Sequence[LineUnits], after: Sequence[LineUnits]
) -> list[str]:
    """Write the counters that differ, and derive the fulfilment status of the order.

    Return the names of the order's members that changed by that.
    """
    pairs = [(_counters(old), _counters(new)) for old, new in zip(before, after, strict=True) if new != old]
    await bulk.update_rows(context.session, OrderLineRow, pairs, context.clock())
    status = derive_fulfilment_status(after)
    changed = ["lines"] if status == order.fulfilment_status else ["fulfilment_status", "lines"]
    order.fulfilment_status = status
    return changed


def requested_units(wanted: Sequence[OrderUnitsInput], lines: Sequence[LineUnits], verb: str) -> dict[str, int]:
    """Return the units of an input by line, or raise Validation.

    verb: what is done with them, in messages: `cancelled`.
    """
    return units_within(wanted, {line.id: line.free for line in lines}, verb)


def units_within(wanted: Sequence[OrderUnitsInput], limits: Mapping[str, int], verb: str) -> dict[str, int]:
    """Return the units of an input by line, or raise Validation.

    limits: how many units of each line of the order it can have.
    """
    faults, units = list[Fault](), dict[str, int]()
    if not wanted:
        faults.append(Fault(code="too_short", detail="Give at least one line.", pointer="/lines"))
    for index, item in enumerate(wanted):
        id = str(item.order_line_id)
        if id not in limits:
            detail = "The order has no such line."
            faults.append(Fault(code="not_found", detail=detail, pointer=f"/lines/{index}/order_line_id"))
            continue
        units[id] = units.get(id, 0) + item.quantity
        if units[id] > limits[id]:
            detail = f"At most {limits[id]} of this line can be {verb}."
            faults.append(Fault(code="out_of_range", detail=detail, pointer=f"/lines/{index}/quantity"))
    if faults:
        raise validation_problem(faults)
    return units


def unit_list(units: Mapping[str, int]) -> list[dict[str, str | int]]:
    """Return units by line as the timeline has them."""
    return [{"order_line_id": id, "quantity": quantity} for id, quantity in units.items() if quantity]


def _counters(line: LineUnits) -> dict[str, str | int]:
    names = ("id", "version", "shipped", "cancelled", "returned")
    return {name: getattr(line, name) for name in names}
