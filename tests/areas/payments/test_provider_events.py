"""Webhooks of payment providers: what they change, and what changes nothing."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.areas.orders.checkout import placed_order, post
from tests.areas.orders.shop_app import staff_client
from tests.areas.payments.provider_events import event_of, outcome_of, stored_events
from tests.areas.payments.provider_in_memory import MEMORY, MemoryProvider, app_with_memory_provider, provider_of
from tests.factories import Json

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def app(module_settings: "Settings") -> AsyncIterator["TradepostApp"]:
    async with app_with_memory_provider(module_settings) as app:
        yield app


@pytest.fixture(scope="module")
async def staff(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    async with staff_client(app) as client:
        yield client


@pytest.fixture
async def provider(app: "TradepostApp") -> AsyncIterator[MemoryProvider]:
    provider = provider_of(app)
    yield provider
    provider.silent, provider.down, provider.refusing, provider.on_call = set(), set(), set(), None


async def paying(app: "TradepostApp", staff: httpx.AsyncClient) -> tuple[httpx.AsyncClient, Json, Json]:
    """Return a client with an order, and its payment, which waits for the customer."""
    client, order = await placed_order(app, staff)
    answer = await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)
    assert answer.status_code == 201, answer.text
    return client, order, answer.json()


def pay(provider: MemoryProvider, payment: Json) -> None:
    """Pay at the provider."""
    provider.set(f"ref-{payment['id']}", "captured", captured=payment["amount"]["amount"])


async def order_of(client: httpx.AsyncClient, order: Json) -> Json:
    return (await client.get(f"/v1/orders/{order['id']}")).json()


async def payment_of(client: httpx.AsyncClient, payment: Json) -> Json:
    return (await client.get(f"/v1/payments/{payment['id']}")).json()


async def test_an_event_confirms_the_order_that_was_paid(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    pay(provider, payment)
    event = event_of(payment, data={"object": "payment", "amount": 2000, "last4": "4242"})
    assert await outcome_of(client, event) == "applied"
    after = await order_of(client, order)
    assert (after["status"], after["payment_status"]) == ("confirmed", "paid")
    assert (await payment_of(client, payment))["status"] == "captured"
    [row] = await stored_events(app, payment)
    assert (row.provider, row.event_id, row.type, row.data) == ("memory", event.id, event.type, event.data)
    assert row.happened_at == event.created_at
    entries = (await staff.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert {e["actor"] for e in entries if e["type"] == "payment_captured"} == {"system"}


async def test_an_event_only_says_what_to_read(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    event = event_of(payment, type="payment.succeeded", data={"status": "succeeded", "amount_received": 2000})
    assert await outcome_of(client, event) == "applied"
    assert (await payment_of(client, payment))["status"] == "requires_action"
    assert (await order_of(client, order))["status"] == "pending"


async def test_an_event_that_comes_again_changes_nothing(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    event = event_of(payment)
    assert await outcome_of(client, event) == "applied"
    pay(provider, payment)
    assert await outcome_of(client, event) == "repeated"
    assert (await payment_of(client, payment))["status"] == "requires_action"
    assert len(await stored_events(app, payment)) == 1


async def test_the_same_event_in_parallel_is_applied_once(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    provider.set(f"ref-{payment['id']}", "requires_action")
    event, outcomes = event_of(payment, is_decline=True), list[str]()
    both_read = anyio.Event()
    readers = list[str]()

    async def meet(name: str) -> None:
        readers.append(name)
        if len(readers) == 4:
            both_read.set()
        await both_read.wait()

    async def deliver() -> None:
        outcomes.append(await outcome_of(client, event))

    provider.on_call = meet
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(deliver)
    assert sorted(outcomes) == ["applied", "repeated", "repeated", "repeated"]
    assert len(await stored_events(app, payment)) == 1
