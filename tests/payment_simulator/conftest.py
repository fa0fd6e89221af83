"""Fixtures of the simulator's tests: the official Stripe client, and paid payment intents."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import stripe

from tests.simulator import SimulatorServer
from tests.simulator import simulator as simulator  # a fixture

RETURN_URL = "https://shop.example/return"

type Pay = Callable[..., Awaitable[stripe.PaymentIntent]]


@pytest.fixture(scope="module")
async def client(simulator: SimulatorServer) -> AsyncIterator[stripe.StripeClient]:
    """The official client with the secret key."""
    async with simulator.client() as client:
        yield client


@pytest.fixture(scope="module")
def pay(client: stripe.StripeClient) -> Pay:
    """Create a payment intent and confirm it with a payment method."""

    async def create(payment_method: str = "pm_card_visa", **members: Any) -> stripe.PaymentIntent:
        defaults = {"amount": 1000, "currency": "eur", "automatic_payment_methods": {"enabled": True}}
        intent = await client.v1.payment_intents.create_async({**defaults, **members})  # pyright: ignore
        arguments = {"payment_method": payment_method, "return_url": RETURN_URL, "expand": ["latest_charge"]}
        return await client.v1.payment_intents.confirm_async(intent.id, arguments)  # pyright: ignore

    return create


async def events_of(client: stripe.StripeClient, intent: str) -> list[str]:
    """The types of the events of a payment intent, the oldest first."""
    page = await client.v1.events.list_async({"limit": 100})
    pairs = [(event.type, event.to_dict()["data"]["object"]) for event in reversed(page.data)]
    return [kind for kind, item in pairs if intent in (item["id"], item.get("payment_intent"))]
