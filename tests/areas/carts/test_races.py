"""Concurrent changes of one cart, and of the carts of one user."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import httpx

from tests.areas.carts.shopper import new_guest, succeed, variant
from tests.factories import make_product, make_variant
from tests.users import create_user

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def test_concurrent_new_lines_do_not_exceed_100(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    ids = [(await make_variant(staff, product["id"], track_inventory=False))["id"] for _ in range(100)]
    more = [await variant(staff) for _ in range(7)]
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1} for id in ids[:96]])
    answers = await asyncio.gather(
        *[guest.client.put(f"{guest.path}/lines/{id}", json={"quantity": 1}) for id in (*ids[96:98], *more)]
    )
    assert Counter(answer.status_code for answer in answers) == {200: 4, 422: 5}
    assert len((await guest.read())["lines"]) == 100


async def test_concurrent_writes_of_one_new_line_add_it_once(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    guest, id = await new_guest(app), await variant(staff)
    quantities = range(1, 9)
    answers = await asyncio.gather(
        *[guest.client.put(f"{guest.path}/lines/{id}", json={"quantity": quantity}) for quantity in quantities]
    )
    assert {answer.status_code for answer in answers} == {200}
    cart = await guest.read()
    assert len(cart["lines"]) == 1
    assert cart["lines"][0]["quantity"] in quantities
    assert cart["version"] == 1 + len(quantities)


async def test_a_user_who_creates_several_carts_at_once_gets_one(app: "TradepostApp") -> None:
    user = await create_user(app)
    async with user.client() as client:
        answers = await asyncio.gather(*[client.post("/v1/carts", json={}) for _ in range(6)])
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_exists"}
        assert len(succeed(await client.get("/v1/carts"))["data"]) == 1
