"""Refunds: hidden with their order. Staff make them, and complete those that they pay back."""

from typing import Any

from sqlalchemy import insert, select, update

from tests.areas.orders.case.orders import ORDERS, is_visible
from tests.areas.orders.case.rows import insert_order, new_variant, sample_of_orders
from tests.parity.access.table import STAFF_ONLY, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.parity.harness import UNKNOWN_ID, Json
from tradepost.areas.orders.models import OrderLineRow
from tradepost.areas.payments.models import RefundLineRow, RefundRow
from tradepost.kit.ids import new_id

from .payments import insert_payment

MONEY = {"amount": 500, "currency": "EUR"}
TAX_LINE = {"percentage": "19", "taxable": {"amount": 420, "currency": "EUR"}, "tax": {"amount": 80, "currency": "EUR"}}


async def insert_refund(context: CaseContext, order_id: str, payment_id: str, **columns: Any) -> str:
    """Insert a refund with one unit of each line of an order, and return its id."""
    values: Json = {
        "order_id": order_id,
        "payment_id": payment_id,
        "currency": "EUR",
        "amount_amount": 500,
        "tax_lines": [TAX_LINE],
        "actor": "staff",
        "status": "succeeded",
    }
    async with context.app.state.database.transaction() as session:
        row = RefundRow(id=new_id(RefundRow.__number__), **values | columns)
        session.add(row)
        await session.flush()
        query = select(OrderLineRow.id, OrderLineRow.position).where(OrderLineRow.order_id == order_id)
        amounts = {"quantity": 1, "currency": "EUR", "amount_amount": 1000, "tax_amount": 160}
        lines = [
            {"refund_id": row.id, "order_line_id": id, "position": position, **amounts}
            for id, position in await session.execute(query.order_by(OrderLineRow.position))
        ]
        if lines:
            await session.execute(insert(RefundLineRow), lines)
    return row.id


async def set_status(context: CaseContext, id: str, status: str) -> None:
    """Put a refund into a status."""
    async with context.app.state.database.transaction() as session:
        await session.execute(update(RefundRow).where(RefundRow.id == id).values(status=status))


async def paid_order(context: CaseContext, **columns: Any) -> tuple[str, str]:
    """Insert a paid order of the owner and its payment, and return their ids."""
    values = {
        "number": f"n{context.mark}"[:20],
        "email": f"{context.mark}@shop.example",
        "status": "confirmed",
        "payment_status": "paid",
        "captured_amount": 2000,
    }
    order = await insert_order(context, [await new_variant(context)], **values | columns)
    return order, await insert_payment(context, order, status="captured", captured_amount=2000)


async def captured_payment(context: CaseContext) -> str:
    """Insert a captured payment of an order of the owner, and return its id."""
    return (await paid_order(context))[1]


async def one_unit(context: CaseContext) -> Json:
    """Return the input for a refund of one unit of that order."""
    order = await context.read(f"/orders/n{context.mark}"[:28], fields="lines{id}")
    return {"lines": [{"order_line_id": order["lines"][0]["id"], "quantity": 1}], "reason": "Scratched."}


async def row(context: CaseContext) -> str:
    """Insert a pending refund of an order of the owner, and return its id."""
    order, payment = await paid_order(context)
    return await insert_refund(context, order, payment, status="pending")


async def sample(context: CaseContext) -> Sample:
    """Create refunds of the sample payments."""
    orders, payments = context.samples["Order"].rows, context.samples["Payment"].rows
    shown = await insert_refund(context, orders["shown"], payments["shown"], status="pending", reason="Scratched.")
    failure = {"failure_code": "declined", "failure_detail": "The card has expired."}
    hidden = await insert_refund(context, orders["hidden"], payments["hidden"], status="failed", **failure)
    sample = sample_of_orders(context, "refund", shown, hidden, ("pending", "succeeded", "failed"))
    pairs = (("shown", shown, sample.shown), ("hidden", hidden, sample.hidden))
    places = {
        kind: {name: place for name, place in places.items() if name != "order_refund_list"}
        | {"payment_refund_list": Place(payments[kind], refund)}
        for kind, refund, places in pairs
    }
    return Sample(keys=sample.keys, filter_values=sample.filter_values, rows=sample.rows, **places)


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of refunds, and return one with many lines."""
    for _ in range(101):
        order = await insert_order(context)
        await insert_refund(context, order, await insert_payment(context, order, status="voided"))
    return await insert_refund(context, context.keys["Order"], context.keys["Payment"])


REFUND = EntityCase(
    name="Refund",
    plural="refunds",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="amount,shipping,tax_lines{percentage},reason,actor,status,failure,version,lines{quantity}",
    replayed="id,status,links,a:amount,lines{quantity,order_line{sku}}",
    set_status=set_status,
    open_actions={"customer": set(), "staff": {"refund_complete"}, "admin": {"refund_complete"}},
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("order", row["order_id"])),
        parents={"payment_refund_list": lambda view, row, key: row["payment_id"] == key},
    ),
    bad_values={
        "amount": [MONEY, {"amount": 0, "currency": "EUR"}, None],
        "lines": [[], [{"order_line_id": UNKNOWN_ID, "quantity": n} for n in (1, 0)], None],
        "shipping": [True, None],
        "reason": ["", "x" * 501, "Two\nlines", None],
        "return_id": ["x", UNKNOWN_ID, None],
    },
    reads=(
        ReadCase("refund_list", ORDERS, {"id,amount": 1, "id,order{number},lines{quantity}": 2}),
        ReadCase("refund_get", ORDERS, {"status,payment{provider}": 1, "id,lines{order_line{sku}}": 2}),
        ReadCase("payment_refund_list", ORDERS, {"status": 2, "id,lines{quantity}": 3}),
    ),
    writes=(
        WriteCase(
            "refund_create",
            STAFF_ONLY,
            path="/payments/{0}/refunds",
            row=captured_payment,
            bodies=({"amount": MONEY}, one_unit, {}),
            faults=(
                Fault({"amount": {"amount": 9999, "currency": "EUR"}}, ("/amount/amount",)),
                Fault({"amount": {"amount": 0, "currency": "EUR"}}, ("/amount/amount",)),
                Fault({"amount": {"amount": 1, "currency": "USD"}}, ("/amount/currency",)),
                Fault({"lines": [{"order_line_id": UNKNOWN_ID, "quantity": 1}]}, ("/lines/0/order_line_id",)),
                Fault({"lines": []}, ("/lines",)),
                Fault({"shipping": True}, ("/shipping",)),
                Fault({"reason": ""}, ("/reason",)),
                Fault({"return_id": UNKNOWN_ID}, ("/return_id",)),
            ),
        ),
        WriteCase("refund_complete", STAFF_ONLY, path="/refunds/{0}/completion"),
    ),
)


async def sample_lines(context: CaseContext) -> Sample:
    """Take the lines of the sample refunds."""
    path = f"/refunds/{context.samples['Refund'].rows['shown']}"
    return Sample(keys=[line["id"] for line in (await context.read(path, fields="lines{id}"))["lines"]], shown={})


async def many_lines(context: CaseContext) -> str:
    """Return a line of the refund with many lines."""
    refund = await context.read(f"/refunds/{context.keys['Refund']}", fields="lines{id}")
    return refund["lines"][0]["id"]


REFUND_LINE = EntityCase(
    name="RefundLine",
    plural="refund_lines",
    sample=sample_lines,
    many_rows=many_lines,
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("order", view.row("refund", row["refund_id"])["order_id"])),
        order=("position",),
        tables=("order", "refund"),
    ),
)
