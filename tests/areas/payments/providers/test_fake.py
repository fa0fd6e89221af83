"""The provider `fake`: payments with test cards in the default profile, without a network."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.app_client import HERE
from tests.areas.payments.providers.stripe_bench import payment_request
from tests.factories import Json, unique
from tradepost.areas.payments.providers.provider import PaymentProvider, PaymentProviders, ProviderPayment
from tradepost.fake_provider import FakeKeys, FakeProviderApp, fake_provider

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

CARD = {"number": "4242 4242 4242 4242", "expiry": "12/34", "cvc": "123"}
DECLINED = CARD | {"number": "4000 0000 0000 0002"}


class Shop:
    """Stands in for the app that gets webhooks: of a payment that is created and cancelled."""

    def __init__(self) -> None:
        self.webhooks: list[tuple[str, bytes, Json]] = []
        self.has_both = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.webhooks.append((scope["path"], body, headers))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        if len(self.webhooks) == 2:
            self.has_both.set()


@pytest.fixture
async def app(
    fresh_settings: "Callable[[], Settings]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator["TradepostApp"]:
    """An app of the default profile. Its simulator stores payments in this test's folder."""
    from tradepost.app import create_app

    monkeypatch.chdir(tmp_path)
    app = create_app(msgspec.structs.replace(fresh_settings(), access_log=True))
    async with app.lifespan():
        yield app


def browser(app: "TradepostApp") -> httpx.AsyncClient:
    """Return the payer's browser."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE)


def page_of(payment: ProviderPayment) -> str:
    """Return the URL of the payment page."""
    assert payment.next_action is not None
    assert (payment.next_action.type, payment.next_action.secret) == ("redirect", None)
    assert payment.next_action.url is not None
    return payment.next_action.url


def provider_of(app: "TradepostApp") -> PaymentProvider:
    """Return the provider of an app."""
    provider = app.state.dependencies.require(PaymentProviders).get("fake")
    assert provider is not None
    return provider


async def test_a_payer_pays_with_a_test_card_on_the_page_of_the_provider(
    app: "TradepostApp", caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    provider = provider_of(app)
    assert (provider.name, provider.is_remote, provider.is_live) == ("fake", True, False)
    payment = await provider.create(payment_request(return_url="https://shop.example/paid?order=1"), unique("key"))
    page = page_of(payment)
    assert page.startswith(f"{HERE}/fake-provider/pay/pi_")
    async with browser(app) as client:
        shown = await client.get(page)
        assert shown.status_code == 200
        assert "25.00 EUR" in shown.text
        assert "Order 1001" in shown.text
        assert "form-action 'self' https://shop.example" in shown.headers["content-security-policy"]
        assert "was declined" in (await client.post(page, data=DECLINED)).text
        paid = await client.post(page, data=CARD)
        assert paid.status_code == 303
        assert paid.headers["location"].startswith("https://shop.example/paid?order=1&payment_intent=pi_")
    assert payment.reference is not None
    after = await provider.read(payment.reference)
    assert (after.status, after.captured, after.failure) == ("captured", 2500, None)


async def test_the_client_secret_is_not_in_the_access_log(
    app: "TradepostApp", capsys: pytest.CaptureFixture[str]
) -> None:
    payment = await provider_of(app).create(payment_request(), unique("key"))
    async with browser(app) as client:
        await client.get(page_of(payment))
    app.pipeline.stop()
    logged = capsys.readouterr().err
    assert "GET /fake-provider 200" in logged
    assert "_secret_" not in logged


async def test_the_simulator_starts_with_the_first_payment(app: "TradepostApp", tmp_path: Path) -> None:
    store = tmp_path / "var" / "payment_simulator.db"
    assert not store.exists()
    await provider_of(app).create(payment_request(), unique("key"))
    assert store.exists()


async def test_processes_share_payments_and_webhooks_are_signed_for_the_shop(
    module_settings: "Settings", tmp_path: Path
) -> None:
    keys = FakeKeys.derive(module_settings.secret_key)
    server, worker = [FakeProviderApp(module_settings, keys, tmp_path / "store.db") for _ in range(2)]
    # Both deliver to the shop: the worker's would go to PUBLIC_URL, where nobody listens here.
    server.shop = worker.shop = shop = Shop()
    of_server, of_worker = fake_provider(server), fake_provider(worker)
    payment = await of_server.create(payment_request(), unique("key"))
    assert payment.reference is not None
    assert (await of_worker.void(payment.reference, unique("key"))).status == "voided"
    assert (await of_server.read(payment.reference)).status == "voided"
    await asyncio.wait_for(shop.has_both.wait(), 20)
    events = [of_worker.event(body, headers) for _, body, headers in shop.webhooks]
    assert {path for path, _, _ in shop.webhooks} == {"/v1/providers/fake/events"}
    assert [event.reference for event in events] == [payment.reference] * len(events)
    assert {(event.payment_id, event.shop, event.is_live) for event in events} == {
        (payment.payment_id, module_settings.public_url, False)
    }
    for process in (of_server, of_worker, server, worker):
        await (process.close() if process in (of_server, of_worker) else process.stop())


async def test_there_is_no_fake_provider_in_production(fresh_settings: "Callable[[], Settings]") -> None:
    from tradepost.app import create_app

    app = create_app(msgspec.structs.replace(fresh_settings(), profile="production"))
    assert app.state.dependencies.require(PaymentProviders).get("fake") is None
    async with app.lifespan(), browser(app) as client:
        assert (await client.get("/fake-provider/pages.css")).status_code == 404
