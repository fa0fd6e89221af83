"""The limits on declined payments, which events of the provider count."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from tests.areas.orders.checkout import placed_order, post
from tests.areas.orders.shop_app import staff_client
from tests.areas.payments.provider_events import event_of, outcome_of
from tests.areas.payments.provider_in_memory import MEMORY, app_with_memory_provider
from tests.factories import Json

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

CREATE = """mutation ($id: ID!, $key: String!) {
  paymentCreate(orderId: $id, input: {provider: "memory"}) @idempotent(key: $key) { id }
}"""


@pytest.fixture
async def app(fresh_settings: "Callable[[], Settings]") -> AsyncIterator["TradepostApp"]:
    async with app_with_memory_provider(fresh_settings()) as app:
        yield app


@pytest.fixture
async def staff(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    async with staff_client(app) as client:
        yield client


async def declined_order(
    app: "TradepostApp", staff: httpx.AsyncClient, declines: int
) -> tuple[httpx.AsyncClient, Json]:
    """Return a client with an order, some attempts to pay which were declined."""
    client, order = await placed_order(app, staff)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)).json()
    for _ in range(declines):
        event = event_of(payment, is_decline=True)
        assert [await outcome_of(client, event) for _ in range(2)] == ["applied", "repeated"]
    assert await outcome_of(client, event_of(payment)) == "applied"
    return client, order


async def creation_codes(client: httpx.AsyncClient, order: Json) -> list[str | None]:
    """Return the codes of the problems of a payment that is created through both doors."""
    answer = await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)
    variables = {"id": order["id"], "key": uuid4().hex}
    document = (await client.post("/graphql", json={"query": CREATE, "variables": variables})).json()
    codes = [error["extensions"]["code"] for error in document.get("errors", ())]
    if answer.status_code == 429:
        assert answer.json()["violated-policies"] == ["declines"]
    return [answer.json().get("code"), *(codes or [None])]


async def test_an_order_can_be_declined_ten_times(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await declined_order(app, staff, 9)
    assert await creation_codes(client, order) == [None, None]
    client, order = await declined_order(app, staff, 10)
    assert await creation_codes(client, order) == ["quota_exceeded", "quota_exceeded"]


async def test_a_client_address_can_be_declined_thirty_times_an_hour(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    for declines in (9, 9, 9, 2):
        await declined_order(app, staff, declines)
    client, order = await declined_order(app, staff, 0)
    assert await creation_codes(client, order) == [None, None]
    await declined_order(app, staff, 1)
    assert await creation_codes(client, order) == ["quota_exceeded", "quota_exceeded"]
