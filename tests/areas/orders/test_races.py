"""Many callers at once: one order per cart, and one end of an order."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import update

from tests.areas.orders.checkout import placed_order, post, ready_cart, stock_of, stocked_variant
from tests.areas.orders.test_expiry import expire
from tradepost.areas.orders.models import OrderRow
from tradepost.kit.clock import now

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

RACERS, ROUNDS = 50, 8


async def test_fifty_racers_for_one_cart_place_one_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 100)
    checkout = await ready_cart(app, staff, (variant, 1))
    answers = await asyncio.gather(*[checkout.try_place() for _ in range(RACERS)])
    counts = Counter(answer.status_code for answer in answers)
    assert counts[201] == 1
    assert set(counts) <= {201, 409, 503}
    orders = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    orders |= {answer.json()["order_id"] for answer in answers if answer.status_code == 409}
    assert len(orders) == 1
    assert await stock_of(app, variant) == (100, 1)


async def test_of_cancellation_expiry_and_payment_one_wins(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    winners = Counter[str]()
    for _ in range(ROUNDS):
        variant = await stocked_variant(app, staff, 5)
        client, order = await placed_order(app, staff, (variant, 2))
        path = f"/v1/orders/{order['id']}"
        payment = (await post(client, f"{path}/payments", {"provider": "manual", "method": "bank_transfer"})).json()
        async with app.state.database.transaction() as session:
            due = update(OrderRow).where(OrderRow.id == order["id"]).values(expires_at=now() - timedelta(seconds=1))
            await session.execute(due)
        capture = f"/v1/payments/{payment['id']}/capture"
        calls = [[post(client, f"{path}/cancellation"), post(staff, capture), expire(app, 0)] for _ in range(21)]
        answers = await asyncio.gather(*[call for three in calls for call in three], return_exceptions=True)
        succeeded = [a for a in answers if isinstance(a, httpx.Response) and a.status_code == 200]
        after = (await client.get(path)).json()
        winners[after["status"]] += 1
        assert len(succeeded) == (0 if after["status"] == "expired" else 1)
        paid = after["status"] == "confirmed"
        assert after["status"] in ("confirmed", "cancelled", "expired")
        assert (await client.get(f"/v1/payments/{payment['id']}")).json()["status"] == (
            "captured" if paid else "voided"
        )
        assert await stock_of(app, variant) == (5, 2 if paid else 0)
        events = [event["type"] for event in (await client.get(f"{path}/events")).json()["data"]]
        ends = [name for name in events if name in ("confirmed", "cancelled", "expired")]
        assert ends == [after["status"]]
    assert sum(winners.values()) == ROUNDS
