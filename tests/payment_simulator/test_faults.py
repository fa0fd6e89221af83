"""Faults of the connection and of the server, as the official Stripe client sees them."""

import asyncio
import time
from typing import Any

import pytest
import stripe

from tests.payment_simulator.conftest import Pay
from tests.simulator import SimulatorServer


async def refunded(client: stripe.StripeClient, intent: str) -> int:
    """How much of a payment intent was refunded."""
    return sum([refund.amount for refund in (await client.v1.refunds.list_async({"payment_intent": intent})).data])


@pytest.mark.parametrize(
    ("kind", "error", "effect"),
    [
        ("drop_before", stripe.APIConnectionError, 0),
        ("drop_after", stripe.APIConnectionError, 100),
        ("error_before", stripe.APIError, 0),
        ("error_after", stripe.APIError, 100),
        ("rate_limit", stripe.RateLimitError, 0),
        ("hold_after", stripe.APIConnectionError, 100),
    ],
)
async def test_a_fault_hides_whether_there_was_an_effect(
    client: stripe.StripeClient,
    simulator: SimulatorServer,
    pay: Pay,
    kind: str,
    error: type[stripe.StripeError],
    effect: int,
) -> None:
    intent = await pay()
    await simulator.controls.fault(kind, seconds=3, path="/v1/refunds$", times=1)
    async with simulator.client(read_timeout=1 if kind == "hold_after" else 30) as impatient:
        with pytest.raises(error):
            await impatient.v1.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    assert await refunded(client, intent.id) == effect
    await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    assert await refunded(client, intent.id) == effect + 100


async def test_the_effect_may_come_after_the_client_has_gone(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    intent = await pay()
    await simulator.controls.fault("hold_before", seconds=3, path="/v1/refunds$", times=1)
    async with simulator.client(read_timeout=0.5) as impatient:
        with pytest.raises(stripe.APIConnectionError):
            await impatient.v1.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    assert await refunded(client, intent.id) == 0
    deadline = time.monotonic() + 20
    while await refunded(client, intent.id) == 0:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_an_answer_may_be_late(client: stripe.StripeClient, simulator: SimulatorServer) -> None:
    await simulator.controls.fault("delay", seconds=0.5, method="GET", times=1)
    start = time.monotonic()
    await client.v1.payment_intents.list_async()
    assert time.monotonic() - start >= 0.5


async def test_only_some_requests_have_the_fault(client: stripe.StripeClient, simulator: SimulatorServer) -> None:
    await simulator.controls.fault("error_before", method="GET", path="/v1/events$", percent=50)
    try:
        outcomes: list[bool] = []
        for _ in range(60):
            try:
                await client.v1.events.list_async({"limit": 1})
                outcomes.append(True)
            except stripe.APIError:
                outcomes.append(False)
        assert 5 < sum(outcomes) < 55
        assert (await client.v1.payment_intents.list_async({"limit": 1})).has_more is not None
    finally:
        await simulator.controls.clear_faults()
    await client.v1.events.list_async({"limit": 1})


async def test_the_client_retries_with_its_own_key(simulator: SimulatorServer, pay: Pay) -> None:
    """With retries, the official client makes up a key, so a lost answer costs nothing."""
    intent = await pay()
    await simulator.controls.fault("drop_after", path="/v1/refunds$", times=1)
    async with simulator.client(retries=2) as client:
        await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 100})
        assert await refunded(client, intent.id) == 100


async def test_unknown_faults_and_controls_are_refused(simulator: SimulatorServer) -> None:
    call: Any = simulator.controls.fault
    with pytest.raises(AssertionError, match="Unknown fault"):
        await call("explode")
    with pytest.raises(AssertionError, match="no such control"):
        await simulator.controls._call("answer")  # pyright: ignore[reportPrivateUsage]
