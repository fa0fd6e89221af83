"""Orders: a customer's own, that of a guest's cart, and all of them for staff."""

from sqlalchemy import update

from tests.parity.access.table import OWNER_AND_STAFF, STAFF_ONLY, A, H, Place, Row, Rule
from tests.parity.case import (
    CaseContext,
    EntityCase,
    Fault,
    OracleCase,
    OracleView,
    ReadCase,
    Sample,
    TableRow,
    WriteCase,
)
from tests.parity.harness import UNKNOWN_ID
from tradepost.areas.orders.models import OrderRow
from tradepost.kit.clock import now, to_rfc3339

from .rows import insert_order, open_order, ready_cart

# In order: anonymous, customer, other customer, moderator, staff, admin, empty key, catalog key
ORDERS = Rule(Row(H, A, H, H, A, A, H, H), Row(H, H, H, H, A, A, H, H, guest=A))
"""An order of the customer, and one of the guest."""
OPEN_ORDER = Rule(Row(H, A, H, H, A, A, H, H, guest=A))
ACTIONS = {"order_cancel", "order_note_add", "order_return", "payment_create"}
TOTAL = {"amount": 2400, "currency": "EUR"}


async def set_status(context: CaseContext, id: str, status: str) -> None:
    """Put an order into a status. Only pending orders expire."""
    columns = {"status": status} | ({} if status == "pending" else {"expires_at": None})
    async with context.app.state.database.transaction() as session:
        await session.execute(update(OrderRow).where(OrderRow.id == id).values(**columns))


async def sample(context: CaseContext) -> Sample:
    """Create orders of the owner, of another user and of the guest."""
    other, variants = context.samples["User"].rows["other"], context.samples["Variant"].keys
    shown = await insert_order(context, variants[:2])
    await insert_order(context, variants[:1], status="cancelled", cancelled_total_amount=2000, cancel_reason="Late")
    others = await insert_order(context, customer_id=other.id, email=other.email, grand_total_amount=100)
    guest = context.samples["Cart"].hidden["cart_get"].key
    hidden = await insert_order(context, variants[:1], customer_id=None, cart_id=guest, email="lee@shop.example")
    moment, row = to_rfc3339(now()), await context.read(f"/orders/{shown}", fields="number")
    number = row["number"]
    return Sample(
        keys=[shown, number, others, hidden, UNKNOWN_ID, "0"],
        filter_values={
            "number": [number, "0"],
            "status": ["pending", "cancelled", "expired"],
            "payment_status": ["unpaid", "paid"],
            "fulfilment_status": ["unfulfilled", "returned"],
            "customer_id": [context.owner.id, other.id, UNKNOWN_ID],
            "email": [context.owner.email, "lee@shop.example", "no"],
            "q": ["kim larsen", "lamp", "oak", "lee", number],
            **{f"placed_at_{name}": [moment] for name in ("gte", "gt", "lte", "lt")},
            **{f"grand_total_{name}": [100, 2000] for name in ("gte", "gt", "lte", "lt")},
        },
        shown={
            "order_list": Place(seeks=shown, filter=("customer_id", context.owner.id)),
            "user_order_list": Place(context.owner.id, shown),
            "order_get": Place(shown, shown),
        },
        hidden={
            "order_list": Place(seeks=hidden, filter=("email", "lee@shop.example")),
            "order_get": Place(hidden, hidden),
        },
        rows={"shown": shown, "hidden": hidden},
    )


def is_visible(view: OracleView, row: TableRow) -> bool:
    """Whether a caller sees an order."""
    return "orders:read" in view.permissions or view.is_own(row, "cart_id")


def search_text(view: OracleView, row: TableRow) -> str:
    """Return the words of an order that a search finds."""
    lines = [line for line in view.tables["order_line"] if line["order_id"] == row["id"]]
    goods = [line[name] for line in lines for name in ("product_name", "sku")]
    return " ".join([row["number"], row["email"], row["shipping_address_name"] or "", *goods])


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of orders of the owner, and return one with many lines."""
    for _ in range(101):
        await insert_order(context)
    path = f"/products/{context.keys['Product']}/variants"
    variants = (await context.read(path, fields="id", limit="50"))["data"]
    return await insert_order(context, [variant["id"] for variant in variants])


ORDER = EntityCase(
    name="Order",
    plural="orders",
    sample=sample,
    row=open_order,
    many_rows=many_rows,
    answer="status,payment_status,fulfilment_status,email,grand_total,cancelled_total,tax_lines{tax{amount}},shipping,"
    "shipping_address,shipping_method,note,version,lines{sku,quantity,cancelled,total}",
    replayed="id,number,status,grand_total{amount},links,t:grand_total,tax_lines,lines{sku,links}",
    open_actions={
        "customer": {"order_cancel", "order_return", "payment_create"},
        "staff": ACTIONS,
        "admin": ACTIONS,
    },
    set_status=set_status,
    oracle=OracleCase(
        visible=is_visible,
        order=("-placed_at",),
        columns={"grand_total": "grand_total_amount"},
        search_text=search_text,
        parents={"user_order_list": lambda view, row, key: row["customer_id"] == key},
        tables=("order_line",),
    ),
    bad_values={
        "cart_id": ["x", ""],
        "expected_total": [TOTAL, {"amount": -1, "currency": "EUR"}],
    },
    reads=(
        ReadCase("order_list", ORDERS, {"id,number,grand_total": 1, "id,lines{sku}": 2}),
        ReadCase("order_get", ORDERS, {"number,shipping_address{city}": 1, "id,lines{sku,variant{sku}}": 2}),
        ReadCase("user_order_list", OWNER_AND_STAFF, {"number": 2}),
    ),
    writes=(
        WriteCase(
            "order_place",
            OPEN_ORDER,
            role="customer",
            for_guests=True,
            path="/orders",
            bodies=(ready_cart,),
            faults=(
                Fault({"cart_id": UNKNOWN_ID, "expected_total": TOTAL}, code="not_found", status=404),
                Fault(
                    {"cart_id": UNKNOWN_ID, "expected_total": {"amount": -1, "currency": "eur"}},
                    ("/expected_total/amount", "/expected_total/currency"),
                ),
            ),
        ),
        WriteCase(
            "order_cancel",
            OPEN_ORDER,
            role="customer",
            for_guests=True,
            path="/orders/{0}/cancellation",
            bodies=({"reason": "Ordered twice."}, {}),
            faults=(
                Fault({"lines": []}, ("/lines",)),
                Fault({"reason": "x" * 501}, ("/reason",)),
                Fault({"reason": "Two\nlines"}, ("/reason",)),
                Fault({"lines": [{"order_line_id": UNKNOWN_ID, "quantity": 1}]}, ("/lines/0/order_line_id",)),
                Fault(
                    {"reason": "", "lines": [{"order_line_id": UNKNOWN_ID, "quantity": 0}]},
                    ("/lines/0/quantity", "/reason"),
                ),
            ),
        ),
        WriteCase(
            "order_note_add",
            STAFF_ONLY,
            path="/orders/{0}/notes",
            bodies=({"text": "Deliver after 5 pm.\nCall first."},),
            faults=(Fault({"text": ""}, ("/text",)), Fault({"text": "x" * 2001}, ("/text",))),
        ),
    ),
)
