"""Kills a process of the shop while the provider is asked, or while it waits for our locks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from sqlalchemy import select, update

from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.processes import ShopProcess
from tests.reliability.payments.purchase import Purchase
from tests.reliability.shoppers import expect_row
from tradepost.areas.orders.models import OrderRow
from tradepost.areas.payments.models import PaymentRow, RefundRow
from tradepost.kit.clock import now
from tradepost.kit.operations.idempotency.records import RECORDS
from tradepost.kit.writes.outbox import OutboxEvent

SECONDS = 6.0
"""How long the provider holds a connection or an answer."""
MOMENTS = {"connection": "hold_before", "answer": "hold_after", "row lock": "delay"}
"""What the provider does meanwhile."""


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true, at most a minute."""
    deadline = time.monotonic() + 60
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def effects(shop: PaidShop, *purchases: Purchase) -> list[Any]:
    """Return what the provider has: intents and refunds of the orders."""
    ledger, orders = await shop.provider.ledger(), {purchase.order for purchase in purchases}
    intents = [i for i in ledger["payment_intents"] if i["metadata"]["order_id"] in orders]
    ids = {intent["id"] for intent in intents}
    return [
        sorted([(i["id"], i["status"], i["amount_received"]) for i in intents]),
        sorted([(r["id"], r["amount"]) for r in ledger["refunds"] if r["payment_intent"] in ids]),
    ]


async def has_begun(shop: PaidShop, orders: list[str], calls: int) -> bool:
    """Whether so many calls about orders were committed as intents."""
    async with shop.worker.state.database.session_factory() as session:
        called = select(PaymentRow.id).where(PaymentRow.order_id.in_(orders), PaymentRow.operation.is_not(None))
        refunds = select(RefundRow.id).where(RefundRow.order_id.in_(orders), RefundRow.called_at.is_not(None))
        return len([*await session.scalars(called), *await session.scalars(refunds)]) == calls


async def lock_orders(session: Any, orders: list[str]) -> None:
    """Lock the rows of orders, as another process does."""
    await session.execute(select(OrderRow.id).where(OrderRow.id.in_(orders)).order_by(OrderRow.id).with_for_update())


async def kill_in_flight(
    shop: PaidShop, process: ShopProcess, moment: str, purchases: list[Purchase], before: list[Any], calls: int
) -> None:
    """Kill a process while the provider holds its calls, or we hold the locks that it waits for."""
    orders = sorted([purchase.order for purchase in purchases])
    if moment == "connection":
        await wait_until(lambda: has_begun(shop, orders, calls))
        await asyncio.sleep(0.3)
        assert not await have_happened(shop, purchases, before, calls)
    else:  # a webhook may end a call before its answer
        await wait_until(lambda: have_happened(shop, purchases, before, calls))
    holds_lock = moment == "row lock"
    lock: AbstractAsyncContextManager[Any] = shop.worker.state.database.transaction() if holds_lock else nullcontext()
    async with lock as session:
        if holds_lock:
            await lock_orders(session, orders)
            await asyncio.sleep(SECONDS + 1)  # the answers are there, and wait for the locks
        process.kill()
    await wait_until(lambda: have_happened(shop, purchases, before, calls))


async def have_happened(shop: PaidShop, purchases: list[Purchase], before: list[Any], calls: int) -> bool:
    """Whether the provider has carried out all calls."""
    after = await effects(shop, *purchases)
    return len([item for b, a in zip(before, after, strict=True) for item in a if item not in b]) == calls


async def end_leases(shop: PaidShop) -> None:
    """Let a minute pass: the leases of the killed process are over."""
    async with shop.worker.state.database.transaction() as session:
        await session.execute(update(RECORDS).where(RECORDS.c.lease_until.is_not(None)).values(lease_until=now()))
        await session.execute(update(OutboxEvent).where(OutboxEvent.due_at.is_not(None)).values(due_at=now()))


async def captured(shop: PaidShop) -> Purchase:
    """Return a purchase whose payment is captured."""
    purchase = await Purchase.prepare(shop)
    await purchase.pay()
    expect_row(await purchase.staff().capture_amount(purchase.payment, {}))
    return purchase


async def authorized(shop: PaidShop) -> Purchase:
    """Return a purchase whose payment is authorized."""
    purchase = await Purchase.prepare(shop)
    await purchase.pay()
    return purchase
