"""Payments: hidden with their order. Staff capture them."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from tests.areas.orders.case.orders import OPEN_ORDER, ORDERS, is_visible
from tests.areas.orders.case.rows import insert_order, open_order, sample_of_orders
from tests.factories import unique
from tests.parity.access.table import STAFF_ONLY
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tradepost.areas.orders.resource import orders
from tradepost.areas.payments.models import PaymentRow
from tradepost.kit.ids import new_id

ORDER = orders.table
TRANSFER = {"provider": "manual", "method": "bank_transfer"}


async def insert_payment(context: CaseContext, order_id: str, **columns: Any) -> str:
    """Insert a payment of an order, and return its id."""
    values = TRANSFER | {"order_id": order_id, "currency": "EUR", "amount_amount": 2000, "status": "created"} | columns
    row = PaymentRow(id=new_id(PaymentRow.__number__), **values)
    async with context.app.state.database.transaction() as session:
        session.add(row)
    return row.id


async def set_status(context: CaseContext, id: str, status: str) -> None:
    """Put a payment into a status. What is authorized is counted by its order."""
    async with context.app.state.database.transaction() as session:
        await session.execute(update(PaymentRow).where(PaymentRow.id == id).values(status=status))
        if status == "authorized":
            await session.execute(
                update(PaymentRow).where(PaymentRow.id == id).values(authorized_amount=PaymentRow.amount_amount)
            )
            order = select(PaymentRow.order_id).where(PaymentRow.id == id).scalar_subquery()
            amount = select(PaymentRow.amount_amount).where(PaymentRow.id == id).scalar_subquery()
            await session.execute(update(ORDER).where(ORDER.c.id == order).values(authorized_amount=amount))


async def sample(context: CaseContext) -> Sample:
    """Create payments of the sample orders."""
    orders = context.samples["Order"].rows
    instructions = {"next_action_type": "instructions", "next_action_text": "Transfer it."}
    shown = await insert_payment(context, orders["shown"], **instructions)
    dispute = {"dispute_amount_amount": 500, "dispute_reason": "fraudulent", "captured_amount": 500}
    hidden = await insert_payment(context, orders["hidden"], status="captured", **dispute)
    common = sample_of_orders(context, "payment", shown, hidden, ("created", "voided", "captured"))
    return replace(common, filter_values={**common.filter_values, "disputed": [True, False]})


async def row(context: CaseContext) -> str:
    """Insert an open payment of an order of the owner, and return its id."""
    return await insert_payment(context, await open_order(context))


async def remote_row(context: CaseContext) -> str:
    """Insert a payment of an order of the owner at a provider that the shop has no more."""
    values = {"provider": "gone", "method": None, "reference": unique("ref"), "status": "requires_action"}
    order_id = await open_order(context)
    async with context.app.state.database.transaction() as session:
        await session.execute(update(ORDER).where(ORDER.c.id == order_id).values(payment_progress="open"))
    return await insert_payment(context, order_id, **values)


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of payments, and return the id of one."""
    for _ in range(101):
        await insert_payment(context, await insert_order(context), status="voided")
    return await insert_payment(context, context.keys["Order"])


PAYMENT = EntityCase(
    name="Payment",
    plural="payments",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="provider,method,amount,authorized,captured,refunded,status,next_action{type},failure,capture_before,dispute,version",
    replayed="id,status,amount{amount},links,a:amount,next_action",
    set_status=set_status,
    open_actions={
        "customer": set(),
        "staff": {"payment_capture", "payment_void"},
        "admin": {"payment_capture", "payment_void"},
    },
    oracle=OracleCase(
        visible=lambda view, row: is_visible(view, view.row("order", row["order_id"])),
        filters={"disputed": lambda view, row, value: (row["dispute_reason"] is not None) == value},
        parents={"order_payment_list": lambda view, row, key: row["order_id"] == key},
    ),
    bad_values={
        "provider": ["manual", "stripe", "", "x" * 41],
        "method": ["bank_transfer", "cash", "", None],
    },
    reads=(
        ReadCase("payment_list", ORDERS, {"id,amount": 1, "id,order{number}": 1}),
        ReadCase("payment_get", ORDERS, {"status,next_action{text}": 1}),
        ReadCase("order_payment_list", ORDERS, {"status": 2}),
    ),
    writes=(
        WriteCase(
            "payment_create",
            OPEN_ORDER,
            role="customer",
            for_guests=True,
            shows_secrets=False,
            path="/orders/{0}/payments",
            row=open_order,
            bodies=(TRANSFER,),
            faults=(
                Fault({"provider": "stripe"}, ("/provider",), code="payment_method_not_offered"),
                Fault({"provider": "", "method": ""}, ("/method", "/provider")),
                Fault(TRANSFER | {"amount": {"amount": 500, "currency": "EUR"}}, code="forbidden", status=403),
            ),
        ),
        WriteCase(
            "payment_capture",
            STAFF_ONLY,
            shows_secrets=False,
            path="/payments/{0}/capture",
            bodies=({}, {"amount": {"amount": 500, "currency": "EUR"}}),
            faults=(
                Fault({"amount": {"amount": 9999, "currency": "EUR"}}, ("/amount/amount",)),
                Fault({"amount": {"amount": 0, "currency": "EUR"}}, ("/amount/amount",)),
                Fault({"amount": {"amount": 1, "currency": "USD"}}, ("/amount/currency",)),
            ),
        ),
        WriteCase("payment_void", STAFF_ONLY, path="/payments/{0}/void", shows_secrets=False),
        WriteCase(
            "payment_complete",
            OPEN_ORDER,
            role="customer",
            for_guests=True,
            leaves_traces=False,
            shows_secrets=False,
            path="/payments/{0}/completion",
            row=remote_row,
        ),
    ),
)
