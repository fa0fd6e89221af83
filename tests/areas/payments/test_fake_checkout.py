"""From an order to its money with the provider `fake`, its payment page and the worker."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from tests.app_client import HERE, AppClient
from tests.areas.orders.checkout import new_key, placed_order, post
from tests.factories import Json, assert_problem
from tests.servers import staff_key
from tradepost.areas.payments.providers.provider import PaymentProviders
from tradepost.areas.pricing.payment_method_setting import parse_payment_methods

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

STOREFRONT = "https://storefront.example"
FAKE = {"provider": "fake", "return_url": f"{STOREFRONT}/orders"}
CARD, DECLINED = "4242424242424242", "4000000000000002"
PAY = """mutation ($id: ID!, $key: String!, $input: PaymentInput!) {
  paymentCreate(orderId: $id, input: $input) @idempotent(key: $key) { id status nextAction { type url } }
}"""


@pytest.fixture(scope="module")
def module_staff_key(module_settings: "Settings") -> str:
    """An API key of staff, made before a worker writes to the database."""
    return staff_key(module_settings.database_url)


@pytest.fixture(scope="module", params=["at_once", "manual"])
async def app(
    request: pytest.FixtureRequest,
    module_settings: "Settings",
    module_staff_key: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator["TradepostApp"]:
    """An app with a worker that offers test payments, taken at once or only authorized."""
    from tradepost.app import create_app

    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("shop"))
    app = create_app(
        msgspec.structs.replace(
            module_settings,
            payment_methods=parse_payment_methods("fake,manual:bank_transfer"),
            storefront_url=STOREFRONT,
            capture=request.param,
            worker=True,
            mailer="file",
        )
    )
    async with app.lifespan():
        yield app
    os.chdir(before)


@pytest.fixture(scope="module")
async def staff(app: "TradepostApp", module_staff_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of staff."""
    async with AppClient(app, headers={"X-API-Key": module_staff_key}) as client:
        yield client


def is_authorized_first(app: "TradepostApp") -> bool:
    """Whether the app only authorizes payments."""
    from tradepost.areas.payments.service import PaymentSettings

    return app.state.dependencies.require(PaymentSettings).capture == "manual"


async def pay(app: "TradepostApp", payment: Json, number: str) -> httpx.Response:
    """Pay on the page of the provider."""
    assert payment["next_action"]["type"] == "redirect"
    form = {"number": number, "expiry": "12/34", "cvc": "123"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as browser:
        return await browser.post(payment["next_action"]["url"], data=form)


async def paid_order(app: "TradepostApp", staff: httpx.AsyncClient) -> tuple[httpx.AsyncClient, Json, Json]:
    """Return a client with a paid order and its payment."""
    client, order = await placed_order(app, staff)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", FAKE)).json()
    assert (await pay(app, payment, CARD)).status_code == 303
    answer = await post(client, f"/v1/payments/{payment['id']}/completion")
    assert answer.status_code == 200, answer.text
    return client, order, answer.json()


async def test_the_order_lists_the_method_and_a_card_confirms_it(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    assert order["payment_methods"] == [
        {"provider": "fake", "method": None, "name": "Test payment"},
        {"provider": "manual", "method": "bank_transfer", "name": "Bank transfer"},
    ]
    variables = {"id": order["id"], "key": new_key()["Idempotency-Key"]}
    variables["input"] = {"provider": "fake", "returnUrl": FAKE["return_url"]}
    answer = (await client.post("/graphql", json={"query": PAY, "variables": variables})).json()
    created = answer["data"]["paymentCreate"]
    assert created["status"] == "REQUIRES_ACTION"
    same = (await post(client, f"/v1/orders/{order['id']}/payments", FAKE)).json()
    assert (same["id"], same["next_action"]["url"]) == (created["id"], created["nextAction"]["url"])
    declined = await pay(app, same, DECLINED)
    assert "was declined" in declined.text
    after = (await post(client, f"/v1/payments/{same['id']}/completion")).json()
    assert (after["status"], after["failure"]["code"]) == ("requires_action", "card_declined")
    answer = await pay(app, same, CARD)
    assert answer.headers["location"].startswith(f"{STOREFRONT}/orders?payment_intent=")
    paid = (await post(client, f"/v1/payments/{same['id']}/completion")).json()
    status = "authorized" if is_authorized_first(app) else "captured"
    assert (paid["status"], paid[status], paid["failure"], paid["next_action"]) == (
        status,
        order["grand_total"],
        None,
        None,
    )
    confirmed = (await client.get(f"/v1/orders/{order['id']}")).json()
    assert (confirmed["status"], confirmed["payment_status"]) == (
        "confirmed",
        "authorized" if is_authorized_first(app) else "paid",
    )


async def test_a_webhook_confirms_the_order_before_the_customer_comes_back(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", FAKE)).json()
    await pay(app, payment, CARD)
    for _ in range(500):
        after = (await client.get(f"/v1/orders/{order['id']}")).json()
        if after["status"] != "pending":
            break
        await asyncio.sleep(0.02)
    assert after["status"] == "confirmed"
    # A customer who comes back after the webhook gets the payment as well.
    completed = await post(client, f"/v1/payments/{payment['id']}/completion")
    assert completed.status_code == 200, completed.text
    assert completed.json()["status"] == ("authorized" if is_authorized_first(app) else "captured")


async def test_money_is_captured_refunded_and_seen_at_the_provider(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    _, order, payment = await paid_order(app, staff)
    if is_authorized_first(app):
        assert payment["capture_before"] is not None
        payment = (await post(staff, f"/v1/payments/{payment['id']}/capture")).json()
    assert (payment["status"], payment["captured"]) == ("captured", order["grand_total"])
    body = {"amount": {"amount": 300, "currency": "EUR"}, "reason": "A scratch"}
    refund = (await post(staff, f"/v1/payments/{payment['id']}/refunds", body)).json()
    assert (refund["status"], refund["amount"]["amount"]) == ("succeeded", 300)
    provider = app.state.dependencies.require(PaymentProviders).get("fake")
    seen = await provider.find(payment["id"])
    assert (seen.captured, [(r.refund_id, r.amount) for r in seen.refunds]) == (
        order["grand_total"]["amount"],
        [(refund["id"], 300)],
    )


async def test_an_order_that_is_cancelled_gives_the_money_back(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await paid_order(app, staff)
    answer = await post(client, f"/v1/orders/{order['id']}/cancellation")
    assert answer.status_code == 200, answer.text
    provider = app.state.dependencies.require(PaymentProviders).get("fake")
    for _ in range(500):
        seen = await provider.find(payment["id"])
        if seen.status == "voided" or seen.refunds:
            break
        await asyncio.sleep(0.02)
    total = order["grand_total"]["amount"]
    state = (seen.status, seen.captured, [refund.amount for refund in seen.refunds])
    assert state == (("voided", 0, []) if is_authorized_first(app) else ("captured", total, [total]))


async def test_a_return_url_of_another_site_is_refused(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    body = FAKE | {"return_url": "https://evil.example/"}
    assert_problem(await post(client, f"/v1/orders/{order['id']}/payments", body), 422, "validation")
