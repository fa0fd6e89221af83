"""A shop with a payment provider: its server, the simulator, and the worker's tasks on demand."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

import httpx
from sqlalchemy import func, or_, select

from tests.reliability.payments.payer import Browser
from tests.reliability.shop import Shop
from tests.reliability.shop_server import ShopServer
from tests.reliability.shoppers import Shopper
from tests.simulator import SimulatorControls, SimulatorServer
from tradepost.app import TradepostApp
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.orders.service import expire_orders
from tradepost.areas.payments.models import PaymentRow, RefundRow
from tradepost.areas.payments.service import reconcile_payments, void_overdue_payments
from tradepost.areas.payments.service.reconciler import settle_payment
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.outbox import OutboxEvent

HANDLED = ("order.cancelled", "order.expired", "fulfilment.shipped", "payment.authorized", "refund.created")
"""The events after which the worker calls the provider."""
OPEN_REFUNDS = ("created", "unknown")
OPEN_PAYMENTS = ("created", "processing", "unknown")


class PaidShop(Shop):
    """The shop as its staff, its guests, its provider and its worker use it."""

    def __init__(
        self,
        staff: httpx.AsyncClient,
        guests: list[Shopper],
        shipping_method_id: str,
        server: ShopServer,
        simulator: SimulatorServer,
        worker: TradepostApp,
    ) -> None:
        super().__init__(staff, guests, shipping_method_id)
        self.server, self.simulator, self.worker = server, simulator, worker
        self.browser = Browser(guests[0].client, simulator)

    @property
    def provider(self) -> SimulatorControls:
        """The controls of the provider."""
        return self.simulator.controls

    def context(self, **delay: float) -> CallContext:
        """Return the context of a periodic task that runs later."""
        at, state = now() + timedelta(**delay), self.worker.state
        return CallContext(SYSTEM, state.database, door="worker", clock=lambda: at, dependencies=state.dependencies)

    async def reconcile(self, **delay: float) -> None:
        """Run the reconciler as it runs later, by default when every call is old enough."""
        await reconcile_payments(self.context(**(delay or {"minutes": 6})))

    async def read_from_provider(self, payment_id: str) -> None:
        """Settle one payment as the reconciler does."""
        await settle_payment(self.context(), payment_id)

    async def expire(self, **delay: float) -> None:
        """Expire the orders whose time to pay is over by then."""
        await void_overdue_payments(self.context(**delay))
        await expire_orders(self.context(**delay))

    async def try_refund_at_provider(self, reference: str, amount: int) -> bool:
        """Refund an amount at the provider's own pages. Return whether that was possible."""
        arguments = {"payment_intent": reference, "amount": amount}
        answer = await self.guests[0].client.post(f"{self.simulator.url}/control/refund", json=arguments)
        return answer.status_code == 200

    async def settle(self, *order_ids: str, seconds: float = 90) -> None:
        """Wait until nothing is left to be done for orders, with the reconciler's help."""
        deadline = time.monotonic() + seconds
        while left := await self._unsettled(order_ids):
            assert time.monotonic() < deadline, left
            await self.reconcile()
            await asyncio.sleep(0.1)

    async def _unsettled(self, order_ids: Sequence[str]) -> dict[str, int]:
        """Return how many payments, refunds and events still wait for a call to the provider."""
        database = self.worker.state.database
        called = or_(PaymentRow.status.in_(OPEN_PAYMENTS), PaymentRow.operation.is_not(None))
        counts = {
            "payments": select(func.count()).where(database.in_values(PaymentRow.order_id, order_ids), called),
            "refunds": select(func.count()).where(
                database.in_values(RefundRow.order_id, order_ids), RefundRow.status.in_(OPEN_REFUNDS)
            ),
            "events": select(func.count()).where(OutboxEvent.type.in_(HANDLED), OutboxEvent.sent_at.is_(None)),
        }
        async with database.session_factory() as session:
            found = {name: int(await session.scalar(query) or 0) for name, query in counts.items()}
        return {name: count for name, count in found.items() if count}
