"""Quotes: totals, what is missing, and what is offered."""

from typing import TYPE_CHECKING, Any

import httpx

from tests.areas.carts.shopper import ADDRESS, graphql, new_guest, shipping_method, succeed, variant
from tests.areas.inventory.stock import main_location, put
from tests.factories import Json, assert_problem, create, make_product, make_variant, unique

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

COUNTRY = "IS"
"""A country outside the EU and without rates in the demo data, so that tests choose the rates."""
HOME = ADDRESS | {"country": COUNTRY}


def codes(remarks: list[Json]) -> set[tuple[str, str]]:
    """Return code and pointer of problems or notices."""
    return {(remark["code"], remark["pointer"]) for remark in remarks}


def amounts(quote: Json, *names: str) -> list[int]:
    """Return amounts of a quote."""
    return [quote[name]["amount"] for name in names]


async def tax_rate(staff: httpx.AsyncClient, percentage: str, **members: Any) -> str:
    """Create a tax rate of a class of its own, and return the class."""
    name = unique("class")
    await create(staff, "/v1/tax-rates", {"country": COUNTRY, "percentage": percentage, "tax_class": name, **members})
    return name


async def test_an_empty_cart_has_a_quote_that_names_what_is_missing(app: "TradepostApp") -> None:
    guest = await new_guest(app)
    quote = await guest.quote()
    assert codes(quote["problems"]) == {("cart_empty", "/lines"), ("email_missing", "/email")}
    assert amounts(quote, "subtotal", "tax_total", "grand_total", "shipping_total") == [0, 0, 0, 0]
    assert (quote["tax_estimated"], quote["shipping"], quote["shipping_methods"]) == (True, None, [])
    assert (quote["prices_include_tax"], quote["promotions"], quote["notices"]) == (True, [], [])
    assert quote["payment_methods"] == [{"provider": "manual", "method": "bank_transfer", "name": "Bank transfer"}]


async def test_a_cart_that_can_be_ordered_has_no_problems(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    tax_class = await tax_rate(staff, "24")
    id, method = await variant(staff, 1240, tax_class=tax_class), await shipping_method(staff, 620, countries=[COUNTRY])
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 2}])
    quote = await guest.quote()
    assert codes(quote["problems"]) == {
        ("email_missing", "/email"),
        ("shipping_address_missing", "/shipping_address"),
        ("shipping_method_missing", "/shipping_method_id"),
    }
    assert method in [offer["id"] for offer in quote["shipping_methods"]]
    await guest.change(email="kim@shop.example", shipping_address=HOME, shipping_method_id=method)
    quote = await guest.quote()
    assert quote["problems"] == []
    assert not quote["tax_estimated"]
    assert amounts(quote, "subtotal", "shipping_total", "tax_total", "grand_total") == [2480, 620, 600, 3100]
    assert quote["tax_lines"] == [
        {
            "percentage": "24",
            "taxable": {"amount": 2500, "currency": "EUR"},
            "tax": {"amount": 600, "currency": "EUR"},
        }
    ]
    [line] = quote["lines"]
    assert (line["tax_percentage"], line["tax"]["amount"], line["total"]["amount"], line["availability"]) == (
        "24",
        480,
        2480,
        "in_stock",
    )
    assert {name: money["amount"] for name, money in quote["shipping"].items()} == {
        "price": 620,
        "discount": 0,
        "tax": 120,
        "total": 620,
    }


