"""Refunds of returns: by their receipt, and by hand."""

from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import update

from tests.areas.orders.checkout import placed_order, post, stocked_variant
from tests.areas.orders.fulfilling import fulfil, order_now, units
from tests.areas.orders.returning import give_back, return_step, take_return_step
from tests.factories import Json, faults
from tests.parity.harness import UNKNOWN_ID
from tradepost.areas.orders.models import OrderRow

from .refunding import capture, euros, paid_order, payment_now, refund, refund_units, try_refund

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def shipped_order(
    app: "TradepostApp", staff: httpx.AsyncClient, *variants: tuple[str, int]
) -> tuple[httpx.AsyncClient, Json, Json]:
    """Place an order, pay it and ship it. Return its client, it and the payment."""
    client, order, payment = await paid_order(app, staff, *variants)
    await fulfil(staff, order, *[line["quantity"] for line in order["lines"]], shipped=True)
    return client, order, payment


async def refunds_of(client: httpx.AsyncClient, payment: Json) -> list[Json]:
    """Return the refunds of a payment, the oldest first."""
    fields = "id,amount{amount},shipping{amount},status,reason,return_id,lines{quantity,amount{amount}}"
    answer = await client.get(f"/v1/payments/{payment['id']}/refunds", params={"fields": fields})
    return answer.json()["data"][::-1]


async def test_a_receipt_with_refund_pays_its_units_back(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await shipped_order(app, staff)
    row = await give_back(client, order, 1)
    await return_step(staff, row, "receipt", {"refund": True})
    [made] = await refunds_of(client, payment)
    assert (made["amount"]["amount"], made["shipping"]["amount"]) == (1000, 0)
    assert (made["status"], made["reason"], made["return_id"]) == ("pending", "returned", row["id"])
    assert [(line["quantity"], line["amount"]["amount"]) for line in made["lines"]] == [(1, 1000)]
    paid = await order_now(client, order)
    assert (paid["payment_status"], paid["refunded"]["amount"]) == ("partially_refunded", 1000)


async def test_a_receipt_refunds_shipping_too_if_that_is_given(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await shipped_order(app, staff)
    await give_back(staff, order, 2, received=True, refund=True, shipping=True)
    [made] = await refunds_of(client, payment)
    assert (made["amount"]["amount"], made["shipping"]["amount"]) == (2490, 490)
    assert (await payment_now(client, payment))["status"] == "refunded"


async def test_a_receipt_without_refund_pays_nothing_back(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await shipped_order(app, staff)
    await give_back(staff, order, 1, received=True)
    assert await refunds_of(client, payment) == []


async def test_only_what_was_captured_is_refunded(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    payment = await capture(client, staff, order, 300)
    await post(staff, f"/v1/orders/{order['id']}/payments", {"provider": "manual", "method": "bank_transfer"})
    async with app.state.database.transaction() as session:
        confirmed = update(OrderRow).where(OrderRow.id == order["id"]).values(status="confirmed", expires_at=None)
        await session.execute(confirmed)
    order = await order_now(client, order)
    await fulfil(staff, order, 2, shipped=True, allow_unpaid=True)
    await give_back(staff, order, 1, received=True, refund=True)
    assert [made["amount"]["amount"] for made in await refunds_of(client, payment)] == [300]


async def test_returned_units_do_not_count_when_others_are_cancelled(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order, payment = await paid_order(app, staff, (await stocked_variant(app, staff), 3))
    await fulfil(staff, order, 1, shipped=True)
    await give_back(staff, order, 1, received=True, refund=True)
    answer = await post(staff, f"/v1/orders/{order['id']}/cancellation", {"lines": units(order, 1)})
    assert answer.status_code == 200, answer.text
    amounts = [(made["amount"]["amount"], made["reason"]) for made in await refunds_of(client, payment)]
    assert amounts == [(1000, "returned"), (1000, "units_cancelled")]


async def test_staff_refund_a_return_by_hand(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await shipped_order(app, staff)
    row = await give_back(staff, order, 1, received=True)
    made = await refund(staff, payment, return_id=row["id"], reason="Returned in time.")
    assert (made["amount"]["amount"], made["return_id"], made["status"]) == (1000, row["id"], "succeeded")
    answer = await try_refund(staff, payment, return_id=row["id"], lines=units(order, 2))
    assert faults(answer) == {("/lines/0/quantity", "out_of_range")}
    made = await refund(staff, payment, return_id=row["id"], amount=euros(100))
    assert made["amount"]["amount"] == 100
    await refund_units(staff, payment, order, 1)
    assert faults(await try_refund(staff, payment, return_id=row["id"])) == {("/return_id", "out_of_range")}
    assert [made["return_id"] for made in await refunds_of(client, payment)] == [row["id"], row["id"], None]


async def test_the_return_is_one_of_the_same_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, other, _ = await shipped_order(app, staff)
    row = await give_back(staff, other, 1, received=True)
    _, _, payment = await paid_order(app, staff)
    for id in (UNKNOWN_ID, row["id"]):
        assert faults(await try_refund(staff, payment, return_id=id)) == {("/return_id", "not_found")}


async def test_a_rejected_return_is_not_refunded(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await shipped_order(app, staff)
    row = await give_back(client, order, 1)
    assert (await take_return_step(staff, row, "rejection")).status_code == 200
    assert await refunds_of(client, payment) == []
    assert faults(await try_refund(staff, payment, return_id=row["id"])) == {("/return_id", "not_allowed")}


async def test_a_withdrawal_before_the_shipment_refunds_everything(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order, payment = await paid_order(app, staff)
    await give_back(client, order, kind="withdrawal")
    withdrawn = await order_now(client, order)
    assert (withdrawn["status"], withdrawn["payment_status"]) == ("cancelled", "refunded")
    [made] = await refunds_of(client, payment)
    assert (made["amount"]["amount"], made["reason"]) == (payment["captured"]["amount"], "order_cancelled")


async def test_a_withdrawal_after_the_shipment_refunds_shipping_too(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order, payment = await shipped_order(app, staff)
    row = await give_back(client, order, kind="withdrawal")
    assert await refunds_of(client, payment) == []
    await return_step(staff, row, "receipt", {"refund": True})
    [made] = await refunds_of(client, payment)
    assert (made["amount"]["amount"], made["shipping"]["amount"]) == (2490, 490)
    assert made["return_id"] == row["id"]
