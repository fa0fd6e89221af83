"""Payments through a ScriptedProvider, and what its webhooks and the worker do with them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from tests.areas.inventory.stock import STOCKKEEPER, transaction
from tests.areas.orders.checkout import placed_order
from tests.areas.orders.fulfilling import order_now
from tests.factories import Json, unique
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.orders.service import lock_order, record_payment
from tradepost.areas.payments.models import PaymentRow
from tradepost.areas.payments.providers.manual import ManualProvider
from tradepost.areas.payments.providers.provider import PaymentProviders, ProviderRefund
from tradepost.areas.payments.service import apply_provider_refunds
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.writes.call_context import CallContext

from .refunding import payment_now
from .scripted_provider import ScriptedProvider

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


@contextmanager
def scripted_provider(app: "TradepostApp") -> Iterator[ScriptedProvider]:
    """Give a shop a remote provider."""
    instances, provider = app.state.dependencies.instances, ScriptedProvider()
    before = instances[PaymentProviders]
    instances[PaymentProviders] = PaymentProviders(ManualProvider(), provider)
    try:
        yield provider
    finally:
        instances[PaymentProviders] = before


async def captured_order(
    app: "TradepostApp", staff: httpx.AsyncClient, *variants: tuple[str, int], **members: Any
) -> tuple[httpx.AsyncClient, Json, Json]:
    """Place an order and insert a payment that the provider has captured. Return the client too."""
    client, order = await placed_order(app, staff, *variants, **{"email": f"{unique('kim')}@shop.example"} | members)
    async with transaction(app, STOCKKEEPER) as call:
        row = await lock_order(call, order["id"])
        total = row.grand_total_amount
        payment = PaymentRow(
            id=new_id(PaymentRow.__number__),
            order_id=row.id,
            provider="scripted",
            reference=unique("pi"),
            currency="EUR",
            amount_amount=total,
            captured_amount=total,
            status="captured",
        )
        call.session.add(payment)
        await record_payment(call, row, captured=total)
    return client, await order_now(client, order), await payment_now(client, {"id": payment.id})


def worker(app: "TradepostApp", later: timedelta = timedelta()) -> CallContext:
    """Return a context of the worker, some time from now."""
    state = app.state
    clock = lambda: now() + later  # noqa: E731
    return CallContext(SYSTEM, state.database, door="worker", dependencies=state.dependencies, clock=clock)


async def apply_all(app: "TradepostApp", payment: Json, seen: Sequence[ProviderRefund]) -> None:
    """Apply all refunds that the provider has of a payment, as its webhook does."""
    context = worker(app)
    async with context.transaction():
        order = await lock_order(context, payment["order_id"])
        row = await context.session.get_one(PaymentRow, payment["id"], with_for_update=True)
        await apply_provider_refunds(context, order, row, seen)
