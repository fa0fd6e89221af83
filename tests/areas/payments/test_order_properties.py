"""Any sequence of ship, deliver, return, refund and cancel keeps units, stock and money right."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.areas.orders.fulfilled_order import STEPS, FulfilledOrder, Step
from tests.figures import scaled

from .refunded_order import REFUND_STEPS, RefundedOrder
from .refunding import paid_order
from .scripted_payments import captured_order, scripted_provider

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

REFUNDED = [
    ("refund_units", (1, 0), 1),
    ("fulfil_shipped", (2, 1), 0),
    ("return_received", (1, 1), None),
    ("refund_return", 0, None),
    ("refund_amount", 300, None),
    ("cancel_units", (1, 0), None),
    ("refund_completion", 3, None),
    ("fulfil_shipped", (0, 1), None),
    ("withdraw", (0, 0), None),
    ("refund_rest", 0, None),
    ("refund_amount", 1, None),
]
CANCELLED = [
    ("provider", "pending", None),
    ("refund_units", (1, 1), None),
    ("provider", "silent", None),
    ("refund_amount", 200, None),
    ("provider_changes", 0, 0),
    ("cancel_units", (1, 0), None),
    ("provider", "refuses", None),
    ("work", 0, None),
    ("fulfil", (0, 0), None),
    ("cancel_units", (3, 2), None),
    ("reconcile", 0, None),
    ("provider_changes", 1, 1),
]


@pytest.mark.parametrize("is_remote", [False, True], ids=["manual", "remote"])
@settings(max_examples=scaled(120, 20), deadline=None)
@given(steps=st.lists(STEPS | REFUND_STEPS, min_size=1, max_size=12))
@example(steps=REFUNDED)
@example(steps=CANCELLED)
async def test_any_sequence_of_steps_keeps_every_invariant(
    app: "TradepostApp", staff: httpx.AsyncClient, *, is_remote: bool, steps: list[Step]
) -> None:
    fulfilled = await FulfilledOrder.prepare(app, staff)
    with ExitStack() as stack:
        provider = stack.enter_context(scripted_provider(app)) if is_remote else None
        pay = paid_order if provider is None else captured_order
        fulfilled.client, fulfilled.order, payment = await pay(app, staff, *fulfilled.ordered)
        order = RefundedOrder(fulfilled, payment, provider)
        await order.check()
        for step in steps:
            await order.run(*step)
            await order.check()
        await order.settle()
        await order.check()
        await order.check_ledger_of_provider()
