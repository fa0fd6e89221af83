"""An account with open orders is not closed; closing it detaches the other orders."""

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.carts.shopper import graphql
from tests.areas.orders.checkout import Checkout, placed_order, post, ready_cart, stock_of, stocked_variant
from tests.factories import Json, assert_problem
from tests.users import PASSWORD, ShopUser, create_user

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

CLOSE = "mutation ($input: AccountCloseInput!) { meClose(input: $input) { status } }"
HEAD_STARTS = ((0, 0), (0, 0.01), (0.01, 0), (0, 1), (1, 0))
"""Seconds before the order is placed and before the account is closed. Both win once."""
PLACED = (201, 409)


async def close(user: ShopUser) -> httpx.Response:
    """Close the account through REST."""
    return await user.client().post("/v1/users/me/closure", json={"password": PASSWORD})


async def test_an_account_with_an_open_order_is_not_closed(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    user = await create_user(app)
    client, first = await placed_order(app, staff, user=user, note="Ring twice.")
    _, second = await placed_order(app, staff, user=user)
    payment = await post(
        client, f"/v1/orders/{second['id']}/payments", {"provider": "manual", "method": "bank_transfer"}
    )
    assert (await post(staff, f"/v1/payments/{payment.json()['id']}/capture")).json()["status"] == "captured"
    refused = assert_problem(await close(user), 409, "conflict")
    assert f"`{first['number']}`, `{second['number']}`" in refused["detail"]
    body: Json = {"query": CLOSE, "variables": {"input": {"password": PASSWORD}}}
    [error] = (await client.post("/graphql", json=body)).json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["detail"]) == ("conflict", refused["detail"])
    kept = (await client.get(f"/v1/orders/{first['id']}")).json()
    assert (kept["customer_id"], kept["note"]) == (user.id, "Ring twice.")
    assert (await post(client, f"/v1/orders/{first['id']}/cancellation")).status_code == 200
    refused = assert_problem(await close(user), 409, "conflict")
    assert f"`{second['number']}`" in refused["detail"]
    assert f"`{first['number']}`" not in refused["detail"]


async def test_a_closed_account_leaves_its_orders_without_the_link(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    user = await create_user(app)
    client, order = await placed_order(app, staff, user=user, note="Ring twice.")
    path = f"/v1/orders/{order['id']}"
    cancelled = (await post(client, f"{path}/cancellation")).json()
    await graphql(client, CLOSE, input={"password": PASSWORD})
    seen = (await staff.get(path)).json()
    assert (seen["customer_id"], seen["note"], seen["version"]) == (None, "", cancelled["version"] + 1)
    same = ("number", "email", "shipping_address", "grand_total", "lines", "status")
    assert {name: seen[name] for name in same} == {name: cancelled[name] for name in same}


async def test_an_order_raced_by_the_closing_of_its_account(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant, outcomes = await stocked_variant(app, staff, 10), list[tuple[int, int]]()
    for delays in HEAD_STARTS:
        user = await create_user(app)
        checkout = await ready_cart(app, staff, (variant, 1), user=user)

        async def place(checkout: Checkout = checkout, delay: float = delays[0]) -> httpx.Response:
            await asyncio.sleep(delay)
            return await checkout.try_place()

        async def close_later(user: ShopUser = user, delay: float = delays[1]) -> httpx.Response:
            await asyncio.sleep(delay)
            return await close(user)

        placed, closed = await asyncio.gather(place(), close_later())
        outcomes.append((placed.status_code, closed.status_code))
        assert outcomes[-1] in [PLACED, (404, 204), (401, 204)], (placed.text, closed.text)
    assert {outcome == PLACED for outcome in outcomes} == {True, False}
    assert await stock_of(app, variant) == (10, outcomes.count(PLACED))
