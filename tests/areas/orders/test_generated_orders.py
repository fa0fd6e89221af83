"""Generated carts: the order has the amounts of its quote, and its parts add up to its totals.

In currencies with 0, 2 and 3 decimals, with tax in and on top of prices, mixed tax classes and
goods that do not ship. `test_totals.py` of pricing draws the carts of the pure arithmetic.
"""

from collections.abc import AsyncIterator
from fractions import Fraction
from math import floor
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.conftest import _new_name, _settings  # pyright: ignore[reportPrivateUsage]
from tests.factories import Json, unique
from tests.figures import scaled
from tests.servers import Run, copy_of_template
from tests.users import http_client
from tradepost.app import create_app

SHOPS = [
    ("JPY", True, "half_even"),
    ("KWD", False, "half_even"),
    ("EUR", False, "half_up"),
    ("EUR", True, "half_up"),
]
"""Currency, whether prices include tax, and how tax is rounded."""
CLASSES = ("standard", "reduced", "free")
PRICES = (0, 1, 3, 50, 99, 1_995, 123_456)
"""Many taxes on 50, and those of 20 % in 3, lie halfway between two minor units."""
COUNTRIES = ("DE", "FR", "NO")
AMOUNTS = ("subtotal", "discount_total", "shipping_total", "tax_total", "grand_total")


class Shop:
    """A shop in one currency, with variants of several prices and tax classes."""

    def __init__(self, app: Any, staff: httpx.AsyncClient, currency: str, includes_tax: bool, rounding: str) -> None:
        self.app, self.staff, self.currency = app, staff, currency
        self.includes_tax, self.rounding = includes_tax, rounding
        self.variants: list[str] = []
        self.methods: list[str] = []

    async def create(self, path: str, body: Json) -> Json:
        """Create a row as staff."""
        answer = await self.staff.post(path, json=body, headers={"Idempotency-Key": unique("key")})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def fill(self) -> None:
        """Create what carts are drawn from. Variants are not tracked, so that none sells out."""
        for country, percentages in {"DE": ("19", "7"), "FR": ("20", "5.5")}.items():
            for tax_class, percentage in zip(CLASSES, percentages, strict=False):
                body = {"country": country, "tax_class": tax_class, "percentage": percentage}
                await self.create("/v1/tax-rates", body)
            await self.create("/v1/tax-rates", {"country": country, "tax_class": "free", "percentage": "0"})
        for code, tax_class, price in (("split", None, 490), ("own", "standard", 333)):
            money = {"amount": price, "currency": self.currency}
            body = {"code": code, "name": code, "price": money, "tax_class": tax_class}
            self.methods.append((await self.create("/v1/shipping-methods", body))["id"])
        variants = [
            {
                "sku": unique("sku"),
                "options": {"number": f"{price} {tax_class} {ships}"},
                "price": {"amount": price, "currency": self.currency},
                "tax_class": tax_class,
                "requires_shipping": ships,
                "track_inventory": False,
            }
            for price in PRICES
            for tax_class in CLASSES
            for ships in (True, False)
        ]
        body = {"name": "Goods", "status": "active", "variants": variants}
        product = await self.create("/v1/products?fields=variants{id}", body)
        self.variants = [variant["id"] for variant in product["variants"]]


@pytest.fixture(scope="module", params=SHOPS, ids=["-".join(map(str, shop)) for shop in SHOPS])
async def shop(
    request: pytest.FixtureRequest, run: Run, worker_id: str, cheap_passwords: None, anyio_backend: object
) -> AsyncIterator[Shop]:
    """A shop with these settings, without demo data."""
    currency, includes_tax, rounding = request.param
    settings = msgspec.structs.replace(
        _settings(run, copy_of_template(run, _new_name(worker_id), bare=True), None),
        shop_currency=currency,
        prices_include_tax=includes_tax,
        tax_rounding=rounding,
        open_orders=0,
        open_orders_per_client=0,
    )
    app = create_app(settings)
    async with app.lifespan():
        key = await app.state.credentials.create(name="staff", role="staff")
        async with http_client(app, key) as staff:
            shop = Shop(app, staff, *request.param)
            await shop.fill()
            yield shop


DRAWN_CARTS = st.tuples(
    st.dictionaries(st.integers(0, len(PRICES) * len(CLASSES) * 2 - 1), st.integers(1, 99), min_size=1, max_size=8),
    st.integers(0, 1),
    st.sampled_from(COUNTRIES),
)


@hypothesis_settings(
    max_examples=scaled(2_500, 50),
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(drawn=DRAWN_CARTS)
async def test_an_order_has_the_amounts_of_its_quote(shop: Shop, drawn: tuple[dict[int, int], int, str]) -> None:
    units, method, country = drawn
    address = {"name": "Ada Berg", "lines": ["Street 1"], "city": "City", "postcode": "1", "country": country}
    body = {
        "email": "ada@shop.example",
        "shipping_address": address,
        "shipping_method_id": shop.methods[method],
        "lines": [{"variant_id": shop.variants[index], "quantity": quantity} for index, quantity in units.items()],
    }
    async with http_client(shop.app) as guest:
        cart = (await guest.post("/v1/carts", json=body)).json()
        guest.headers["X-Cart-Token"] = cart["token"]
        quote = (await guest.get(f"/v1/carts/{cart['id']}/quote")).json()
        body = {"cart_id": cart["id"], "expected_total": quote["grand_total"]}
        answer = await guest.post("/v1/orders", json=body, headers={"Idempotency-Key": cart["id"]})
    assert answer.status_code == 201, (quote["problems"], answer.text)
    order = answer.json()
    for name in (*AMOUNTS, "shipping", "tax_lines", "prices_include_tax"):
        assert order[name] == quote[name], name
    kept = ("variant_id", "quantity", "unit_price", "discount", "tax", "tax_percentage", "total")
    assert [{n: line[n] for n in kept} for line in order["lines"]] == [
        {n: line[n] for n in kept} for line in quote["lines"]
    ]
    check_sums(order)
    check_taxes(order, shop)


def check_sums(order: Json) -> None:
    """Check that the totals of an order are the sums of its parts."""
    total = {name: order[name]["amount"] for name in AMOUNTS}
    shipping = {name: money["amount"] for name, money in (order["shipping"] or {}).items()}
    lines = order["lines"]
    paid = sum(line["total"]["amount"] for line in lines) + shipping.get("total", 0)
    assert total["subtotal"] == sum(line["unit_price"]["amount"] * line["quantity"] for line in lines)
    assert total["tax_total"] == sum(line["tax"]["amount"] for line in lines) + shipping.get("tax", 0)
    assert total["tax_total"] == sum(line["tax"]["amount"] for line in order["tax_lines"])
    assert total["grand_total"] == paid
    assert paid == sum(line["taxable"]["amount"] + line["tax"]["amount"] for line in order["tax_lines"])
    assert all(money["currency"] == order["currency"] for money in (order["grand_total"], order["subtotal"]))


def check_taxes(order: Json, shop: Shop) -> None:
    """Check the tax of each line, rounded once as the shop rounds, and what the line costs."""
    assert order["prices_include_tax"] == shop.includes_tax
    for line in order["lines"]:
        goods = line["unit_price"]["amount"] * line["quantity"] - line["discount"]["amount"]
        rate = Fraction(line["tax_percentage"]) / 100
        exact = goods * (rate / (1 + rate) if shop.includes_tax else rate)
        tax = round(exact) if shop.rounding == "half_even" else floor(exact + Fraction(1, 2))
        assert line["tax"]["amount"] == tax
        assert line["total"]["amount"] == goods + (0 if shop.includes_tax else tax)
