"""The simulator within another app and in one process, as the demo runs it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, asgi

from tests.payment_simulator.conftest import RETURN_URL
from tradepost.payment_simulator import Simulator, WebhookEndpoint, create_simulator
from tradepost.payment_simulator.ledger import Ledger

BASE, PUBLIC = "/fake-provider", "https://shop.example/fake-provider"
AUTHORIZATION = {"authorization": "Bearer sk_demo"}


class Endpoint:
    """An endpoint for webhooks within the process."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        if len(self.bodies) == 1:
            raise RuntimeError("The app has failed.")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def simulator(tmp_path: Path) -> Simulator:
    """A simulator in demo dress."""
    return create_simulator(
        tmp_path / "simulator.db",
        secret_key="sk_demo",
        publishable_key="pk_demo",
        webhooks=[WebhookEndpoint("http://shop/webhooks", "whsec_demo", frozenset({"payment_intent.succeeded"}))],
        base_path=BASE,
        public_url=PUBLIC,
        retry_seconds=0.1,
        transport=httpx.ASGITransport(Endpoint()),
    )


@pytest.fixture
async def browser(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app that the simulator is mounted in."""
    mounted = asgi(BASE, is_mount=True, copy_scope=True)(simulator)  # pyright: ignore
    app: Any = Litestar([mounted], openapi_config=None)
    async with (
        simulator.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
    ):
        yield client


async def test_a_mounted_simulator_serves_its_pages_and_its_api(browser: httpx.AsyncClient) -> None:
    form = {"amount": "500", "currency": "eur", "return_url": RETURN_URL}
    intent = (await browser.post(f"{BASE}/v1/payment_intents", data=form, headers=AUTHORIZATION)).json()
    page = await browser.get(f"{BASE}/pay/{intent['client_secret']}")
    assert f'href="{BASE}/pages.css"' in page.text
    assert (await browser.get(f"{BASE}/pages.css")).status_code == 200
    card = {"number": "4000000000003220", "expiry": "12/34", "cvc": "123"}
    redirect = await browser.post(str(page.url), data=card)
    assert redirect.headers["location"] == f"{BASE}/authenticate/{intent['client_secret']}"
    seen = (await browser.get(f"{BASE}/v1/payment_intents/{intent['id']}", headers=AUTHORIZATION)).json()
    assert seen["next_action"]["redirect_to_url"]["url"] == f"{PUBLIC}/authenticate/{intent['client_secret']}"


async def test_without_the_flag_there_are_no_controls_over_http_and_no_faults(
    browser: httpx.AsyncClient, simulator: Simulator
) -> None:
    assert (await browser.post(f"{BASE}/control/ledger")).status_code == 404
    await simulator.controls.fault("error_before")
    answer = await browser.get(f"{BASE}/v1/payment_intents", headers=AUTHORIZATION)
    assert answer.status_code == 200
    assert (await simulator.controls.ledger())["payment_intents"] == []


async def test_an_endpoint_gets_the_types_that_it_wants(browser: httpx.AsyncClient, simulator: Simulator) -> None:
    form = {"amount": "500", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
    form |= {"payment_method_types[]": "card"}
    answer = await browser.post(f"{BASE}/v1/payment_intents", data=form, headers=AUTHORIZATION)
    assert answer.json()["status"] == "succeeded"
    assert [delivery["type"] for delivery in await simulator.controls.deliveries()] == ["payment_intent.succeeded"]


async def test_an_app_that_fails_gets_the_event_again(browser: httpx.AsyncClient, simulator: Simulator) -> None:
    form = {"amount": "500", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
    form |= {"payment_method_types[]": "card"}
    await browser.post(f"{BASE}/v1/payment_intents", data=form, headers=AUTHORIZATION)
    deadline = time.monotonic() + 20
    while [(d["attempt"], d["state"]) for d in await simulator.controls.deliveries()] != [(2, "delivered")]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_fault_of_the_simulator_itself_gives_the_key_back(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("The simulator has failed.")

    form, headers = {"amount": "500", "currency": "eur"}, {**AUTHORIZATION, "idempotency-key": "one"}
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "emit", fail)
        answer = await browser.post(f"{BASE}/v1/payment_intents", data=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")
    assert "The simulator has failed." in caplog.text
    assert (await browser.get(f"{BASE}/v1/payment_intents", headers=AUTHORIZATION)).json()["data"] == []
    assert (await browser.post(f"{BASE}/v1/payment_intents", data=form, headers=headers)).status_code == 200


async def test_in_process_the_effect_does_not_need_the_client(tmp_path: Path) -> None:
    store = tmp_path / "simulator.db"
    simulator = create_simulator(store, secret_key="sk_demo", publishable_key="pk_demo", controls=True)
    await simulator.controls.fault("hold_before", seconds=1.5, method="POST")
    transport = httpx.ASGITransport(simulator)
    async with (
        simulator.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://shop", headers=AUTHORIZATION) as client,
    ):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.post("/v1/payment_intents", data={"amount": "500", "currency": "eur"}), 0.1)
        assert (await client.get("/v1/payment_intents")).json()["data"] == []
        deadline = time.monotonic() + 20
        while not (await client.get("/v1/payment_intents")).json()["data"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
