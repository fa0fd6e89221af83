"""Returns: hidden with their order. Customers request and cancel them, staff receive them."""

from typing import Any

from sqlalchemy import insert, select

from tests.parity.access.table import STAFF_ONLY
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.parity.harness import UNKNOWN_ID, Json
from tradepost.areas.orders.models import OrderLineRow, ReturnLineRow, ReturnRow
from tradepost.kit.ids import new_id

from .orders import OPEN_ORDER, ORDERS, is_visible
from .rows import insert_order, line_of, open_order, sample_of_orders, set_shipped


async def insert_return(context: CaseContext, order_id: str, **columns: Any) -> str:
    """Insert a return with one unit of each line of an order, and return its id."""
    async with context.app.state.database.transaction() as session:
        row = ReturnRow(id=new_id(ReturnRow.__number__), order_id=order_id, **({"kind": "return"} | columns))
        session.add(row)
        await session.flush()
        query = select(OrderLineRow.id, OrderLineRow.position).where(OrderLineRow.order_id == order_id)
        lines = [
            {"return_id": row.id, "order_line_id": id, "position": position, "quantity": 1}
            for id, position in await session.execute(query.order_by(OrderLineRow.position))
        ]
        if lines:
            await session.execute(insert(ReturnLineRow), lines)
    return row.id


async def shipped_order(context: CaseContext) -> str:
    """Insert an order of the owner or of the guest that has shipped, and return its id."""
    id = await open_order(context, status="confirmed", authorized_amount=2000)
    async with context.app.state.database.transaction() as session:
        await set_shipped(session, id, 2)
    return id


async def one_unit(context: CaseContext) -> Json:
    """Return the input for a return of one unit of that order."""
    return {"lines": [{"order_line_id": await line_of(context), "quantity": 1}], "reason": "Too small."}


async def kept_and_restocked(context: CaseContext) -> Json:
    """Return the input for a receipt: one unit goes back into the stock, and one does not."""
    line = {"order_line_id": await line_of(context), "quantity": 1}
    return {"lines": [line | {"restock": True}, line | {"restock": False}], "refund": True, "shipping": True}


async def row(context: CaseContext) -> str:
    """Insert a requested return of an order that has shipped, and return its id."""
    return await insert_return(context, await shipped_order(context))


async def sample(context: CaseContext) -> Sample:
    """Create returns of the sample orders."""
    orders = context.samples["Order"].rows
    shown = await insert_return(context, orders["shown"], reason="Too small.")
    hidden = await insert_return(context, orders["hidden"], kind="withdrawal", status="cancelled")
    return sample_of_orders(context, "return", shown, hidden, ("requested", "cancelled", "received"))


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of returns, and return one with many lines."""
    for _ in range(101):
        await insert_return(context, await insert_order(context))
    return await insert_return(context, context.keys["Order"])


ACTIONS = {"return_receive", "return_reject", "return_cancel"}
RETURN = EntityCase(
    name="Return",
    plural="returns",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="kind,status,reason,rejection_reason,refunds_shipping,version,lines{quantity,restock}",
    replayed="id,kind,status,links,t:reason,lines{quantity,order_line{sku}}",
    open_actions={"customer": {"return_cancel"}, "staff": ACTIONS, "admin": ACTIONS},
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("order", row["order_id"])),
        parents={"order_return_list": lambda view, row, key: row["order_id"] == key},
    ),
    bad_values={
        "kind": ["return", None],
        "lines": [[], [{"order_line_id": UNKNOWN_ID, "quantity": n} for n in (1, 0)], None],
        "reason": ["", "x" * 501, "Two\nlines", None],
        "received": [False, None],
        "refund": [False, None],
        "shipping": [None],
    },
    reads=(
        ReadCase("return_list", ORDERS, {"id,status": 1, "id,order{number},lines{quantity}": 2}),
        ReadCase("return_get", ORDERS, {"kind,fulfilment{status}": 1, "id,lines{order_line{sku}}": 2}),
        ReadCase("order_return_list", ORDERS, {"status": 2, "id,lines{quantity}": 3}),
    ),
    writes=(
        WriteCase(
            "order_return",
            OPEN_ORDER,
            role="customer",
            for_guests=True,
            path="/orders/{0}/returns",
            row=shipped_order,
            bodies=(one_unit, {"kind": "withdrawal", "reason": "Too late."}),
            faults=(
                Fault({}, ("/lines",)),
                Fault({"lines": []}, ("/lines",)),
                Fault({"lines": [{"order_line_id": UNKNOWN_ID, "quantity": 1}]}, ("/lines/0/order_line_id",)),
                Fault({"kind": "withdrawal", "reason": "x" * 501}, ("/reason",)),
                Fault(
                    {"reason": "", "lines": [{"order_line_id": UNKNOWN_ID, "quantity": 0}]},
                    ("/lines/0/quantity", "/reason"),
                ),
            ),
        ),
        WriteCase(
            "return_receive",
            STAFF_ONLY,
            path="/returns/{0}/receipt",
            bodies=({}, kept_and_restocked),
            faults=(
                Fault({"shipping": True}, ("/shipping",)),
                Fault({"lines": []}, ("/lines",)),
                Fault({"lines": [{"order_line_id": UNKNOWN_ID, "quantity": 1}]}, ("/lines/0/order_line_id",)),
            ),
        ),
        WriteCase(
            "return_reject",
            STAFF_ONLY,
            path="/returns/{0}/rejection",
            bodies=({"reason": "The lamp has been used."}, {}),
            faults=(Fault({"reason": ""}, ("/reason",)), Fault({"reason": "x" * 501}, ("/reason",))),
        ),
        WriteCase("return_cancel", OPEN_ORDER, role="customer", for_guests=True, path="/returns/{0}/cancellation"),
    ),
)


async def sample_lines(context: CaseContext) -> Sample:
    """Take the lines of the sample returns."""
    path = f"/returns/{context.samples['Return'].rows['shown']}"
    return Sample(keys=[line["id"] for line in (await context.read(path, fields="lines{id}"))["lines"]], shown={})


async def many_lines(context: CaseContext) -> str:
    """Return a line of the return with many lines."""
    row = await context.read(f"/returns/{context.keys['Return']}", fields="lines{id}")
    return row["lines"][0]["id"]


RETURN_LINE = EntityCase(
    name="ReturnLine",
    plural="return_lines",
    sample=sample_lines,
    many_rows=many_lines,
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("order", view.row("return", row["return_id"])["order_id"])),
        order=("position",),
        tables=("order",),
    ),
)
