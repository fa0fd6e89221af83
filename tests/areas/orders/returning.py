"""Orders that have shipped, and their returns through REST."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import update

from tests.areas.orders.checkout import post
from tests.areas.orders.fulfilling import confirmed_order, fulfil, step, units
from tests.factories import Json
from tradepost.areas.orders.models import OrderRow
from tradepost.kit.clock import now

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def shipped_order(
    app: "TradepostApp", staff: httpx.AsyncClient, *variants: tuple[str, int], **members: Any
) -> tuple[httpx.AsyncClient, Json]:
    """Place an order of some units of variants and ship all of it. Return its client too."""
    client, order = await confirmed_order(app, staff, *variants, **members)
    await fulfil(staff, order, *[line["quantity"] for line in order["lines"]], shipped=True)
    return client, order


async def deliver(staff: httpx.AsyncClient, order: Json) -> None:
    """Deliver all that has shipped of an order."""
    for fulfilment in (await staff.get(f"/v1/orders/{order['id']}/fulfilments")).json()["data"]:
        if fulfilment["status"] == "shipped":
            await step(staff, fulfilment, "delivery")


async def delivered_days_ago(app: "TradepostApp", order: Json, days: float) -> None:
    """Change an order as if it had been delivered some days ago."""
    statement = update(OrderRow).where(OrderRow.id == order["id"])
    async with app.state.database.transaction() as session:
        await session.execute(statement.values(delivered_at=now() - timedelta(days=days)))


def lines(order: Json, *quantities: int, **members: Any) -> list[Json]:
    """Return the lines of an input for a return, each with more members."""
    return [line | members for line in units(order, *quantities)]


async def try_return(client: httpx.AsyncClient, order: Json, *quantities: int, **members: Any) -> httpx.Response:
    """Return units of the lines of an order, or without quantities all. Return the response."""
    body = ({"lines": units(order, *quantities)} if quantities else {}) | members
    return await post(client, f"/v1/orders/{order['id']}/returns", body)


async def give_back(client: httpx.AsyncClient, order: Json, *quantities: int, **members: Any) -> Json:
    """Return units of the lines of an order, and return the return."""
    answer = await try_return(client, order, *quantities, **members)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def take_return_step(client: httpx.AsyncClient, row: Json, name: str, body: Json | None = None) -> httpx.Response:
    """Take a step of a return: `receipt`, `rejection` or `cancellation`."""
    return await post(client, f"/v1/returns/{row['id']}/{name}", body)


async def return_step(client: httpx.AsyncClient, row: Json, name: str, body: Json | None = None) -> Json:
    """Take a step that succeeds, and return the return."""
    answer = await take_return_step(client, row, name, body)
    assert answer.status_code == 200, answer.text
    return answer.json()
