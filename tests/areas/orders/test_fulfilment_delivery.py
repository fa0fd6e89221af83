"""Fulfilments that shipped some time ago count as delivered: a periodic task of the worker."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.orders.checkout import stocked_variant
from tests.areas.orders.fulfilling import confirmed_order, fulfil, order_now, step
from tests.factories import Json
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.orders.service import deliver_shipped, delivery
from tradepost.kit.clock import now
from tradepost.kit.db.errors import LostRace
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def run_task(app: "TradepostApp", days: float) -> None:
    """Run the periodic task as it runs some days from now."""
    database, dependencies = app.state.database, app.state.dependencies
    clock = lambda: now() + timedelta(days=days)  # noqa: E731
    await deliver_shipped(CallContext(SYSTEM, database, door="worker", dependencies=dependencies, clock=clock))


async def status_of(staff: httpx.AsyncClient, fulfilment: Json) -> str:
    """Return the status of a fulfilment."""
    return (await staff.get(f"/v1/fulfilments/{fulfilment['id']}")).json()["status"]


async def test_what_shipped_two_weeks_ago_counts_as_delivered(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await confirmed_order(app, staff, (await stocked_variant(app, staff), 2))
    shipped, packed = await fulfil(staff, order, 1, shipped=True), await fulfil(staff, order, 1)
    await run_task(app, 13.9)
    assert await status_of(staff, shipped) == "shipped"
    await run_task(app, 14.1)
    assert (await status_of(staff, shipped), await status_of(staff, packed)) == ("delivered", "pending")
    assert (await order_now(client, order))["status"] == "confirmed"
    await step(staff, packed, "shipment")
    await run_task(app, 14.1)
    assert (await order_now(client, order))["status"] == "completed"
    events = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [(e["type"], e["actor"]) for e in events][-2:] == [
        ("fulfilment_delivered", "system"),
        ("completed", "system"),
    ]


async def test_workers_deliver_more_than_one_transaction_takes_and_each_once(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BATCH_SIZE", 2)
    variant = await stocked_variant(app, staff, 20)
    orders = [(await confirmed_order(app, staff, (variant, 2)))[1] for _ in range(3)]
    for order in orders:
        for _ in range(2):
            await fulfil(staff, order, 1, shipped=True)
    await asyncio.gather(*[run_task(app, 15) for _ in range(4)])
    await run_task(app, 15)  # those of orders that another worker had locked
    for order in orders:
        assert (await order_now(staff, order))["status"] == "completed"
        events = (await staff.get(f"/v1/orders/{order['id']}/events")).json()["data"]
        types = [event["type"] for event in events]
        assert (types.count("fulfilment_delivered"), types.count("completed")) == (2, 1)


async def test_each_batch_has_its_own_tries(app: "TradepostApp", monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[int | None] = [None, delivery.BATCH_SIZE] * 5 + [0]

    async def deliver(_: CallContext) -> int:
        if (count := results.pop(0)) is None:
            raise LostRace
        return count

    monkeypatch.setattr(delivery, "_deliver_due", deliver)
    await run_task(app, 15)
    assert results == []
