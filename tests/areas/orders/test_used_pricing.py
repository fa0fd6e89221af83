"""Shipping methods and tax rates that an order has used are deactivated, not deleted."""

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.carts.shopper import ADDRESS, shipping_method
from tests.areas.orders.checkout import Checkout, placed_order, ready_cart, stocked_variant
from tests.factories import Json, assert_problem, create, unique

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

COUNTRY = "NO"
HEAD_STARTS = ((0, 0), (0, 0.01), (0, 0.03), (0, 1), (1, 0))
"""Seconds before the order is placed and before the method is deleted. Both win once."""


async def tax_rate(staff: httpx.AsyncClient, tax_class: str, **members: str) -> str:
    """Create a tax rate of a class in COUNTRY, and return its path."""
    body = {"country": COUNTRY, "percentage": "12", "tax_class": tax_class, **members}
    return f"/v1/tax-rates/{(await create(staff, '/v1/tax-rates', body))['id']}"


async def delete_by_graphql(staff: httpx.AsyncClient, field: str, path: str) -> Json:
    """Delete a row through GraphQL, and return the problem."""
    id = path.rpartition("/")[2]
    answer = await staff.post("/graphql", json={"query": f'mutation {{ {field}(id: "{id}") {{ id }} }}'})
    return answer.json()["errors"][0]["extensions"]


async def test_what_an_order_used_is_not_deleted(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    goods, delivery, other = unique("goods"), unique("delivery"), unique("other")
    used = [await tax_rate(staff, goods), await tax_rate(staff, delivery)]
    unused = [await tax_rate(staff, other), await tax_rate(staff, goods, region="03")]
    method = f"/v1/shipping-methods/{await shipping_method(staff, tax_class=delivery)}"
    unused.append(f"/v1/shipping-methods/{await shipping_method(staff)}")
    variant = await stocked_variant(app, staff, tax_class=goods)
    members = {
        "shipping_method_id": method.rpartition("/")[2],
        "shipping_address": ADDRESS | {"country": COUNTRY},
    }
    for _ in range(2):  # the second order finds them used
        await placed_order(app, staff, (variant, 1), **members)
    for path in (*used, method):
        assert_problem(await staff.delete(path), 409, "has_history")
    assert (await delete_by_graphql(staff, "taxRateDelete", used[0]))["code"] == "has_history"
    assert (await delete_by_graphql(staff, "shippingMethodDelete", method))["code"] == "has_history"
    for path in unused:
        assert (await staff.delete(path)).status_code == 204
    for path in (*used, method):
        changed = (await staff.patch(path, json={"active": False})).json()
        assert (changed["active"], changed["version"]) == (False, 2)


async def test_a_class_without_a_rate_uses_that_of_the_standard_class(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    path = await tax_rate(staff, "standard", country="IS")
    variant = await stocked_variant(app, staff, tax_class=unique("class"))
    quote_only = await ready_cart(app, staff, (variant, 1), shipping_address=ADDRESS | {"country": "IS"})
    assert (await quote_only.shopper.quote())["tax_lines"][0]["percentage"] == "12"
    await quote_only.place()
    assert_problem(await staff.delete(path), 409, "has_history")


async def test_a_shipping_method_deleted_while_its_first_order_is_placed(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant, outcomes = await stocked_variant(app, staff), set[tuple[int, int]]()
    for delays in HEAD_STARTS:
        id = await shipping_method(staff)
        checkout = await ready_cart(app, staff, (variant, 1), shipping_method_id=id)

        async def place(checkout: Checkout = checkout, delay: float = delays[0]) -> httpx.Response:
            await asyncio.sleep(delay)
            return await checkout.try_place()

        async def delete(id: str = id, delay: float = delays[1]) -> httpx.Response:
            await asyncio.sleep(delay)
            return await staff.delete(f"/v1/shipping-methods/{id}")

        placed, deleted = await asyncio.gather(place(), delete())
        outcome = (placed.status_code, deleted.status_code)
        assert outcome in [(201, 409), (422, 204)], (placed.text, deleted.text)
        outcomes.add(outcome)
    assert outcomes == {(201, 409), (422, 204)}
