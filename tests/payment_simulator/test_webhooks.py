"""Deliveries of events, verified with `stripe.Webhook.construct_event`."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import stripe

from tests.payment_simulator.conftest import Pay
from tests.payment_simulator.receiver import Receiver, receiver
from tests.simulator import SimulatorServer, run_simulator

PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.fixture(scope="module")
def endpoints() -> Iterator[tuple[Receiver, Receiver]]:
    """Two endpoints with secrets of their own."""
    with receiver("whsec_one") as one, receiver("whsec_two") as two:
        yield one, two


@pytest.fixture(scope="module")
def simulator(
    tmp_path_factory: pytest.TempPathFactory, endpoints: tuple[Receiver, Receiver]
) -> Iterator[SimulatorServer]:
    """A simulator that delivers to the endpoints."""
    webhooks = {endpoint.url: endpoint.secret for endpoint in endpoints}
    with run_simulator(tmp_path_factory.mktemp("webhooks") / "simulator.db", webhooks=webhooks) as server:
        yield server


@pytest.fixture
async def normal_again(simulator: SimulatorServer) -> AsyncIterator[None]:
    """Deliver normally after the test."""
    yield
    await simulator.controls.webhooks("normal")


async def arrived(endpoint: Receiver, intent: str, number: int) -> list[str]:
    """The types of the events of a payment intent, once there are so many."""
    await asyncio.to_thread(endpoint.wait, lambda: len(endpoint.types(intent)) >= number)
    return endpoint.types(intent)


async def test_each_endpoint_gets_events_with_its_own_signature(endpoints: tuple[Receiver, Receiver], pay: Pay) -> None:
    intent = await pay(metadata={"payment_id": "7"})
    for endpoint in endpoints:
        assert await arrived(endpoint, intent.id, 3) == PAID
    event = next(e for e in endpoints[0].events() if e.data.object.id == intent.id)
    assert event.data.object.metadata["payment_id"] == "7"
    body, header = endpoints[0].requests[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, header, endpoints[1].secret)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", header, endpoints[0].secret)


async def test_a_refused_event_comes_again(
    simulator: SimulatorServer, endpoints: tuple[Receiver, Receiver], pay: Pay
) -> None:
    endpoints[0].status = 500
    try:
        intent = await pay()
        await asyncio.to_thread(endpoints[0].wait, lambda: endpoints[0].types(intent.id).count(PAID[0]) >= 2)
    finally:
        endpoints[0].status = 200
    await asyncio.to_thread(endpoints[0].wait, lambda: set(endpoints[0].types(intent.id)) == set(PAID))
    assert await arrived(endpoints[1], intent.id, 3) == PAID
    ids = {event.id for event in endpoints[0].events() if event.type == PAID[0] and event.data.object.id == intent.id}
    assert len(ids) == 1
    expected = {(endpoint.url, "delivered") for endpoint in endpoints}
    deadline = time.monotonic() + 20
    while {(d["url"], d["state"]) for d in await simulator.controls.deliveries() if d["event"] in ids} != expected:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.usefixtures("normal_again")
async def test_events_may_come_twice(
    simulator: SimulatorServer, endpoints: tuple[Receiver, Receiver], pay: Pay
) -> None:
    await simulator.controls.webhooks("double")
    intent = await pay()
    assert sorted(await arrived(endpoints[0], intent.id, 6)) == sorted(PAID * 2)


@pytest.mark.usefixtures("normal_again")
async def test_events_may_come_in_reverse_order(
    simulator: SimulatorServer, endpoints: tuple[Receiver, Receiver], pay: Pay
) -> None:
    await simulator.controls.webhooks("reorder", 2)
    intent = await pay()
    assert await arrived(endpoints[0], intent.id, 3) == PAID[::-1]


@pytest.mark.usefixtures("normal_again")
async def test_events_may_be_late_or_never_come(
    client: stripe.StripeClient, simulator: SimulatorServer, endpoints: tuple[Receiver, Receiver], pay: Pay
) -> None:
    await simulator.controls.webhooks("suppress")
    lost = await pay()
    await simulator.controls.webhooks("delay", 3)
    late = await pay()
    await asyncio.sleep(0.4)
    assert endpoints[0].types(late.id) == []
    assert await arrived(endpoints[0], late.id, 3) == PAID
    assert endpoints[0].types(lost.id) == []
    listed: Any = await client.v1.events.list_async({"type": "payment_intent.succeeded"})
    event = next(event for event in listed.data if event.data.object.id == lost.id)
    await simulator.controls.webhooks("normal")
    await simulator.controls.resend(event.id)
    assert await arrived(endpoints[0], lost.id, 1) == ["payment_intent.succeeded"]


@pytest.mark.usefixtures("normal_again")
async def test_a_mode_may_be_of_some_types_only(
    simulator: SimulatorServer, endpoints: tuple[Receiver, Receiver], pay: Pay
) -> None:
    await simulator.controls.webhooks("suppress", types=["charge.succeeded"])
    intent = await pay()
    assert await arrived(endpoints[0], intent.id, 2) == [PAID[0], PAID[2]]


async def test_events_survive_the_process_that_made_them(tmp_path: Any) -> None:
    """Another process delivers what a killed one had queued."""
    with receiver("whsec_one") as endpoint:
        store, webhooks = tmp_path / "simulator.db", {endpoint.url: endpoint.secret}
        with run_simulator(store, webhooks=webhooks) as first:
            await first.controls.webhooks("delay", 3)
            async with first.client() as client:
                intent = await client.v1.payment_intents.create_async({"amount": 100, "currency": "eur"})
        with run_simulator(store) as other:  # it does not know the endpoint and its secret
            await asyncio.sleep(3)
            assert [delivery["attempt"] for delivery in await other.controls.deliveries()] == [0]
        assert endpoint.requests == []
        with run_simulator(store, webhooks=webhooks):
            assert await arrived(endpoint, intent.id, 1) == ["payment_intent.created"]
