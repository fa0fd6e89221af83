"""Fulfilments: hidden with their order. Staff pack, ship and deliver them."""

from typing import Any

from sqlalchemy import insert, select, update

from tests.parity.access.table import STAFF_ONLY
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.parity.harness import UNKNOWN_ID, Json
from tradepost.areas.inventory.models import StockLocationRow
from tradepost.areas.orders.models import FulfilmentLineRow, FulfilmentRow, OrderLineRow
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id

from .orders import ORDERS, is_visible
from .rows import insert_order, line_of, new_variant, sample_of_orders, set_shipped

TRACKING = {"carrier": "DHL", "tracking_number": "0034", "tracking_url": "https://tracking.example.com/0034"}


async def insert_fulfilment(context: CaseContext, order_id: str, **columns: Any) -> str:
    """Insert a fulfilment with one unit of each line of an order, and return its id."""
    async with context.app.state.database.transaction() as session:
        location = await session.scalar(select(StockLocationRow.id).where(StockLocationRow.code == "main"))
        values = {"order_id": order_id, "location_id": location, "status": "pending"} | columns
        row = FulfilmentRow(id=new_id(FulfilmentRow.__number__), **values)
        session.add(row)
        await session.flush()
        query = select(OrderLineRow.id, OrderLineRow.position).where(OrderLineRow.order_id == order_id)
        lines = [
            {"fulfilment_id": row.id, "order_line_id": id, "position": position, "quantity": 1}
            for id, position in await session.execute(query.order_by(OrderLineRow.position))
        ]
        if lines:
            await session.execute(insert(FulfilmentLineRow), lines)
    return row.id


async def set_status(context: CaseContext, id: str, status: str) -> None:
    """Put a fulfilment into a status, with the times that belong to it."""
    times = {
        "shipped_at": now() if status in ("shipped", "delivered", "returned") else None,
        "delivered_at": now() if status == "delivered" else None,
    }
    async with context.app.state.database.transaction() as session:
        await session.execute(update(FulfilmentRow).where(FulfilmentRow.id == id).values(status=status, **times))


async def confirmed_order(context: CaseContext) -> str:
    """Insert a confirmed order of the owner, with a line, and return its id."""
    columns = {"number": f"n{context.mark}"[:20], "email": f"{context.mark}@shop.example"}
    return await insert_order(
        context, [await new_variant(context)], status="confirmed", authorized_amount=2000, **columns
    )


async def one_unit(context: CaseContext) -> Json:
    """Return the input for a fulfilment of one unit of that order."""
    return {"lines": [{"order_line_id": await line_of(context), "quantity": 1}]}


async def shipped_unit(context: CaseContext) -> Json:
    """Return the input for a fulfilment that has shipped already."""
    return {**await one_unit(context), "shipped": True, **TRACKING}


async def row(context: CaseContext) -> str:
    """Insert a pending fulfilment of a confirmed order of the owner, and return its id."""
    return await insert_fulfilment(context, await confirmed_order(context))


async def shipped_row(context: CaseContext) -> str:
    """The same, but shipped."""
    id = await row(context)
    await set_status(context, id, "shipped")
    return id


async def parcel(context: CaseContext) -> str:
    """Insert a shipped fulfilment of an order that counts its units, and return its id."""
    id = await shipped_row(context)
    async with context.app.state.database.transaction() as session:
        order_id = await session.scalar(select(FulfilmentRow.order_id).where(FulfilmentRow.id == id))
        await set_shipped(session, order_id, 1)
    return id


