"""Refunds with the provider `manual`, which staff record."""

from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import update

from tests.areas.accounts.captured_mail import CapturedMail
from tests.areas.carts.shopper import graphql
from tests.areas.catalog.events import types_of
from tests.areas.orders.checkout import placed_order, post, stocked_variant
from tests.areas.orders.fulfilling import order_now, units
from tests.areas.orders.shop_app import TRANSFER
from tests.factories import assert_problem, faults, unique
from tests.users import create_user
from tradepost.areas.payments.models import PaymentRow

from .refunding import euros, paid_order, payment_now, refund, refund_units, try_refund

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def test_an_amount_is_refunded(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await paid_order(app, staff)
    made = await refund(staff, payment, amount=euros(500), reason="Scratched.")
    assert (made["status"], made["amount"], made["shipping"], made["reason"], made["actor"], made["failure"]) == (
        "succeeded",
        euros(500),
        euros(0),
        "Scratched.",
        "staff",
        None,
    )
    assert (made["payment_id"], made["order_id"]) == (payment["id"], order["id"])
    after, paid = await payment_now(client, payment), await order_now(client, order)
    assert (after["status"], after["refunded"]["amount"]) == ("partially_refunded", 500)
    assert after["version"] > payment["version"]
    assert (paid["status"], paid["payment_status"], paid["refunded"]["amount"]) == (
        "confirmed",
        "partially_refunded",
        500,
    )
    await refund(staff, payment, amount=euros(1))
    assert (await payment_now(client, payment))["version"] > after["version"]
    rest = await refund(staff, payment)
    assert rest["amount"]["amount"] == payment["captured"]["amount"] - 501
    after, paid = await payment_now(client, payment), await order_now(client, order)
    assert (after["status"], after["refunded"]) == ("refunded", payment["captured"])
    assert (paid["payment_status"], paid["refunded"]) == ("refunded", payment["captured"])
    problem = assert_problem(await try_refund(staff, payment), 409, "invalid_transition")
    assert problem["detail"] == "A payment with the status `refunded` cannot be refunded."


async def test_a_refund_is_in_the_events_and_the_timeline(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await paid_order(app, staff)
    made = await refund(staff, payment, amount=euros(500))
    assert await types_of(app, made["id"]) == ["refund.created", "refund.succeeded", "mail.order_refunded"]
    assert (await types_of(app, payment["id"]))[-2:] == ["payment.updated", "payment.refunded"]
    entries = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [(entry["type"], entry["actor"]) for entry in entries[-2:]] == [
        ("refund_created", "staff"),
        ("refund_succeeded", "staff"),
    ]
    assert entries[-1]["data"] == {
        "refund_id": made["id"],
        "payment_id": payment["id"],
        "amount": 500,
        "currency": "EUR",
    }


async def test_the_customer_gets_one_email(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    email = f"{unique('kim')}@shop.example"
    _, order, payment = await paid_order(app, staff, email=email)
    mail = CapturedMail(app)
    await mail.collect(email)
    mail.emails.clear()
    await refund_units(staff, payment, order, 1, shipping=True)
    [message] = await mail.collect(email)
    assert message.subject == f"Your order {order['number']}: €14.90 refunded"
    assert f"1 x {order['lines'][0]['product_name']}" in message.text
    assert "Shipping: €4.90" in message.text
    assert await mail.collect(email) == [message]


async def test_units_and_shipping_are_refunded_with_their_tax(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await paid_order(app, staff)  # 2 units of 10.00, and 4.90 for shipping
    first = await refund_units(staff, payment, order, 1, shipping=True)
    assert (first["amount"]["amount"], first["shipping"]["amount"]) == (1490, 490)
    answer = await client.get(f"/v1/refunds/{first['id']}", params={"fields": "lines{order_line_id,quantity,amount}"})
    assert answer.json()["lines"] == [{"order_line_id": order["lines"][0]["id"], "quantity": 1, "amount": euros(1000)}]
    again = await try_refund(staff, payment, shipping=True)
    assert faults(again) == {("/shipping", "out_of_range")}
    second = await refund_units(staff, payment, order, 1)
    assert second["amount"]["amount"] == 1000
    taxes = [line for made in (first, second) for line in made["tax_lines"]]
    assert {line["percentage"] for line in taxes} == {line["percentage"] for line in order["tax_lines"]}
    for name in ("taxable", "tax"):
        parts = sum(line[name]["amount"] for line in taxes)
        assert parts == sum(line[name]["amount"] for line in order["tax_lines"])
    assert (await payment_now(client, payment))["status"] == "refunded"


async def test_an_amount_beside_units_keeps_a_part_of_their_price(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    _, order, payment = await paid_order(app, staff)
    lines = units(order, 1)
    answer = await try_refund(staff, payment, lines=lines, amount=euros(1001))
    assert faults(answer) == {("/amount/amount", "out_of_range")}
    made = await refund(staff, payment, lines=lines, shipping=True, amount=euros(1000))
    assert (made["amount"]["amount"], made["shipping"]["amount"]) == (1000, 490)
    # The units count as refunded, so the part that was kept is not refunded with the next unit.
    assert (await refund_units(staff, payment, order, 1))["amount"]["amount"] == 1000


async def test_no_more_is_refunded_than_is_left(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order, payment = await paid_order(app, staff)
    total = payment["captured"]["amount"]
    for amount in (0, total + 1):
        answer = await try_refund(staff, payment, amount=euros(amount))
        assert faults(answer) == {("/amount/amount", "out_of_range")}
        assert f"From 1 to {total} minor units" in answer.json()["errors"][0]["detail"]
    answer = await try_refund(staff, payment, amount={"amount": 100, "currency": "USD"})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/amount/currency"]
    answer = await try_refund(staff, payment, lines=units(order, 3))
    assert faults(answer) == {("/lines/0/quantity", "out_of_range")}
    await refund_units(staff, payment, order, 1)
    answer = await try_refund(staff, payment, lines=units(order, 2))
    assert answer.json()["errors"][0]["detail"] == "At most 1 of this line can be refunded."
    await refund(staff, payment, amount=euros(total - 1500))
    answer = await try_refund(staff, payment, lines=units(order, 1))
    assert faults(answer) == {("/lines", "out_of_range")}


async def test_a_disputed_payment_is_not_refunded(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, _, payment = await paid_order(app, staff)
    async with app.state.database.transaction() as session:
        await session.execute(
            update(PaymentRow).where(PaymentRow.id == payment["id"]).values(dispute_amount_amount=100)
        )
    problem = assert_problem(await try_refund(staff, payment, amount=euros(1)), 409, "invalid_transition")
    assert problem["detail"] == "The payment is disputed, so it cannot be refunded."
    assert "refund_create" not in (await payment_now(staff, payment))["links"]


async def test_a_payment_without_captured_money_is_not_refunded(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", TRANSFER)).json()
    problem = assert_problem(await try_refund(staff, payment, amount=euros(1)), 409, "invalid_transition")
    assert problem["detail"] == "A payment with the status `created` cannot be refunded."


async def test_refunds_are_seen_by_those_who_see_the_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await paid_order(app, staff)
    made = await refund(staff, payment, amount=euros(1))
    other = (await create_user(app)).client()
    for caller, status in ((client, 200), (staff, 200), (other, 404)):
        assert (await caller.get(f"/v1/refunds/{made['id']}")).status_code == status
        assert (await caller.get(f"/v1/payments/{payment['id']}/refunds")).status_code == status
        rows = (await caller.get("/v1/refunds", params={"order_id": order["id"]})).json()["data"]
        assert len(rows) == (1 if status == 200 else 0)
    assert_problem(await try_refund(client, payment, amount=euros(1)), 401, "unauthenticated")
    query = "query ($id: ID!) { paymentRefunds(paymentId: $id) { nodes { id } } }"
    assert (await graphql(client, query, id=payment["id"]))["paymentRefunds"]["nodes"] == [{"id": made["id"]}]


async def test_a_free_unit_has_nothing_to_refund(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    free, paid = await stocked_variant(app, staff, 5, 0), await stocked_variant(app, staff, 5, 900)
    _, order, payment = await paid_order(app, staff, (free, 1), (paid, 1))
    quantities = [int(line["variant_id"] == free) for line in order["lines"]]
    answer = await try_refund(staff, payment, lines=units(order, *quantities))
    assert faults(answer) == {("/lines", "out_of_range")}
