"""Refunds that the shop makes itself when a paid order, or units of it, are cancelled."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import update

from tests.areas.accounts.captured_mail import CapturedMail
from tests.areas.carts.shopper import ADDRESS, graphql
from tests.areas.catalog.events import events_of, types_of
from tests.areas.inventory.stock import STOCKKEEPER, transaction
from tests.areas.orders.checkout import placed_order, post, stock_of, stocked_variant
from tests.areas.orders.fulfilling import fulfil, order_now, units
from tests.factories import Json, assert_problem, unique
from tradepost.areas.orders.service import lock_order
from tradepost.areas.payments.models import PaymentRow
from tradepost.areas.payments.service import create_refunds

from .refunding import capture, euros, paid_order, payment_now, refund, refund_units, try_refund

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

GERMANY = ADDRESS | {"country": "DE"}

pytestmark = pytest.mark.anyio


async def cancel(client: httpx.AsyncClient, order: Json, *quantities: int) -> Json:
    """Cancel units of the lines of an order, or all of it, and return it."""
    body = {"lines": units(order, *quantities)} if quantities else {}
    answer = await post(client, f"/v1/orders/{order['id']}/cancellation", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refunds_of(client: httpx.AsyncClient, order: Json, fields: str | None = None) -> list[Json]:
    """Return the refunds of an order, the oldest first."""
    params = {"order_id": order["id"], "sort": "created_at"} | ({"fields": fields} if fields else {})
    return (await client.get("/v1/refunds", params=params)).json()["data"]


async def make(app: "TradepostApp", order: Json, **members: Any) -> list[tuple[str, int, str]]:
    """Make refunds as later areas do. Return their payments, amounts and statuses."""
    async with transaction(app, STOCKKEEPER) as call:
        made = await create_refunds(call, await lock_order(call, order["id"]), reason="test", **members)
        return [(row.payment_id, row.amount_amount, row.status) for row in made]


async def test_a_cancelled_order_is_refunded(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order, payment = await paid_order(app, staff, (variant, 2))
    assert "cancel" in order["links"]
    cancelled = await cancel(client, order)
    assert (cancelled["status"], cancelled["payment_status"], cancelled["refunded"]) == (
        "cancelled",
        "refunded",
        order["captured"],
    )
    assert await stock_of(app, variant) == (5, 0)
    [made] = await refunds_of(client, order)
    assert (made["payment_id"], made["amount"], made["status"], made["actor"], made["reason"]) == (
        payment["id"],
        order["captured"],
        "pending",
        "system",
        "order_cancelled",
    )
    assert made["tax_lines"] == order["tax_lines"]
    assert (await payment_now(client, payment))["status"] == "refunded"
    events = await events_of(app, order["id"])
    assert [type for type, _ in events].count("order.paid") == 1
    type, data = events[-1]
    assert (type, data["payment_status"], data["changed"]) == (
        "order.updated",
        "refunded",
        ["payment_status", "refunded"],
    )


async def test_staff_complete_the_refund_of_a_transfer(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    email = f"{unique('kim')}@shop.example"
    client, order, payment = await paid_order(app, staff, email=email)
    await cancel(client, order)
    mail = CapturedMail(app)
    await mail.collect(email)
    mail.emails.clear()
    [made] = await refunds_of(client, order)
    path = f"/v1/refunds/{made['id']}/completion"
    assert_problem(await post(client, path), 401, "unauthenticated")
    query = "mutation ($id: ID!) { refundComplete(id: $id) { status availableActions } }"
    completed = (await graphql(staff, query, id=made["id"]))["refundComplete"]
    assert completed == {"status": "SUCCEEDED", "availableActions": []}
    assert [message.subject for message in await mail.collect(email)] == [
        f"Your order {order['number']}: €24.90 refunded"
    ]
    assert await types_of(app, made["id"]) == [
        "refund.created",
        "refund.updated",
        "refund.succeeded",
        "mail.order_refunded",
    ]
    assert (await types_of(app, payment["id"]))[-1] == "payment.refunded"
    assert_problem(await post(staff, path), 409, "invalid_transition")


async def test_what_was_captured_of_a_partly_paid_order_is_refunded(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    await capture(client, staff, order, 500)
    cancelled = await cancel(client, order)
    assert (cancelled["payment_status"], cancelled["refunded"]["amount"]) == ("refunded", 500)
    assert "order.paid" not in await types_of(app, order["id"])


async def test_only_what_is_left_of_a_cancelled_order_is_refunded(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order, payment = await paid_order(app, staff)
    await refund(staff, payment, amount=euros(500))
    await cancel(client, order)
    amounts = [made["amount"]["amount"] for made in await refunds_of(client, order)]
    assert amounts == [500, order["captured"]["amount"] - 500]


async def test_the_price_of_cancelled_units_is_refunded(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    first, second = await stocked_variant(app, staff, 9, 333), await stocked_variant(app, staff, 9, 1000)
    client, order, _ = await paid_order(app, staff, (first, 3), (second, 1))
    quantities = [2 if line["variant_id"] == first else 0 for line in order["lines"]]
    cancelled = await cancel(client, order, *quantities)
    assert cancelled["cancelled_total"]["amount"] == cancelled["refunded"]["amount"] == 666
    assert (cancelled["status"], cancelled["payment_status"]) == ("confirmed", "partially_refunded")
    [made] = await refunds_of(client, order)
    assert (made["amount"]["amount"], made["reason"], made["status"]) == (666, "units_cancelled", "pending")
    await cancel(client, order)
    amounts = [made["amount"]["amount"] for made in await refunds_of(client, order)]
    assert amounts == [666, order["captured"]["amount"] - 666]


async def test_units_that_were_refunded_before_are_not_refunded_again(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order, payment = await paid_order(app, staff)
    await refund_units(staff, payment, order, 1)
    await cancel(client, order, 1)
    assert [made["amount"]["amount"] for made in await refunds_of(client, order)] == [1000]


async def test_cancelled_units_that_were_not_paid_are_not_refunded(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    await capture(client, staff, order, 500)
    cancelled = await cancel(client, order, 1)
    assert (cancelled["refunded"]["amount"], cancelled["payment_status"]) == (0, "partially_paid")
    assert await refunds_of(client, order) == []


async def test_units_that_have_not_shipped_are_cancelled_and_refunded(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order, _ = await paid_order(app, staff)
    await fulfil(staff, order, 1, shipped=True)
    cancelled = await cancel(staff, order, 1)
    assert (cancelled["status"], cancelled["refunded"]["amount"]) == ("confirmed", 1000)
    assert (await order_now(client, order))["payment_status"] == "partially_refunded"


async def test_an_amount_is_spread_over_the_payments(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)  # 24.90
    first, second = await capture(client, staff, order, 500), await capture(client, staff, order)
    made = await make(app, order, amount=1200)
    assert made == [(first["id"], 500, "pending"), (second["id"], 700, "pending")]
    made = await make(app, order, amount=99999)
    assert made == [(second["id"], 1290, "pending")]
    assert await make(app, order, amount=1) == []
    taxes = [line for made in await refunds_of(staff, order) for line in made["tax_lines"]]
    assert sum(line["taxable"]["amount"] + line["tax"]["amount"] for line in taxes) == order["grand_total"]["amount"]


async def test_units_over_two_payments_are_in_the_first_refund(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    first, second = await capture(client, staff, order, 500), await capture(client, staff, order)
    order = await order_now(client, order)
    made = await make(app, order, units={order["lines"][0]["id"]: 1}, shipping=True)
    assert made == [(first["id"], 500, "pending"), (second["id"], 990, "pending")]
    refunds = await refunds_of(staff, order, "lines{quantity,amount},shipping{amount},tax_lines{tax{amount}}")
    assert [[line["amount"]["amount"] for line in one["lines"]] for one in refunds] == [[1000], []]
    assert sum(one["shipping"]["amount"] for one in refunds) == 490
    # No more units are refunded than are left.
    made = await make(app, order, units={order["lines"][0]["id"]: 2})
    assert made == [(second["id"], 1000, "pending")]


async def test_a_disputed_payment_is_left_out(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    first, second = await capture(client, staff, order, 500), await capture(client, staff, order)
    async with app.state.database.transaction() as session:
        await session.execute(update(PaymentRow).where(PaymentRow.id == first["id"]).values(dispute_amount_amount=500))
    await cancel(client, order)
    made = await refunds_of(client, order)
    assert [(one["payment_id"], one["amount"]) for one in made] == [(second["id"], second["captured"])]
    assert_problem(await try_refund(staff, first), 409, "invalid_transition")


async def taxed_order(app: "TradepostApp", staff: httpx.AsyncClient) -> tuple[httpx.AsyncClient, Json, Json]:
    """Pay an order of 3 units of 3.33 at one rate of tax and 3 of 7.77 at another."""
    standard = await stocked_variant(app, staff, 9, 333)
    reduced = await stocked_variant(app, staff, 9, 777, tax_class="reduced")
    client, order, payment = await paid_order(app, staff, (standard, 3), (reduced, 3), shipping_address=GERMANY)
    assert len(order["tax_lines"]) == 2
    return client, order, payment


def summed(tax_lines: list[Json]) -> dict[str, tuple[int, int]]:
    """Return the taxable amounts and the taxes by rate."""
    sums = dict[str, tuple[int, int]]()
    for line in tax_lines:
        taxable, tax = sums.get(line["percentage"], (0, 0))
        sums[line["percentage"]] = (taxable + line["taxable"]["amount"], tax + line["tax"]["amount"])
    return sums


async def test_the_tax_of_cancelled_units_is_that_of_their_lines(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, _ = await taxed_order(app, staff)
    rates = {line["id"]: line["tax_percentage"] for line in order["lines"]}
    first, second = order["lines"]
    for quantities, line in (((2, 0), first), ((0, 1), second)):
        await cancel(client, order, *quantities)
        [*_, made] = await refunds_of(client, order)
        assert [one["percentage"] for one in made["tax_lines"]] == [rates[line["id"]]]
        [tax_line] = made["tax_lines"]
        assert tax_line["tax"]["amount"] == round(line["tax"]["amount"] * sum(quantities) / 3)
    await cancel(client, order)
    taxes = [one for made in await refunds_of(client, order) for one in made["tax_lines"]]
    assert summed(taxes) == summed(order["tax_lines"])


async def test_refunds_of_everything_have_the_tax_of_the_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order, payment = await taxed_order(app, staff)
    await refund(staff, payment, amount=euros(101))
    await refund_units(staff, payment, order, 1, 2)
    await refund(staff, payment, amount=euros(7))
    await refund(staff, payment)
    taxes = [one for made in await refunds_of(staff, order) for one in made["tax_lines"]]
    assert summed(taxes) == summed(order["tax_lines"])