async def sample(context: CaseContext) -> Sample:
    """Create fulfilments of the sample orders."""
    orders = context.samples["Order"].rows
    shown = await insert_fulfilment(context, orders["shown"], **TRACKING)
    hidden = await insert_fulfilment(context, orders["hidden"], status="cancelled")
    return sample_of_orders(context, "fulfilment", shown, hidden, ("pending", "cancelled", "returned"))


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of fulfilments, and return one with many lines."""
    for _ in range(101):
        await insert_fulfilment(context, await insert_order(context))
    return await insert_fulfilment(context, context.keys["Order"])


ACTIONS = {"fulfilment_update", "fulfilment_ship", "fulfilment_cancel"}
FULFILMENT = EntityCase(
    name="Fulfilment",
    plural="fulfilments",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="status,carrier,tracking_number,tracking_url,version,lines{quantity}",
    replayed="id,status,links,t:tracking_number,lines{quantity,order_line{sku}}",
    set_status=set_status,
    open_actions={"customer": set(), "staff": ACTIONS, "admin": ACTIONS},
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("order", row["order_id"])),
        parents={"order_fulfilment_list": lambda view, row, key: row["order_id"] == key},
    ),
    bad_values={
        "lines": [[], [{"order_line_id": UNKNOWN_ID, "quantity": n} for n in (1, 0)]],
        "location_id": ["x", UNKNOWN_ID, None],
        "carrier": ["", "x" * 101, "Two\nlines", None],
        "tracking_number": ["", "x" * 101, None],
        "tracking_url": ["https://tracking.example.com", "javascript:alert(1)", "", "https://a b", None],
        "shipped": [True, False, None],
        "allow_unpaid": [True, None],
    },
    reads=(
        ReadCase("fulfilment_list", ORDERS, {"id,status": 1, "id,order{number},lines{quantity}": 2}),
        ReadCase("fulfilment_get", ORDERS, {"status,location{code}": 1, "id,lines{order_line{sku}}": 2}),
        ReadCase("order_fulfilment_list", ORDERS, {"status": 2, "id,lines{quantity}": 3}),
    ),
    writes=(
        WriteCase(
            "fulfilment_create",
            STAFF_ONLY,
            path="/orders/{0}/fulfilments",
            row=confirmed_order,
            bodies=(one_unit, shipped_unit),
            faults=(
                Fault({"lines": [{"order_line_id": UNKNOWN_ID, "quantity": 1}]}, ("/lines/0/order_line_id",)),
                Fault(
                    {"lines": [{"order_line_id": UNKNOWN_ID, "quantity": 0}], "carrier": ""},
                    ("/carrier", "/lines/0/quantity"),
                ),
            ),
        ),
        WriteCase(
            "fulfilment_update",
            STAFF_ONLY,
            bodies=(TRACKING, {"carrier": "UPS"}),
            json_patches=([{"op": "replace", "path": "/tracking_number", "value": "0035"}],),
            faults=(Fault({"carrier": "", "tracking_url": "x"}, ("/carrier", "/tracking_url")),),
        ),
        WriteCase(
            "fulfilment_ship",
            STAFF_ONLY,
            path="/fulfilments/{0}/shipment",
            bodies=({}, {"carrier": "UPS", "allow_unpaid": True}),
            faults=(Fault({"carrier": "", "tracking_url": "x"}, ("/carrier", "/tracking_url")),),
        ),
        WriteCase("fulfilment_deliver", STAFF_ONLY, path="/fulfilments/{0}/delivery", row=shipped_row),
        WriteCase("fulfilment_cancel", STAFF_ONLY, path="/fulfilments/{0}/cancellation"),
        WriteCase("fulfilment_undeliverable", STAFF_ONLY, path="/fulfilments/{0}/undeliverable", row=parcel),
    ),
)


async def sample_lines(context: CaseContext) -> Sample:
    """Take the lines of the sample fulfilments."""
    path = f"/fulfilments/{context.samples['Fulfilment'].rows['shown']}"
    return Sample(keys=[line["id"] for line in (await context.read(path, fields="lines{id}"))["lines"]], shown={})


async def many_lines(context: CaseContext) -> str:
    """Return a line of the fulfilment with many lines."""
    fulfilment = await context.read(f"/fulfilments/{context.keys['Fulfilment']}", fields="lines{id}")
    return fulfilment["lines"][0]["id"]


FULFILMENT_LINE = EntityCase(
    name="FulfilmentLine",
    plural="fulfilment_lines",
    sample=sample_lines,
    many_rows=many_lines,
    oracle=OracleCase(
        visible=lambda view, row: is_visible(
            view, view.row("order", view.row("fulfilment", row["fulfilment_id"])["order_id"])
        ),
        order=("position",),
        tables=("order",),
    ),
)
