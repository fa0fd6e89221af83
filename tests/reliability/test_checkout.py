"""Parallel checkouts of scarce goods through both APIs: nothing is oversold, nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.areas.inventory.stock import check_ledger, reservations_of
from tests.conftest import _settings  # pyright: ignore[reportPrivateUsage]
from tests.figures import RecordFigure, scaled
from tests.reliability.order_race import STEPS, OrderRace
from tests.reliability.planted_cart import PlantedCart
from tests.reliability.shop import Shop
from tests.reliability.shop_server import ShopServer
from tests.reliability.shoppers import Outcome, Shopper, expect_row
from tests.servers import Run, redis_url
from tests.users import PASSWORD, create_user
from tradepost.app import TradepostApp, create_app

CHECKOUTS, UNITS = scaled(500), scaled(100)
HEAD_STARTS = (0.0, 0.05, 0.3, 2.0)
"""The seconds by which one kind of step starts earlier, until one of it wins."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
async def worker(
    run: Run, worker_id: str, server: ShopServer, cheap_passwords: None, anyio_backend: object
) -> AsyncIterator[TradepostApp]:
    """An app in this process over the same database, in place of the server's worker."""
    app = create_app(_settings(run, server.database_url, redis_url(run, worker_id)))
    async with app.lifespan():
        yield app


@pytest.fixture
async def shop(server: ShopServer) -> AsyncIterator[Shop]:
    """The shop behind that server."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as client,
        httpx.AsyncClient(base_url=server.url, timeout=60, headers={"X-API-Key": server.key}) as staff,
    ):
        methods = (await staff.get("/v1/shipping-methods?code=standard")).json()["data"]
        yield Shop(staff, [Shopper(client, "rest"), Shopper(client, "graphql")], methods[0]["id"])


def tally(outcomes: list[Outcome]) -> dict[str, int]:
    """Return how often the orders were placed, or refused with which code."""
    assert [o for o in outcomes if o.status >= 500] == []
    return dict(Counter(outcome.code or "placed" for outcome in outcomes))


async def test_parallel_checkouts_sell_every_unit_once(shop: Shop, record_figure: RecordFigure) -> None:
    variant = await shop.variant((UNITS, None))
    outcomes = await shop.place_all(await shop.fill_carts(CHECKOUTS, (variant, 1)))
    counts = tally(outcomes)
    record_figure(f"{CHECKOUTS} checkouts of {UNITS} units: {counts}")
    assert counts == {"placed": UNITS, "out_of_stock": CHECKOUTS - UNITS}
    assert len({o.row["number"] for o in outcomes if o.row}) == UNITS
    await shop.check_ledger(variant, UNITS, UNITS)


async def test_parallel_checkouts_empty_two_locations(shop: Shop, record_figure: RecordFigure) -> None:
    variant = await shop.variant((UNITS * 6 // 10, None), (UNITS * 4 // 10, await shop.location()))
    counts = tally(await shop.place_all(await shop.fill_carts(CHECKOUTS, (variant, 1))))
    record_figure(f"{CHECKOUTS} checkouts of {UNITS} units at two locations: {counts}")
    assert counts == {"placed": UNITS, "out_of_stock": CHECKOUTS - UNITS}
    await shop.check_ledger(variant, UNITS, UNITS)


async def test_carts_with_the_same_variants_in_opposite_order_do_not_deadlock(shop: Shop) -> None:
    number = scaled(200)
    first, second = await shop.variant((10_000, None)), await shop.variant((10_000, None))
    carts = await shop.fill_carts(number, (first, 1), (second, 2))
    carts += await shop.fill_carts(number, (second, 2), (first, 1))
    carts = [cart for pair in zip(carts[:number], carts[number:], strict=True) for cart in pair]
    assert tally(await shop.place_all(carts, repeats=0)) == {"placed": 2 * number}
    await shop.check_ledger(first, 10_000, 2 * number)
    await shop.check_ledger(second, 10_000, 4 * number)


async def test_one_cart_gives_one_order_however_many_place_it(shop: Shop) -> None:
    variant, racers = await shop.variant((1_000, None)), scaled(50, 2)
    [cart] = await shop.fill_carts(1, (variant, 3))
    outcomes = await shop.place_all([cart] * racers)
    assert tally(outcomes) == {"placed": 1, "invalid_transition": racers - 1}
    await shop.check_ledger(variant, 1_000, 3)


async def test_repeating_a_checkout_under_its_key_returns_the_same_order(shop: Shop) -> None:
    variant, racers = await shop.variant((1_000, None)), scaled(50, 2)
    [cart] = await shop.fill_carts(1, (variant, 3))
    outcomes = await asyncio.gather(
        *[shop.guest(n).place(cart, "one-key-for-all-of-them", repeats=50) for n in range(racers)]
    )
    assert tally(outcomes) == {"placed": racers}
    assert len({outcome.row["number"] for outcome in outcomes if outcome.row}) == 1
    await shop.check_ledger(variant, 1_000, 3)


async def test_a_planted_cart_that_was_claimed_opens_nothing_and_its_order_is_cancelled_in_parts(
    shop: Shop, worker: TradepostApp
) -> None:
    variant = await shop.variant((3, None), (2, await shop.location()), price=333, allow_backorder=True)
    planted = await shop.guest(0).fill_cart(shop.shipping_method_id, (variant, 5))
    user = await create_user(worker)
    customers = await shop.log_in(user.email, PASSWORD)
    own = await customers[1].fill_cart(shop.shipping_method_id, (variant, 2), email=user.email)
    scene = await PlantedCart.order_by(customers[0], planted)
    [line] = scene.order["lines"]
    assert (scene.cart["id"], scene.cart["email"], line["quantity"]) == (own.id, user.email, 7)
    assert await shop.levels(variant) == [(3, 5), (2, 2)]
    total, totals = line["total"]["amount"], [0]
    assert total * 3 % 7, "the value of three units is rounded"
    steps = ((customers[0], 3, [(3, 3), (2, 1)]), (customers[1], 2, [(3, 2), (2, 0)]))
    for customer, units, levels in steps:
        body = {"lines": [{"order_line_id": line["id"], "quantity": units}]}
        assert expect_row(await customer.cancel(scene.order["id"], body))["status"].lower() == "pending"
        # Backordered units are released first, then those at the last location.
        assert await shop.levels(variant) == levels
        order = await shop.read(f"/v1/orders/{scene.order['id']}")
        totals.append(order["cancelled_total"]["amount"])
        assert order["lines"][0]["cancelled"] * total / 7 == pytest.approx(totals[-1], abs=0.5)
    assert order["lines"][0]["cancelled"] == 5
    reserved = await reservations_of(worker, scene.order["id"])
    assert [(id, units) for (id, _), units in reserved.items()] == [(line["id"], 2)]
    await check_ledger(worker, variant)
    await shop.check_ledger(variant, 5, 2)
    await scene.check_secret_opens_nothing(shop)


async def test_of_cancellations_captures_and_expiries_one_wins(
    shop: Shop, worker: TradepostApp, record_figure: RecordFigure
) -> None:
    winners = Counter[str]()
    for favourite in STEPS * scaled(5):
        for head_start in HEAD_STARTS:
            race = await OrderRace.prepare(shop, worker)
            winner = await race.run(scaled(64, 4), favourite, head_start)
            winners[winner] += 1
            if winner == favourite:
                break
        else:
            pytest.fail(f"`{favourite}` never wins")
    record_figure(f"of {scaled(64, 4)} racers won: {dict(winners)}")
