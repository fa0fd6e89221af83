"""An order that cancellations, captures of its payment and the worker's expiry race for."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import update

from tests.areas.inventory.stock import check_ledger
from tests.areas.orders.checkout import expire
from tests.reliability.shop import Shop
from tests.reliability.shoppers import Outcome, Shopper, expect_row
from tradepost.app import TradepostApp
from tradepost.areas.orders.models import OrderRow
from tradepost.kit.clock import now

STEPS = ("cancel", "expire", "capture")
MARKS = {"cancelled": "cancel", "expired": "expire", "payment_captured": "capture"}
"""The entry of the timeline that each step leaves."""
REFUSALS = {"invalid_transition", "conflict"}


class History:
    """What becomes of an order by steps one after the other: SELLING.md 6 and 7 as a model.

    Money of a bank transfer is recorded also after the order was closed: an expired one is
    confirmed by it, because its stock is free; a cancelled one is refunded.
    """

    def __init__(self, steps: list[str]) -> None:
        self.status, self.payment, self.reserved = "pending", "created", 2
        self.timeline = ["placed", "payment_created"]
        for step in steps:
            getattr(self, step)()

    def cancel(self) -> None:
        """Cancel a pending or confirmed order."""
        assert self.status in ("pending", "confirmed")
        self.status, self.reserved = "cancelled", 0
        self.timeline.append("cancelled")
        self._refund() if self.payment == "captured" else self._void()

    def expire(self) -> None:
        """Expire a pending order."""
        assert (self.status, self.payment) == ("pending", "created")
        self.status, self.reserved = "expired", 0
        self.timeline.append("expired")
        self._void()

    def capture(self) -> None:
        """Capture the payment, once."""
        assert self.payment in ("created", "voided")
        self.payment = "captured"
        self.timeline.append("payment_captured")
        if self.status == "cancelled":
            self._refund()
            return
        self.status, self.reserved = "confirmed", 2
        self.timeline += ["confirmed", "paid"]

    def _void(self) -> None:
        self.payment = "voided"
        self.timeline.append("payment_voided")

    def _refund(self) -> None:
        self.payment = "refunded"
        self.timeline += ["refund_created", "refund_pending"]


@dataclass(frozen=True)
class OrderRace:
    """A due order of 2 of 5 units, and its payment by bank transfer."""

    shop: Shop
    worker: TradepostApp
    variant: str
    token: str | None
    order: str
    payment: str

    @classmethod
    async def prepare(cls, shop: Shop, worker: TradepostApp) -> "OrderRace":
        """Place the order as a guest. The worker may expire it from now on."""
        variant, guest = await shop.variant((5, None)), shop.guests[0]
        cart = await guest.fill_cart(shop.shipping_method_id, (variant, 2))
        order = expect_row(await guest.place(cart))["id"]
        choice = {"provider": "manual", "method": "bank_transfer"}
        path = f"/v1/orders/{order}/payments"
        payment = expect_row(await guest.rest("POST", path, choice, cart.token, key=cart.id))["id"]
        async with worker.state.database.transaction() as session:
            due = update(OrderRow).where(OrderRow.id == order).values(expires_at=now() - timedelta(seconds=1))
            await session.execute(due)
        return cls(shop, worker, variant, cart.token, order, payment)

    async def run(self, racers: int, favourite: str, head_start: float) -> str:
        """Run steps of all kinds at once, one kind with a head start, and return the winner.

        The winner is the step that came first. Each kind takes effect at most once.
        """
        steps = [STEPS[n % len(STEPS)] for n in range(racers)]
        delays = [0.0 if step == favourite else head_start for step in steps]
        calls = [self._step(step, n // len(STEPS) % 2, delays[n]) for n, step in enumerate(steps)]
        outcomes = await asyncio.gather(*calls)
        succeeded = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome and outcome.row]
        assert {outcome.code for outcome in outcomes if outcome and outcome.row is None} <= REFUSALS
        events = await self.shop.read(f"/v1/orders/{self.order}/events?limit=100")
        timeline = [event["type"] for event in events["data"]]
        taken = [MARKS[type] for type in timeline if type in MARKS]
        assert sorted(succeeded) == sorted([step for step in taken if step != "expire"])
        await self._check_end(History(taken), timeline)
        return taken[0]

    async def _step(self, step: str, door: int, delay: float) -> Outcome | None:
        """Run one step at a door; an expiry has no outcome."""
        await asyncio.sleep(delay)
        guest = self.shop.guests[door]
        if step == "expire":
            return await expire(self.worker, 0)
        if step == "capture":
            return await Shopper(self.shop.staff, guest.door).capture(self.payment)
        return await Shopper(guest.client, guest.door, {"X-Cart-Token": self.token or ""}).cancel(self.order, {})

    async def _check_end(self, expected: History, timeline: list[str]) -> None:
        """Check order, payment, timeline and stock."""
        assert timeline == expected.timeline
        assert (await self.shop.read(f"/v1/orders/{self.order}"))["status"] == expected.status
        assert (await self.shop.read(f"/v1/payments/{self.payment}"))["status"] == expected.payment
        assert await self.shop.levels(self.variant) == [(5, expected.reserved)]
        await check_ledger(self.worker, self.variant)
