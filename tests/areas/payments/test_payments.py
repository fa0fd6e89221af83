"""Payments with the provider `manual`: bank transfers and cash on delivery."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.carts.shopper import ADDRESS, graphql_errors
from tests.areas.catalog.events import events_of, types_of
from tests.areas.orders.checkout import new_key, placed_order, post, stocked_variant
from tests.areas.orders.shop_app import CASH, TRANSFER, app_with_cash_on_delivery, staff_client
from tests.factories import Json, assert_problem, faults, unique
from tests.users import create_user
from tradepost.areas.pricing.payment_method_setting import parse_payment_methods
from tradepost.areas.pricing.service import PaymentMethods

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

PAY = """mutation ($id: ID!, $key: String!, $input: PaymentInput!) {
  paymentCreate(orderId: $id, input: $input) @idempotent(key: $key) { id }
}"""


@pytest.fixture(scope="module")
async def app(module_settings: "Settings") -> AsyncIterator["TradepostApp"]:
    """An app that offers cash on delivery too, within Denmark and up to 50 euros."""
    async with app_with_cash_on_delivery(module_settings, ";countries=DK;max=5000") as app:
        yield app


@pytest.fixture(scope="module")
async def staff(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client with a staff API key of that app."""
    async with staff_client(app) as client:
        yield client


