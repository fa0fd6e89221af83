"""Shipping needs payments that cover the order; delivered orders are completed once paid."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.orders.checkout import placed_order, post, stock_of, stocked_variant
from tests.areas.orders.fulfilling import fulfil, order_now, step, take_step, try_fulfil
from tests.areas.orders.shop_app import CASH, TRANSFER, app_with_cash_on_delivery, staff_client
from tests.factories import Json, assert_problem
from tests.users import create_user, http_client

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def app(module_settings: "Settings") -> AsyncIterator["TradepostApp"]:
    """An app that offers cash on delivery too."""
    async with app_with_cash_on_delivery(module_settings) as app:
        yield app


async def packer_client(app: "TradepostApp") -> httpx.AsyncClient:
    """Return a client with a key that may change orders, and not payments."""
    user = await create_user(app, "staff")
    return http_client(app, (await user.key(scopes=["orders:read", "orders:write"]))["secret"])


@pytest.fixture(scope="module")
async def staff(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client with a staff API key of that app."""
    async with staff_client(app) as client:
        yield client


async def half_paid_order(app: "TradepostApp", staff: httpx.AsyncClient) -> tuple[httpx.AsyncClient, Json]:
    """Return an order with cash on delivery, of which only a part was received."""
    client, order = await placed_order(app, staff, (await stocked_variant(app, staff, 5), 1))
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", CASH)).json()
    half = {"amount": {"amount": order["grand_total"]["amount"] - 100, "currency": "EUR"}}
    answer = await post(staff, f"/v1/payments/{payment['id']}/capture", half)
    assert answer.status_code == 200, answer.text
    return client, order


async def test_cash_on_delivery_ships_before_it_is_captured(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order = await placed_order(app, staff, (variant, 2))
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", CASH)).json()
    await step(staff, await fulfil(staff, order, 2, shipped=True), "delivery")
    now = await order_now(client, order)
    assert (now["status"], now["payment_status"]) == ("completed", "authorized")
    await post(staff, f"/v1/payments/{payment['id']}/capture")
    now = await order_now(client, order)
    assert (now["status"], now["payment_status"]) == ("completed", "paid")


async def test_the_rest_of_a_delivered_order_can_be_paid(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff, (await stocked_variant(app, staff, 5), 1))
    path = f"/v1/orders/{order['id']}/payments"
    payment = (await post(client, path, CASH)).json()
    await step(staff, await fulfil(staff, order, 1, shipped=True), "delivery")
    part = {"amount": {"amount": order["grand_total"]["amount"] - 100, "currency": "EUR"}}
    await post(staff, f"/v1/payments/{payment['id']}/capture", part)
    now = await order_now(client, order)
    assert (now["status"], now["payment_status"]) == ("completed", "partially_paid")
    assert {"href": path, "method": "POST"} in now["links"].values()
    rest = await post(client, path, TRANSFER)
    assert (rest.status_code, rest.json()["amount"]["amount"]) == (201, 100)
    await post(staff, f"/v1/payments/{rest.json()['id']}/capture")
    now = await order_now(client, order)
    assert (now["status"], now["payment_status"]) == ("completed", "paid")
    assert_problem(await post(client, path, TRANSFER), 409, "invalid_transition")


async def test_an_order_that_is_not_covered_ships_only_with_allow_unpaid(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await half_paid_order(app, staff)
    assert_problem(await try_fulfil(staff, order, 1, shipped=True), 409, "invalid_transition")
    fulfilment = await fulfil(staff, order, 1)
    problem = assert_problem(await take_step(staff, fulfilment, "shipment"), 409, "invalid_transition")
    assert "100 minor units of EUR" in problem["detail"]
    packer = await packer_client(app)
    path = f"/v1/fulfilments/{fulfilment['id']}"
    assert "ship" not in (await packer.get(path)).json()["links"]
    assert "ship" in (await staff.get(path)).json()["links"]
    assert_problem(await take_step(packer, fulfilment, "shipment"), 409, "invalid_transition")
    refused = await take_step(packer, fulfilment, "shipment", {"allow_unpaid": True})
    assert "payments:write" in assert_problem(refused, 403, "forbidden")["detail"]
    await step(staff, fulfilment, "shipment", {"allow_unpaid": True})
    await step(staff, fulfilment, "delivery")
    now = await order_now(client, order)
    assert (now["status"], now["fulfilment_status"]) == ("confirmed", "fulfilled")
    # The order is completed by the payment of the rest.
    rest = (await post(client, f"/v1/orders/{order['id']}/payments", TRANSFER)).json()
    await post(staff, f"/v1/payments/{rest['id']}/capture")
    assert (await order_now(client, order))["status"] == "completed"


async def test_allow_unpaid_needs_the_permission(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order = await placed_order(app, staff, (variant, 1))
    await post(client, f"/v1/orders/{order['id']}/payments", CASH)
    packer = await packer_client(app)
    refused = await try_fulfil(packer, order, 1, shipped=True, allow_unpaid=True)
    assert_problem(refused, 403, "forbidden")
    assert_problem(await try_fulfil(packer, order, 1, allow_unpaid=True), 403, "forbidden")
    await fulfil(packer, order, 1, shipped=True)
    assert await stock_of(app, variant) == (4, 0)
