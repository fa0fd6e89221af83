"""Receives returns: the counters of the order, its timeline, and last the stock."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import select

from tradepost.areas.inventory.service import ReturnedUnits, check_locations, load_shipped_lines, take_back
from tradepost.kit.auth.access import Access
from tradepost.kit.problems import Fault
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import FulfilmentLineRow, FulfilmentRow, OrderRow, ReturnRow
from ..resource import return_transitions
from ..schemas import ReturnCreateInput, ReturnLineInput, ReturnReceiveInput
from .line_units import LineUnits, unit_list, units_within, write_counters
from .return_rows import ReturnItem, delete_lines, emit_return, insert_lines
from .settlement import settle
from .timeline import TimelineEntry, emit

STEP = "return_receive"


def check_permissions(context: CallContext, input: ReturnCreateInput | ReturnReceiveInput) -> None:
    """Raise Forbidden or Unauthenticated if the caller may not give one of the members."""
    lines, rules = input.lines or (), list[Access]()
    if isinstance(input, ReturnCreateInput) and input.received:
        rules.append(policy.manage)
    if input.refund or input.shipping is not None:
        rules.append(policy.record_payments)
    if any(line.restock is not None or line.location_id is not None for line in lines):
        rules.append(policy.write_stock)
    for rule in rules:
        rule.check(context.caller)


def check_refund(*, refund: bool, shipping: bool | None, is_received: bool) -> None:
    """Raise Validation if members about the refund do not fit together."""
    if refund and not is_received:
        detail = "The refund follows when the return is received."
        raise validation_problem([Fault(code="not_allowed", detail=detail, pointer="/refund")])
    if shipping and not refund:
        detail = "The costs of shipping are refunded with the units; set `refund` too."
        raise validation_problem([Fault(code="not_allowed", detail=detail, pointer="/shipping")])


async def requested_items(
    context: CallContext, wanted: Sequence[ReturnLineInput], limits: Mapping[str, int]
) -> list[ReturnItem]:
    """Return the units of an input, or raise Validation.

    limits: how many units of each line of the order can come back.
    """
    units_within(wanted, limits, "returned")
    seen, faults = set[tuple[str, bool]](), list[Fault]()
    for index, line in enumerate(wanted):
        pair = str(line.order_line_id), line.restock is not False
        if pair in seen:
            detail = "The line is given already. Add up the quantities, or give another `restock`."
            faults.append(Fault(code="duplicate", detail=detail, pointer=f"/lines/{index}"))
        seen.add(pair)
    if faults:
        raise validation_problem(faults)
    places = {f"/lines/{n}/location_id": str(line.location_id) for n, line in enumerate(wanted) if line.location_id}
    await check_locations(context, places)
    return [
        ReturnItem(
            str(line.order_line_id),
            line.quantity,
            line.restock,
            None if line.location_id is None else str(line.location_id),
        )
        for line in wanted
    ]


async def receive_return(
    context: CallContext,
    order: OrderRow,
    row: ReturnRow,
    lines: Sequence[LineUnits],
    items: Iterable[ReturnItem],
    *,
    refund: bool = False,
    shipping: bool | None = None,
) -> None:
    """Receive a requested return of a locked order.

    items: the units that came back. By default they are restocked at the location that they
        shipped from.
    shipping: whether a refund includes the costs of shipping; by default as the return says.

    The stock changes after the handlers of the receipt, which lock the payments.
    """
    shipped = await load_shipped_lines(context, order.id)
    places = {id: line.location_id for id, line in shipped.items()} | await _fulfilled_from(context, order)
    received = [_received(item, places) for item in items]
    return_transitions.move(row, STEP)
    if refund and shipping is not None:
        row.refunds_shipping = shipping
    await context.session.flush()
    await delete_lines(context, row)
    await insert_lines(context, row, lines, received)
    emit_return(context, row, "received", refund=refund, shipping=refund and row.refunds_shipping)
    units = dict[str, int]()
    for item in received:
        units[item.order_line_id] = units.get(item.order_line_id, 0) + item.quantity
    changed = await write_counters(
        context, order, lines, [line.after(returned=units.get(line.id, 0)) for line in lines]
    )
    await settle(context, order, TimelineEntry("return_received", return_id=row.id, lines=unit_list(units)))
    emit(context, order, "updated", changed=changed)
    await context.handle_events()
    restocked = [
        ReturnedUnits(item.order_line_id, item.location_id, item.quantity)
        for item in received
        if item.restock and item.location_id is not None
    ]
    await take_back(context, shipped, restocked, row.id)


def _received(item: ReturnItem, places: Mapping[str, str]) -> ReturnItem:
    """Return the units of a line as they are received."""
    return msgspec.structs.replace(
        item,
        restock=item.restock is not False,
        location_id=item.location_id or places.get(item.order_line_id),
    )


async def _fulfilled_from(context: CallContext, order: OrderRow) -> dict[str, str]:
    """Return the location from which units of each line shipped last."""
    line, row = FulfilmentLineRow, FulfilmentRow
    query = select(line.order_line_id, row.location_id).join(row, row.id == line.fulfilment_id)
    query = query.where(row.order_id == order.id, row.shipped_at.is_not(None)).order_by(row.shipped_at, row.id)
    return {line_id: location_id for line_id, location_id in await context.session.execute(query)}