async def test_both_doors_give_the_same_quote(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    guest = await new_guest(app, lines=[{"variant_id": await variant(staff), "quantity": 3}])
    rest = await guest.quote()
    text = """query ($id: ID!) { cartQuote(cartId: $id) {
      lines { variantId quantity total { amount currency } availability taxPercentage }
      taxLines { percentage taxable { amount } } grandTotal { amount } problems { code pointer } taxEstimated
    } }"""
    other = (await graphql(guest.client, text, id=guest.cart["id"]))["cartQuote"]
    assert other["grandTotal"]["amount"] == rest["grand_total"]["amount"]
    assert other["lines"][0] == {
        "variantId": rest["lines"][0]["variant_id"],
        "quantity": 3,
        "total": rest["lines"][0]["total"],
        "availability": "IN_STOCK",
        "taxPercentage": rest["lines"][0]["tax_percentage"],
    }
    assert [(p["code"].lower(), p["pointer"]) for p in other["problems"]] == [
        (p["code"], p["pointer"]) for p in rest["problems"]
    ]
    assert [line["percentage"] for line in other["taxLines"]] == [line["percentage"] for line in rest["tax_lines"]]


async def test_a_quote_is_as_hidden_as_its_cart_and_never_stored(
    app: "TradepostApp", client: httpx.AsyncClient
) -> None:
    guest = await new_guest(app)
    assert_problem(await client.get(f"{guest.path}/quote"), 404, "not_found")
    for path in (guest.path, f"{guest.path}/quote", "/v1/carts"):
        assert (await guest.client.get(path)).headers["cache-control"] == "no-store", path
    assert (await graphql(client, f'{{ cartQuote(cartId: "{guest.cart["id"]}") {{ taxEstimated }} }}')) == {
        "cartQuote": None
    }


async def test_stock_is_checked_and_goods_on_order_are_not(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    scarce = await variant(staff, track_inventory=True)
    ordered = await variant(staff, track_inventory=True, allow_backorder=True)
    await put(app, scarce, await main_location(app), 2)
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 2} for id in (scarce, ordered)])
    quote = await guest.quote()
    assert [line["availability"] for line in quote["lines"]] == ["low", "backorder"]
    assert [line["availability"] for line in (await guest.read())["lines"]] == ["low", "backorder"]
    assert "out_of_stock" not in [problem["code"] for problem in quote["problems"]]
    await guest.put(scarce, 3)
    quote = await guest.quote()
    assert ("out_of_stock", "/lines/0/quantity") in codes(quote["problems"])
    # Stock does not change the totals, so that an order is refused for the stock, not the total.
    assert amounts(quote, "subtotal") == [5000]


async def test_a_variant_that_is_no_longer_sold_is_a_problem_and_not_in_the_totals(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    gone = (await make_variant(staff, product["id"], 500, track_inventory=False))["id"]
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1} for id in (gone, await variant(staff, 700))])
    await staff.patch(f"/v1/products/{product['id']}", json={"status": "archived"})
    quote = await guest.quote()
    assert ("not_available", "/lines/0") in codes(quote["problems"])
    assert {name: value for name, value in quote["lines"][0].items() if name not in ("variant_id", "quantity")} == {
        "unit_price": None,
        "discount": None,
        "tax": None,
        "tax_percentage": None,
        "total": None,
        "availability": "not_available",
    }
    assert amounts(quote, "subtotal") == [700]


async def test_a_changed_price_is_a_notice(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    id = await variant(staff, 1250)
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1}])
    assert (await guest.quote())["notices"] == []
    await staff.patch(f"/v1/variants/{id}", json={"price": {"amount": 1300}})
    quote = await guest.quote()
    [notice] = quote["notices"]
    assert (notice["code"], notice["pointer"]) == ("price_changed", "/lines/0/unit_price")
    assert "€12.50" in notice["detail"]
    assert "€13.00" in notice["detail"]
    assert amounts(quote, "subtotal") == [1300]


