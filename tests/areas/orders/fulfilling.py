"""Confirmed orders, and their fulfilments through REST."""

from typing import TYPE_CHECKING, Any

import httpx

from tests.areas.inventory.stock import STOCKKEEPER, transaction
from tests.areas.orders.checkout import placed_order, post
from tests.factories import Json
from tradepost.areas.orders.service import lock_order, open_amount, record_payment

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def confirm(app: "TradepostApp", order_id: str) -> None:
    """Confirm an order, as an authorization of what is to be paid does."""
    async with transaction(app, STOCKKEEPER) as call:
        order = await lock_order(call, order_id)
        await record_payment(call, order, authorized=open_amount(order))


async def confirmed_order(
    app: "TradepostApp", staff: httpx.AsyncClient, *variants: tuple[str, int], **members: Any
) -> tuple[httpx.AsyncClient, Json]:
    """Place an order of some units of variants and confirm it. Return its client too."""
    client, order = await placed_order(app, staff, *variants, **members)
    await confirm(app, order["id"])
    return client, (await client.get(f"/v1/orders/{order['id']}")).json()


def units(order: Json, *quantities: int) -> list[Json]:
    """Return the lines of an input: that many units of each line of the order."""
    pairs = zip(order["lines"], quantities, strict=True)
    return [{"order_line_id": line["id"], "quantity": quantity} for line, quantity in pairs if quantity]


async def try_fulfil(staff: httpx.AsyncClient, order: Json, *quantities: int, **members: Any) -> httpx.Response:
    """Fulfil units of the lines of an order, and return the response."""
    body = {"lines": units(order, *quantities), **members}
    return await post(staff, f"/v1/orders/{order['id']}/fulfilments", body)


async def fulfil(staff: httpx.AsyncClient, order: Json, *quantities: int, **members: Any) -> Json:
    """Fulfil units of the lines of an order, and return the fulfilment."""
    answer = await try_fulfil(staff, order, *quantities, **members)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def take_step(client: httpx.AsyncClient, fulfilment: Json, step: str, body: Json | None = None) -> httpx.Response:
    """Take a step of a fulfilment: `shipment`, `delivery` or `cancellation`."""
    return await post(client, f"/v1/fulfilments/{fulfilment['id']}/{step}", body)


async def step(client: httpx.AsyncClient, fulfilment: Json, name: str, body: Json | None = None) -> Json:
    """Take a step that succeeds, and return the fulfilment."""
    answer = await take_step(client, fulfilment, name, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def order_now(client: httpx.AsyncClient, order: Json) -> Json:
    """Return an order as it is now."""
    answer = await client.get(f"/v1/orders/{order['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def counters(order: Json) -> list[tuple[int, int]]:
    """Return the shipped and the cancelled units of each line."""
    return [(line["shipped"], line["cancelled"]) for line in order["lines"]]
