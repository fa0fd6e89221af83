"""Withdrawal from the contract: the function that Directive (EU) 2023/2673 requires of shops."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from tradepost.areas.accounts.service import queue_email
from tradepost.areas.inventory.service import PackedUnits
from tradepost.kit.problems import Fault, InvalidTransition, Validation
from tradepost.kit.quoting import quote
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderLineRow, OrderRow, ReturnRow
from ..resource import return_transitions
from ..schemas import ReturnCreateInput
from .cancellation import cancel_units
from .fulfilment_rows import cancel_pending
from .line_units import NOTHING_PACKED, LineUnits, load_lines, load_packed_units, unit_list, units_within
from .open_payments import check_no_open_payment
from .return_receipt import STEP
from .return_rows import ReturnItem, add_entry, emit_return, insert_return, load_requested


async def withdraw(context: CallContext, order: OrderRow, new: ReturnCreateInput) -> ReturnRow:
    """Withdraw from the contract about units of a locked order, or about all of them.

    Units that have not shipped are cancelled; pending fulfilments are too if they have such units.
    The others become a requested return. If there are none, the return is received at once.
    """
    if new.received:
        raise Validation.at_pointer("/received", f"A withdrawal is received by `{STEP}`.", "not_allowed")
    packed = await load_packed_units(context, order.id)
    lines = await load_lines(context, order.id, packed)
    units, kept = await _units(context, order, new, lines)
    unshipped = {line.id: min(units.get(line.id, 0), line.unshipped) for line in lines}
    items = [ReturnItem(id, quantity - unshipped[id]) for id, quantity in units.items() if quantity > unshipped[id]]
    if any(unshipped.values()):
        check_no_open_payment(order)
    has_shipped = any(line.shipped for line in lines)
    row = await insert_return(
        context,
        order,
        lines,
        items,
        kind=new.kind.value,
        reason=new.reason,
        # If nothing has shipped, the costs of shipping are part of what is cancelled.
        refunds_shipping=kept == 0 and has_shipped,
    )
    emit_return(context, row, "requested")
    data = {"kind": row.kind, "reason": new.reason, "lines": unit_list(units)}
    await add_entry(context, order, "return_requested", row, **data)
    queue_email(context, "withdrawal_received", row.id, lines=unit_list(units))
    if not items:
        await _receive(context, order, row)
    if any(unshipped.values()):
        await _cancel(context, order, lines, unshipped, new.reason, packed)
    return row


async def _units(
    context: CallContext, order: OrderRow, new: ReturnCreateInput, lines: Sequence[LineUnits]
) -> tuple[dict[str, int], int]:
    """Return the units by line, and how many the customer keeps, or raise a problem."""
    requested = await load_requested(context, order.id)
    limits = {line.id: line.quantity - line.cancelled - line.returned - requested.get(line.id, 0) for line in lines}
    units = {id: limit for id, limit in limits.items() if limit}
    if new.lines is not None:
        units = units_within(new.lines, limits, "withdrawn")
    if not units:
        raise InvalidTransition("All units of this order were cancelled or returned, or their return is requested.")
    await _check_excluded(context, order, new, units)
    return units, sum(limits.values()) - sum(units.values())


async def _check_excluded(
    context: CallContext, order: OrderRow, new: ReturnCreateInput, units: Mapping[str, int]
) -> None:
    """Raise Validation if lines are excluded from the right of withdrawal."""
    query = select(OrderLineRow.id, OrderLineRow.sku)
    query = query.where(OrderLineRow.order_id == order.id, OrderLineRow.withdrawal_excluded)
    excluded = {id: sku for id, sku in await context.session.execute(query) if id in units}
    if not excluded:
        return
    if new.lines is None:
        named = ", ".join([quote(sku) for sku in excluded.values()])
        detail = f"Excluded from the right of withdrawal: {named}. Give the `lines` of the other goods."
        raise Validation.at_pointer("/lines", detail, "withdrawal_excluded")
    faults = [
        Fault(
            code="withdrawal_excluded",
            detail=f"{quote(excluded[id])} is excluded from the right of withdrawal.",
            pointer=f"/lines/{index}/order_line_id",
        )
        for index, line in enumerate(new.lines)
        if (id := str(line.order_line_id)) in excluded
    ]
    raise validation_problem(faults)


async def _receive(context: CallContext, order: OrderRow, row: ReturnRow) -> None:
    """Receive a withdrawal of units that have not shipped. Their cancellation refunds them."""
    return_transitions.move(row, STEP)
    await context.session.flush()
    emit_return(context, row, "received", refund=False, shipping=False)
    await add_entry(context, order, "return_received", row)


async def _cancel(
    context: CallContext,
    order: OrderRow,
    lines: Sequence[LineUnits],
    units: Mapping[str, int],
    reason: str | None,
    packed: PackedUnits,
) -> None:
    """Cancel units that have not shipped. If some of them are packed, unpack them."""
    if any(units[line.id] > line.free for line in lines):
        await cancel_pending(context, order)
        packed = NOTHING_PACKED
    await cancel_units(context, order, lines, units, reason, packed)