async def test_goods_that_are_not_shipped_need_no_address_and_are_taxed_by_the_billing_address(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    tax_class = await tax_rate(staff, "10")
    id, method = await variant(staff, 1100, tax_class=tax_class, requires_shipping=False), await shipping_method(staff)
    guest = await new_guest(
        app,
        email="kim@shop.example",
        shipping_address=ADDRESS,
        billing_address=HOME,
        shipping_method_id=method,
        lines=[{"variant_id": id, "quantity": 1}],
    )
    quote = await guest.quote()
    assert (quote["problems"], quote["shipping_methods"], quote["shipping"]) == ([], [], None)
    assert [line["percentage"] for line in quote["tax_lines"]] == ["10"]
    await guest.change(shipping_address=HOME, billing_address=None)
    assert [line["percentage"] for line in (await guest.quote())["tax_lines"]] == ["10"]
    await guest.change(shipping_address=None)
    assert (await guest.quote())["tax_estimated"]


async def test_a_region_has_its_own_rate(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    tax_class = await tax_rate(staff, "10")
    regional = {"country": COUNTRY, "region": "1", "percentage": "12.5", "tax_class": tax_class}
    await create(staff, "/v1/tax-rates", regional)
    id = await variant(staff, 1000, tax_class=tax_class)
    guest = await new_guest(app, shipping_address=HOME | {"region": "1"}, lines=[{"variant_id": id, "quantity": 1}])
    assert [line["percentage"] for line in (await guest.quote())["tax_lines"]] == ["12.5"]


async def test_shipping_depends_on_country_weight_and_the_price_of_the_goods(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    id = await variant(staff, 1000, weight_grams=400)
    light = await shipping_method(staff, 300, countries=[COUNTRY], max_weight_grams=1000)
    heavy = await shipping_method(
        staff, 900, countries=[COUNTRY], min_weight_grams=1001, free_from={"amount": 4000, "currency": "EUR"}
    )
    elsewhere = await shipping_method(staff, 100, countries=["NZ"])
    guest = await new_guest(app, shipping_address=HOME, lines=[{"variant_id": id, "quantity": 2}])

    async def offers() -> dict[str, int]:
        listed = {offer["id"]: offer["price"]["amount"] for offer in (await guest.quote())["shipping_methods"]}
        return {id: price for id, price in listed.items() if id in (light, heavy, elsewhere)}

    assert await offers() == {light: 300}
    await guest.put(id, 3)
    assert await offers() == {heavy: 900}
    await guest.change(shipping_method_id=light)
    quote = await guest.quote()
    assert ("shipping_method_not_possible", "/shipping_method_id") in codes(quote["problems"])
    assert (quote["shipping"], quote["shipping_total"]["amount"]) == (None, 0)
    await guest.put(id, 4)
    assert await offers() == {heavy: 0}
    await guest.change(shipping_method_id=heavy)
    assert (await staff.patch(f"/v1/shipping-methods/{heavy}", json={"active": False})).status_code == 200
    assert ("shipping_method_not_possible", "/shipping_method_id") in codes((await guest.quote())["problems"])


async def test_a_quote_takes_as_many_statements_for_100_lines_as_for_one(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    ids = [(await make_variant(staff, product["id"], track_inventory=False))["id"] for _ in range(100)]
    reader, counts = app.state.database.reader, list[int]()
    for number in (1, 100):
        guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1} for id in ids[:number]])
        await guest.quote()
        before = reader.statement_count
        await guest.quote()
        counts.append(reader.statement_count - before)
    assert counts[0] == counts[1]
    # Five of the quote, and one that finds the cart of the secret.
    assert counts[0] == 6


async def test_the_demo_shop_quotes_a_first_cart(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    params = {"in_stock": "true", "limit": "3", "fields": "variants{id,availability}"}
    products = succeed(await client.get("/v1/products", params=params))["data"]
    listed = [[v["id"] for v in product["variants"] if v["availability"] == "in_stock"] for product in products]
    ids = [available[0] for available in listed if available]
    assert ids, "the demo shop has goods in stock"
    methods = succeed(await client.get("/v1/shipping-methods", params={"code": "standard"}))["data"]
    guest = await new_guest(
        app,
        email="kim@shop.example",
        shipping_address=ADDRESS | {"country": "DE"},
        shipping_method_id=methods[0]["id"],
        lines=[{"variant_id": id, "quantity": 1} for id in ids],
    )
    quote = await guest.quote()
    assert quote["problems"] == []
    assert quote["grand_total"]["amount"] > 0
    assert quote["tax_total"]["amount"] > 0