async def test_a_bank_transfer_waits_until_staff_capture_it(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    answer = await post(client, f"{path}/payments", TRANSFER)
    assert answer.status_code == 201, answer.text
    payment = answer.json()
    assert (payment["status"], payment["amount"]) == ("created", order["grand_total"])
    assert order["number"] in payment["next_action"]["text"]
    assert (await client.get(path)).json()["status"] == "pending"
    assert_problem(await post(client, f"/v1/payments/{payment['id']}/capture"), 401, "unauthenticated")
    answer = await post(staff, f"/v1/payments/{payment['id']}/capture")
    assert answer.status_code == 200, answer.text
    captured = answer.json()
    assert (captured["status"], captured["captured"], captured["next_action"]) == (
        "captured",
        order["grand_total"],
        None,
    )
    paid = (await client.get(path)).json()
    assert (paid["status"], paid["payment_status"], paid["captured"]) == ("confirmed", "paid", order["grand_total"])
    assert_problem(await post(staff, f"/v1/payments/{payment['id']}/capture"), 409, "invalid_transition")
    assert_problem(await post(client, f"{path}/payments", TRANSFER), 409, "invalid_transition")


async def test_cash_on_delivery_confirms_the_order_at_once(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    payment = (await post(client, f"{path}/payments", CASH)).json()
    assert payment["status"] == "authorized"
    confirmed = (await client.get(path)).json()
    assert (confirmed["status"], confirmed["payment_status"], confirmed["expires_at"]) == (
        "confirmed",
        "authorized",
        None,
    )
    assert confirmed["authorized"] == order["grand_total"]
    cancelled = (await post(client, f"{path}/cancellation")).json()
    assert (cancelled["status"], cancelled["authorized"]["amount"]) == ("cancelled", 0)
    assert (await client.get(f"/v1/payments/{payment['id']}")).json()["status"] == "voided"


async def test_the_same_choice_returns_the_open_payment_and_another_voids_it(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}/payments"
    first = (await post(client, path, TRANSFER)).json()
    key = new_key()
    again = await client.post(path, json=TRANSFER, headers=key)
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    replayed = await client.post(path, json=TRANSFER, headers=key)
    assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (200, "true")
    other = await post(client, path, CASH)
    assert other.status_code == 201
    statuses = {row["id"]: row["status"] for row in (await client.get(path)).json()["data"]}
    assert statuses == {first["id"]: "voided", other.json()["id"]: "authorized"}


async def test_a_smaller_capture_is_final_and_the_rest_is_paid_by_another_payment(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    path, total = f"/v1/orders/{order['id']}", order["grand_total"]["amount"]
    first = (await post(client, f"{path}/payments", TRANSFER)).json()
    capture = f"/v1/payments/{first['id']}/capture"
    for amount, fault in ((0, "/amount/amount"), (total + 1, "/amount/amount")):
        answer = await post(staff, capture, {"amount": {"amount": amount, "currency": "EUR"}})
        assert faults(answer) == {(fault, "out_of_range")}
    await post(staff, capture, {"amount": {"amount": 500, "currency": "EUR"}})
    assert (await client.get(path)).json()["payment_status"] == "partially_paid"
    second = (await post(client, f"{path}/payments", TRANSFER)).json()
    assert second["amount"]["amount"] == total - 500
    await post(staff, f"/v1/payments/{second['id']}/capture")
    paid = (await client.get(path)).json()
    assert (paid["status"], paid["payment_status"], paid["captured"]["amount"]) == ("confirmed", "paid", total)


async def test_only_what_is_offered_for_the_order_can_be_chosen(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    expensive = await stocked_variant(app, staff, 5, 9000)
    client, order = await placed_order(app, staff, (expensive, 1))
    assert [method["method"] for method in order["payment_methods"]] == ["bank_transfer"]
    path = f"/v1/orders/{order['id']}/payments"
    for choice in (CASH, {"provider": "stripe"}, {"provider": "manual"}):
        problem = assert_problem(await post(client, path, choice), 422, "payment_method_not_offered")
        assert problem["errors"][0]["pointer"] == "/provider"


async def test_what_the_order_lists_can_be_chosen_while_the_shop_has_it(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Goods that do not ship are taxed at the billing address, here in Denmark.
    download = await stocked_variant(app, staff, 5, 900, requires_shipping=False)
    addresses = {"billing_address": ADDRESS, "shipping_address": {**ADDRESS, "country": "DE"}}
    client, order = await placed_order(app, staff, (download, 1), shipping_method_id=None, **addresses)
    assert [method["method"] for method in order["payment_methods"]] == ["bank_transfer", "cash_on_delivery"]
    path = f"/v1/orders/{order['id']}/payments"
    with monkeypatch.context() as changed:
        only_transfer = PaymentMethods(parse_payment_methods("manual:bank_transfer"))
        changed.setitem(app.state.dependencies.instances, PaymentMethods, only_transfer)
        assert_problem(await post(client, path, CASH), 422, "payment_method_not_offered")
    assert (await post(client, path, CASH)).status_code == 201


async def line_of(client: httpx.AsyncClient, order: Json) -> str:
    """Return the id of the only line of an order."""
    [line] = (await client.get(f"/v1/orders/{order['id']}/lines")).json()["data"]
    return line["id"]


async def test_an_open_bank_transfer_is_lowered_to_what_is_left_to_pay(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)  # 2 units of 10.00, and 4.90 for shipping
    path, line = f"/v1/orders/{order['id']}", await line_of(client, order)
    payment = (await post(client, f"{path}/payments", TRANSFER)).json()
    units = {"lines": [{"order_line_id": line, "quantity": 1}]}
    answer = await post(client, f"{path}/cancellation?fields=payments{{amount}},cancelled_total", units)
    assert answer.status_code == 200, answer.text
    left = order["grand_total"]["amount"] - 1000
    assert [one["amount"]["amount"] for one in answer.json()["payments"]] == [left]
    lowered = (await client.get(f"/v1/payments/{payment['id']}")).json()
    assert (lowered["status"], lowered["amount"]["amount"]) == ("created", left)
    assert f"{left / 100:.2f}" in lowered["next_action"]["text"]
    type, data = (await events_of(app, payment["id"]))[-1]
    assert (type, data["changed"]) == ("payment.updated", ["amount", "next_action"])
    again = await post(client, f"{path}/payments", TRANSFER)
    assert (again.status_code, again.json()["id"]) == (200, payment["id"])
    capture = f"/v1/payments/{payment['id']}/capture"
    too_much = {"amount": {"amount": left + 1, "currency": "EUR"}}
    assert faults(await post(staff, capture, too_much)) == {("/amount/amount", "out_of_range")}
    assert (await post(staff, capture)).json()["captured"]["amount"] == left
    assert (await client.get(path)).json()["payment_status"] == "paid"


async def test_no_more_is_captured_than_is_left_to_pay(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    path, line = f"/v1/orders/{order['id']}", await line_of(client, order)
    payment = (await post(client, f"{path}/payments", CASH)).json()
    await post(staff, f"{path}/cancellation", {"lines": [{"order_line_id": line, "quantity": 1}]})
    capture = f"/v1/payments/{payment['id']}/capture"
    assert faults(await post(staff, capture, {"amount": payment["amount"]})) == {("/amount/amount", "out_of_range")}
    captured = (await post(staff, capture)).json()["captured"]["amount"]
    assert captured == order["grand_total"]["amount"] - 1000


async def test_a_bank_transfer_is_voided_if_nothing_is_left_to_pay(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    path, line = f"/v1/orders/{order['id']}", await line_of(client, order)
    most = {"amount": {"amount": order["grand_total"]["amount"] - 1000, "currency": "EUR"}}
    assert (await post(staff, f"{path}/payments", CASH | most)).status_code == 201
    payment = (await post(client, f"{path}/payments", TRANSFER)).json()
    assert payment["amount"]["amount"] == 1000
    answer = await post(staff, f"{path}/cancellation", {"lines": [{"order_line_id": line, "quantity": 1}]})
    assert answer.json()["status"] == "confirmed"
    assert (await client.get(f"/v1/payments/{payment['id']}")).json()["status"] == "voided"


async def test_another_bank_transfer_does_not_change_when_the_order_expires(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    await post(client, f"{path}/payments", TRANSFER)
    expires, events = (await client.get(path)).json()["expires_at"], await types_of(app, order["id"])
    await post(staff, f"{path}/payments", TRANSFER | {"amount": {"amount": 100, "currency": "EUR"}})
    assert (await client.get(path)).json()["expires_at"] == expires
    assert await types_of(app, order["id"]) == events


async def test_only_staff_choose_the_amount(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    path, amount = f"/v1/orders/{order['id']}/payments", {"amount": {"amount": 100, "currency": "EUR"}}
    user = await create_user(app)
    assert_problem(await post(client, path, TRANSFER | amount), 401, "unauthenticated")
    owner, own = await placed_order(app, staff, user=user)
    problem = assert_problem(await post(owner, f"/v1/orders/{own['id']}/payments", TRANSFER | amount), 403, "forbidden")
    assert problem["detail"] == "The permission `payments:write` is required."
    assert_problem(await post(user.client(), path, TRANSFER), 404, "not_found")
    payment = (await post(staff, path, TRANSFER | amount)).json()
    assert payment["amount"]["amount"] == 100
    too_much = order["grand_total"]["amount"] + 1
    for value in (0, too_much):
        body: Json = TRANSFER | {"amount": {"amount": value, "currency": "EUR"}}
        assert faults(await post(staff, path, body)) == {("/amount/amount", "out_of_range")}
        [error] = await graphql_errors(staff, PAY, id=order["id"], key=unique("key"), input=body)
        [fault] = error["extensions"]["errors"]
        assert (fault["pointer"], fault["code"]) == ("/amount/amount", "out_of_range")


async def test_a_payment_is_seen_by_those_who_see_the_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", TRANSFER)).json()
    other = (await create_user(app)).client()
    for caller, status in ((client, 200), (staff, 200), (other, 404)):
        assert (await caller.get(f"/v1/payments/{payment['id']}")).status_code == status
        assert (await caller.get(f"/v1/orders/{order['id']}/payments")).status_code == status
        rows = (await caller.get("/v1/payments", params={"order_id": order["id"]})).json()["data"]
        assert len(rows) == (1 if status == 200 else 0)
