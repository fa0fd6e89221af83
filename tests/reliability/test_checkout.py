"""Parallel checkouts of scarce goods through both APIs: nothing is oversold, nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.factories import unique
from tests.figures import RecordFigure, scaled
from tests.reliability.shop_server import ShopServer, shop_server
from tests.reliability.shoppers import Cart, Outcome, Shopper
from tests.servers import Run

type Json = dict[str, Any]

CHECKOUTS, UNITS = scaled(500), scaled(100)
SETTINGS = {"OPEN_ORDERS": "0", "OPEN_ORDERS_PER_CLIENT": "0"}
"""All these shoppers share one client address."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def server(run: Run, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopServer]:
    """A server with several worker processes."""
    with shop_server(run, worker_id, tmp_path_factory.mktemp("checkout"), SETTINGS) as server:
        yield server


class Shop:
    """The shop as its staff and its guests use it."""

    def __init__(self, staff: httpx.AsyncClient, guests: list[Shopper], shipping_method_id: str) -> None:
        self.staff, self.guests, self.shipping_method_id = staff, guests, shipping_method_id

    async def create(self, path: str, body: Json) -> Json:
        """Create a row as staff."""
        headers = {"Idempotency-Key": unique("key")}
        answer = await self.staff.post(path, json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def read(self, path: str) -> Json:
        """Read as staff."""
        answer = await self.staff.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def variant(self, *stock: tuple[int, str | None]) -> str:
        """Create a variant with these units at these locations (None: the main one)."""
        price = {"amount": 1990, "currency": "EUR"}
        body = {"name": unique("Goods"), "status": "active", "variants": [{"sku": unique("sku"), "price": price}]}
        product = await self.create("/v1/products?fields=variants{id}", body)
        id = product["variants"][0]["id"]
        for quantity, location_id in stock:
            body = {"kind": "receive", "quantity": quantity, "location_id": location_id}
            await self.create(f"/v1/variants/{id}/stock/movements", body)
        return id

    async def fill_carts(self, number: int, *lines: tuple[str, int]) -> list[Cart]:
        """Fill equal carts, at the APIs in turn."""
        return await asyncio.gather(*[self.guest(n).fill_cart(self.shipping_method_id, *lines) for n in range(number)])

    def guest(self, number: int) -> Shopper:
        """Return a guest: each is at another API than the one before."""
        return self.guests[number % 2]

    async def place_all(self, carts: list[Cart], repeats: int = 20) -> list[Outcome]:
        """Place the orders of all carts at once, at the APIs in turn."""
        return await asyncio.gather(*[self.guest(n).place(cart, repeats=repeats) for n, cart in enumerate(carts)])

    async def check_ledger(self, variant_id: str, received: int, reserved: int) -> None:
        """Check that levels, movements and reservations of a variant agree."""
        stock = await self.read(f"/v1/variants/{variant_id}/stock")
        assert (stock["on_hand"], stock["reserved"], stock["available"]) == (received, reserved, received - reserved)
        by_location = {location["location_id"]: Counter[str]() for location in stock["locations"]}
        cursor, fields = "", "kind,location_id,on_hand_delta,reserved_delta"
        while True:
            path = f"/v1/variants/{variant_id}/stock/movements?limit=100&fields={fields}{cursor}"
            page = await self.read(path)
            for movement in page["data"]:
                for column in ("on_hand", "reserved"):
                    by_location[movement["location_id"]][column] += movement[f"{column}_delta"]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        for location in stock["locations"]:
            sums = by_location[location["location_id"]]
            assert (sums["on_hand"], sums["reserved"]) == (location["on_hand"], location["reserved"])


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
    body = {"code": unique("second"), "name": "Second", "priority": 50}
    second = (await shop.create("/v1/stock-locations", body))["id"]
    variant = await shop.variant((UNITS * 6 // 10, None), (UNITS * 4 // 10, second))
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
