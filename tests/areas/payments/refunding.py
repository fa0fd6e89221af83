"""Paid orders, and refunds of their payments through REST."""

from typing import TYPE_CHECKING, Any

import httpx

from tests.areas.orders.checkout import placed_order, post
from tests.areas.orders.fulfilling import order_now, units
from tests.areas.orders.shop_app import TRANSFER
from tests.factories import Json

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def capture(client: httpx.AsyncClient, staff: httpx.AsyncClient, order: Json, amount: int | None = None) -> Json:
    """Pay an order by a bank transfer, capture it or a part of it, and return the payment."""
    answer = await post(client, f"/v1/orders/{order['id']}/payments", TRANSFER)
    assert answer.status_code == 201, answer.text
    body = {} if amount is None else {"amount": euros(amount)}
    answer = await post(staff, f"/v1/payments/{answer.json()['id']}/capture", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def paid_order(
    app: "TradepostApp", staff: httpx.AsyncClient, *variants: tuple[str, int], **members: Any
) -> tuple[httpx.AsyncClient, Json, Json]:
    """Place an order of units of variants and pay it. Return its client, it and the payment."""
    client, order = await placed_order(app, staff, *variants, **members)
    payment = await capture(client, staff, order)
    return client, await order_now(client, order), payment


async def try_refund(staff: httpx.AsyncClient, payment: Json, **members: Any) -> httpx.Response:
    """Refund a payment, and return the response."""
    return await post(staff, f"/v1/payments/{payment['id']}/refunds", members)


async def refund(staff: httpx.AsyncClient, payment: Json, **members: Any) -> Json:
    """Refund a payment, and return the refund."""
    answer = await try_refund(staff, payment, **members)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def refund_units(staff: httpx.AsyncClient, payment: Json, order: Json, *quantities: int, **members: Any) -> Json:
    """Refund units of the lines of an order, and return the refund."""
    return await refund(staff, payment, lines=units(order, *quantities), **members)


async def payment_now(client: httpx.AsyncClient, payment: Json) -> Json:
    """Return a payment as it is now."""
    answer = await client.get(f"/v1/payments/{payment['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def euros(amount: int) -> Json:
    """Return an amount of money in minor units."""
    return {"amount": amount, "currency": "EUR"}
