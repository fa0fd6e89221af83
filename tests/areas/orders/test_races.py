"""Many callers at once: one order per cart. `tests/reliability/test_checkout.py` races the ends."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.orders.checkout import ready_cart, stock_of, stocked_variant

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

RACERS = 50


async def test_fifty_racers_for_one_cart_place_one_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 100)
    checkout = await ready_cart(app, staff, (variant, 1))
    answers = await asyncio.gather(*[checkout.try_place() for _ in range(RACERS)])
    placed = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [answer.json() for answer in answers if answer.status_code != 201]
    assert (len(placed), len(refused)) == (1, RACERS - 1)
    # A call that loses the race is repeated inside; it conflicts if it loses again and again.
    counts = Counter((problem["status"], problem["code"]) for problem in refused)
    assert set(counts) <= {(409, "invalid_transition"), (409, "conflict")}
    assert counts[409, "invalid_transition"] > counts[409, "conflict"]
    named = {problem["order_id"] for problem in refused if problem["code"] == "invalid_transition"}
    assert named == {placed[0]["id"]}
    assert await stock_of(app, variant) == (100, 1)
