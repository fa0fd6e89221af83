"""Rows of returns and their events. The lock of the order covers them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, select

from tradepost.kit.ids import new_id
from tradepost.kit.problems import Conflict
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from ..models import MAX_RETURNS, MAX_RETURNS_BY_CUSTOMERS, OrderRow, ReturnLineRow, ReturnRow
from ..policy import WRITE
from .line_units import LineUnits
from .timeline import TimelineEntry, add_entries


class ReturnItem(msgspec.Struct, frozen=True):
    """Units of an order line that come back. What is None is not decided yet."""

    order_line_id: str
    quantity: int
    restock: bool | None = None
    location_id: str | None = None


def emit_return(context: CallContext, row: ReturnRow, name: str, **data: Any) -> None:
    """Emit an event of a return, such as `return.requested`."""
    context.emit(f"return.{name}", row.id, order_id=row.order_id, kind=row.kind, status=row.status, **data)


async def check_count(context: CallContext, order_id: str) -> None:
    """Raise Conflict if an order has the most returns that the caller can give it."""
    query, is_staff = select(func.count()).where(ReturnRow.order_id == order_id), context.caller.has_permission(WRITE)
    most = MAX_RETURNS if is_staff else MAX_RETURNS_BY_CUSTOMERS
    if (await context.session.scalar(query) or 0) >= most:
        raise Conflict(f"At most {most} returns of an order can be created.")


async def load_requested(context: CallContext, order_id: str, excluded_id: str | None = None) -> dict[str, int]:
    """Return the units in the requested returns of a locked order, by line.

    excluded_id: the return that does not count.
    """
    line, row = ReturnLineRow, ReturnRow
    query = select(line.order_line_id, line.quantity).join(row, row.id == line.return_id)
    query = query.where(row.order_id == order_id, row.status == "requested")
    if excluded_id is not None:
        query = query.where(row.id != excluded_id)
    units = dict[str, int]()
    for line_id, quantity in await context.session.execute(query):
        units[line_id] = units.get(line_id, 0) + quantity
    return units


def returnable_units(lines: Sequence[LineUnits], requested: Mapping[str, int]) -> dict[str, int]:
    """Return how many units of each line can still come back."""
    return {line.id: line.shipped - line.returned - requested.get(line.id, 0) for line in lines}


async def insert_return(
    context: CallContext, order: OrderRow, lines: Sequence[LineUnits], items: Sequence[ReturnItem], **columns: Any
) -> ReturnRow:
    """Insert a requested return of units of a locked order."""
    await check_count(context, order.id)
    row = ReturnRow(id=new_id(ReturnRow.__number__), order_id=order.id, status="requested", **columns)
    context.session.add(row)
    await context.session.flush()
    await insert_lines(context, row, lines, items)
    return row


async def insert_lines(
    context: CallContext, row: ReturnRow, lines: Sequence[LineUnits], items: Sequence[ReturnItem]
) -> None:
    """Insert the lines of a return, in the order of the order's lines."""
    positions = {line.id: line.position for line in lines}
    rows = [
        {
            "id": new_id(ReturnLineRow.__number__),
            "return_id": row.id,
            "position": positions[item.order_line_id],
            **msgspec.structs.asdict(item),
        }
        for item in items
    ]
    await bulk.insert_rows(context.session, ReturnLineRow, rows, context.clock())


async def delete_lines(context: CallContext, row: ReturnRow) -> None:
    """Delete the lines of a return, which others replace."""
    await context.session.execute(delete(ReturnLineRow).where(ReturnLineRow.return_id == row.id))


async def load_items(context: CallContext, row: ReturnRow) -> list[ReturnItem]:
    """Return the lines of a return."""
    line = ReturnLineRow
    query = select(line.order_line_id, line.quantity, line.restock, line.location_id).where(line.return_id == row.id)
    return [ReturnItem(*columns) for columns in await context.session.execute(query.order_by(line.position, line.id))]


async def load_return_units(context: CallContext, return_id: str) -> dict[str, int]:
    """Return the units in a return, by order line."""
    line, units = ReturnLineRow, dict[str, int]()
    query = select(line.order_line_id, line.quantity).where(line.return_id == return_id)
    for line_id, quantity in await context.session.execute(query):
        units[line_id] = units.get(line_id, 0) + quantity
    return units


async def add_entry(context: CallContext, order: OrderRow, type: str, row: ReturnRow, **data: Any) -> None:
    """Add an entry about a return to the timeline of its order."""
    await add_entries(context, (order, TimelineEntry(type, return_id=row.id, **data)))
