"""Orders that are not paid in time expire, and their stock is released."""

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import update

from tests.areas.orders.checkout import placed_order, post, stock_of, stocked_variant
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.orders.models import OrderRow
from tradepost.areas.orders.service import expire_orders
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def expire(app: "TradepostApp", hours: float) -> None:
    """Run the periodic task as it runs some hours from now."""
    database, dependencies = app.state.database, app.state.dependencies
    clock = lambda: now() + timedelta(hours=hours)  # noqa: E731
    await expire_orders(CallContext(SYSTEM, database, door="worker", dependencies=dependencies, clock=clock))


async def test_an_unpaid_order_expires_after_an_hour(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 4)
    client, order = await placed_order(app, staff, (variant, 3))
    await expire(app, 0.9)
    assert (await client.get(f"/v1/orders/{order['id']}")).json()["status"] == "pending"
    await expire(app, 1.1)
    expired = (await client.get(f"/v1/orders/{order['id']}")).json()
    assert (expired["status"], expired["expires_at"], expired["payment_status"]) == ("expired", None, "unpaid")
    assert await stock_of(app, variant) == (4, 0)
    events = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [(event["type"], event["actor"]) for event in events] == [("placed", "customer"), ("expired", "system")]


async def test_a_bank_transfer_has_a_week_and_is_voided_then(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    payment = (await post(client, f"{path}/payments", {"provider": "manual", "method": "bank_transfer"})).json()
    await expire(app, 24 * 6.9)
    assert (await client.get(path)).json()["status"] == "pending"
    await expire(app, 24 * 7.1)
    assert (await client.get(path)).json()["status"] == "expired"
    assert (await client.get(f"/v1/payments/{payment['id']}")).json()["status"] == "voided"


async def test_an_order_with_money_does_not_expire(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    payment = (await post(client, f"{path}/payments", {"provider": "manual", "method": "bank_transfer"})).json()
    await post(staff, f"/v1/payments/{payment['id']}/capture", {"amount": {"amount": 100, "currency": "EUR"}})
    await expire(app, 24 * 30)
    after = (await client.get(path)).json()
    assert (after["status"], after["payment_status"], after["expires_at"]) == ("pending", "partially_paid", None)


async def test_more_orders_than_one_transaction_takes_expire(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 100)
    orders = [(await placed_order(app, staff, (variant, 1)))[1] for _ in range(3)]
    async with app.state.database.transaction() as session:
        await session.execute(update(OrderRow).where(OrderRow.status == "pending").values(expires_at=now()))
    import tradepost.areas.orders.service.expiry as expiry

    size, expiry.BATCH_SIZE = expiry.BATCH_SIZE, 2
    try:
        await expire(app, 0)
    finally:
        expiry.BATCH_SIZE = size
    states = {(await staff.get(f"/v1/orders/{order['id']}")).json()["status"] for order in orders}
    assert states == {"expired"}
    assert await stock_of(app, variant) == (100, 0)
