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

ENDS = {
    "cancel": ("cancelled", "voided", 0, ["placed", "payment_created", "cancelled"]),
    "expire": ("expired", "voided", 0, ["placed", "payment_created", "expired"]),
    "capture": ("confirmed", "captured", 2, ["placed", "payment_created", "payment_captured", "confirmed", "paid"]),
}
"""By the step that wins: status of order and payment, reserved units, and the whole timeline."""
REFUSALS = {"invalid_transition", "conflict"}


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
        """Run steps of all kinds at once, one kind with a head start, and return the winner."""
        steps = [[*ENDS][n % len(ENDS)] for n in range(racers)]
        delays = [0.0 if step == favourite else head_start for step in steps]
        calls = [self._step(step, n // len(ENDS) % 2, delays[n]) for n, step in enumerate(steps)]
        outcomes = await asyncio.gather(*calls)
        succeeded = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome and outcome.row]
        assert {outcome.code for outcome in outcomes if outcome and outcome.row is None} <= REFUSALS
        order = await self.shop.read(f"/v1/orders/{self.order}")
        winner = next(step for step, (status, *_) in ENDS.items() if status == order["status"])
        assert succeeded == ([] if winner == "expire" else [winner])
        await self._check_end(winner)
        return winner

    async def _step(self, step: str, door: int, delay: float) -> Outcome | None:
        """Run one step at a door; an expiry has no outcome."""
        await asyncio.sleep(delay)
        guest = self.shop.guests[door]
        if step == "expire":
            return await expire(self.worker, 0)
        if step == "capture":
            return await Shopper(self.shop.staff, guest.door).capture(self.payment)
        return await Shopper(guest.client, guest.door, {"X-Cart-Token": self.token or ""}).cancel(self.order, {})

    async def _check_end(self, winner: str) -> None:
        """Check payment, timeline and stock."""
        _, payment_status, reserved, timeline = ENDS[winner]
        assert (await self.shop.read(f"/v1/payments/{self.payment}"))["status"] == payment_status
        events = await self.shop.read(f"/v1/orders/{self.order}/events?limit=100")
        assert [event["type"] for event in events["data"]] == timeline
        assert await self.shop.levels(self.variant) == [(5, reserved)]
        await check_ledger(self.worker, self.variant)
