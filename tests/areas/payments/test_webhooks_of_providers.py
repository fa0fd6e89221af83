"""Webhooks from end to end: the customer pays at the simulator, whose event confirms the order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from tests.app_client import HERE, AppClient
from tests.areas.orders.checkout import placed_order, post
from tests.areas.payments.provider_events import stored_events
from tests.factories import Json
from tests.servers import staff_key
from tradepost.areas.payments.providers.manual import ManualProvider
from tradepost.areas.payments.providers.provider import PaymentProviders
from tradepost.areas.payments.providers.stripe import StripeAccount, StripeProvider
from tradepost.areas.pricing.payment_method_setting import parse_payment_methods

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.payment_simulator import Simulator
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

SIMULATOR, PUBLISHABLE_KEY, SECRET_KEY = "http://simulator", "pk_test_events", "sk_test_events"
OLD, NEW = "whsec_old", "whsec_new"


def stripe_simulator(app: "TradepostApp", store: Path) -> "Simulator":
    """Return a simulator that signs its webhooks with the old secret."""
    from tradepost.payment_simulator import WebhookEndpoint, create_simulator

    return create_simulator(
        store,
        secret_key=SECRET_KEY,
        publishable_key=PUBLISHABLE_KEY,
        webhooks=[WebhookEndpoint(f"{HERE}/v1/providers/stripe/events", OLD)],
        public_url=SIMULATOR,
        transport=httpx.ASGITransport(app=app),
        retry_seconds=0.1,
    )


@pytest.fixture(scope="module", params=["stripe", "fake"])
async def app(
    request: pytest.FixtureRequest, module_settings: "Settings", tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator["TradepostApp"]:
    """An app without a worker, which offers `fake`, or `stripe` while its secret is rotated."""
    from tradepost.app import create_app

    folder, methods = tmp_path_factory.mktemp("shop"), parse_payment_methods(f"{request.param},manual:bank_transfer")
    settings = msgspec.structs.replace(module_settings, payment_methods=methods, stripe_secret_key=SECRET_KEY)
    app = create_app(settings)
    async with AsyncExitStack() as stack:
        if request.param == "stripe":
            simulator = stripe_simulator(app, folder / "simulator.db")
            account = StripeAccount(
                secret_key=SECRET_KEY,
                webhook_secrets=(NEW, OLD),
                shop=settings.public_url,
                api_url=SIMULATOR,
                create_transport=lambda: httpx.ASGITransport(app=simulator),
            )
            providers = PaymentProviders(ManualProvider(), StripeProvider(account))
            app.state.dependencies.instances[PaymentProviders] = providers
            app.state.simulator = simulator
            await stack.enter_async_context(simulator.lifespan())
        else:
            with pytest.MonkeyPatch.context() as patched:
                patched.chdir(folder)
                await stack.enter_async_context(app.lifespan())
                yield app
                return
        await stack.enter_async_context(app.lifespan())
        yield app


@pytest.fixture(scope="module")
async def staff(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client of staff."""
    async with AppClient(app, headers={"X-API-Key": staff_key(app.state.database.url)}) as client:
        yield client


async def paying(app: "TradepostApp", staff: httpx.AsyncClient) -> tuple[httpx.AsyncClient, Json, Json]:
    """Return a client with an order and its payment, which waits for the customer."""
    client, order = await placed_order(app, staff)
    [method, _] = order["payment_methods"]
    answer = await post(client, f"/v1/orders/{order['id']}/payments", {"provider": method["provider"]})
    assert answer.status_code == 201, answer.text
    return client, order, answer.json()


async def pay(app: "TradepostApp", payment: Json, *, is_declined: bool = False) -> None:
    """Pay as the customer's browser does: on the payment page, or by the confirm API."""
    action = payment["next_action"]
    if action["type"] == "redirect":
        number = "4000000000000002" if is_declined else "4242424242424242"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as browser:
            await browser.post(action["url"], data={"number": number, "expiry": "12/34", "cvc": "123"})
        return
    secret = action["client_secret"]
    method = "pm_card_visa_chargeDeclined" if is_declined else "pm_card_visa"
    form = {"client_secret": secret, "payment_method": method, "return_url": f"{HERE}/paid"}
    path = f"/v1/payment_intents/{secret.partition('_secret_')[0]}/confirm"
    transport = httpx.ASGITransport(app=app.state.simulator)
    async with httpx.AsyncClient(transport=transport, base_url=SIMULATOR) as browser:
        await browser.post(path, data=form, headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"})


async def wait_for_event(app: "TradepostApp", payment: Json, type: str) -> None:
    """Wait until an event of a payment has arrived."""
    for _ in range(600):
        if type in [event.type for event in await stored_events(app, payment)]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {type} has arrived")


async def test_the_webhook_of_a_payment_confirms_its_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order, payment = await paying(app, staff)
    await pay(app, payment)
    await wait_for_event(app, payment, "payment_intent.succeeded")
    after = (await client.get(f"/v1/orders/{order['id']}")).json()
    assert (after["status"], after["payment_status"], after["captured"]) == ("confirmed", "paid", order["grand_total"])
    stored = str([(row.event_id, row.data) for row in await stored_events(app, payment)])
    assert "_secret_" not in stored


async def test_the_webhook_of_a_decline_is_counted(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    from tradepost.areas.payments.models import PaymentRow

    client, order, payment = await paying(app, staff)
    await pay(app, payment, is_declined=True)
    await wait_for_event(app, payment, "payment_intent.payment_failed")
    async with app.state.database.session_factory() as session:
        assert (await session.get_one(PaymentRow, payment["id"])).declines == 1
    read = (await client.get(f"/v1/payments/{payment['id']}")).json()
    assert (read["status"], read["failure"]["code"]) == ("requires_action", "card_declined")
    assert (await client.get(f"/v1/orders/{order['id']}")).json()["status"] == "pending"
