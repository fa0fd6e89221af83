"""Orders that are not paid in time expire, and their stock is released."""

import itertools
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from sqlalchemy import update

from tests.areas.orders.checkout import expire, placed_order, post, stock_of, stocked_variant
from tests.areas.orders.statements import counted
from tradepost.areas.orders.models import OrderRow
from tradepost.areas.orders.service import OrderSettings, batches, expiry
from tradepost.kit.clock import now
from tradepost.kit.db.errors import LostRace
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


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


async def due_orders(app: "TradepostApp", staff: httpx.AsyncClient, variant: str, count: int) -> list[str]:
    """Place orders whose time is over, and return their ids. No other order is due."""
    await expire(app, 24 * 365)
    ids = [(await placed_order(app, staff, (variant, 1)))[1]["id"] for _ in range(count)]
    async with app.state.database.transaction() as session:
        await session.execute(update(OrderRow).where(OrderRow.id.in_(ids)).values(expires_at=now()))
    return ids


@pytest.fixture
def unlimited(app: "TradepostApp", monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit on the number of open orders."""
    settings: OrderSettings = app.state.dependencies.require(OrderSettings)
    limited = msgspec.structs.replace(settings, open_orders=0, open_orders_per_client=0)
    monkeypatch.setitem(app.state.dependencies.instances, OrderSettings, limited)


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("loses", [False, True], ids=["alone", "each transaction loses a race first"])
async def test_more_orders_than_one_transaction_takes_expire(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, loses: bool
) -> None:
    variant = await stocked_variant(app, staff, 100)
    orders = await due_orders(app, staff, variant, 2 * batches.MAX_TRIES + 1)
    expire_due, calls = expiry._expire_due, itertools.count()  # pyright: ignore[reportPrivateUsage]

    async def lose_first(context: CallContext) -> int:
        if loses and next(calls) % 2 == 0:
            raise LostRace
        return await expire_due(context)

    monkeypatch.setattr(expiry, "_expire_due", lose_first)
    monkeypatch.setattr(expiry, "BATCH_SIZE", 2)
    await expire(app, 0)
    states = {(await staff.get(f"/v1/orders/{id}")).json()["status"] for id in orders}
    assert states == {"expired"}
    assert await stock_of(app, variant) == (100, 0)


@pytest.mark.usefixtures("unlimited")
async def test_the_stock_of_expired_orders_is_released_by_the_same_statements_whatever_their_number(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant, taken = await stocked_variant(app, staff, 100), list[int]()
    for count in (1, 1, 4):
        await due_orders(app, staff, variant, count)
        with counted(app) as statements:
            await expire(app, 0)
        taken.append(len([sql for sql in statements if not sql.startswith('UPDATE "order"')]))
    assert taken[1] == taken[2] > 0
