"""Variants: uniqueness, the limit of one hundred, and their effect on the product."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import types_of
from tests.factories import assert_problem, faults, make_product, make_variant, read, unique, variant_input
from tradepost.areas.catalog.schemas import MAX_PRICE

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def test_all_members_are_returned_as_sent(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    values: dict[str, Any] = {
        "sku": unique("SKU"),
        "name": "Big",
        "options": {"size": "L", "colour": "red"},
        "price": {"amount": MAX_PRICE, "currency": "EUR"},
        "compare_at_price": {"amount": 0, "currency": "EUR"},
        "weight_grams": 12,
        "barcode": "4006381333931",
        "attributes": {"a": [1]},
        "tax_class": "reduced",
        "track_inventory": False,
        "allow_backorder": True,
        "low_stock_threshold": 3,
        "requires_shipping": False,
        "withdrawal_excluded": True,
        "position": 9,
        "external_reference": "X",
        "source": {"row": 1},
    }
    created = (await staff.post(f"/v1/products/{product['id']}/variants", json=values)).json()
    assert {name: created[name] for name in values} == values
    assert list(created["options"]) == ["size", "colour"], "the order of options is preserved"
    assert (created["product_id"], created["version"]) == (product["id"], 1)
    assert await read(staff, f"/v1/variants/{created['id']}") == created
    assert await types_of(app, created["id"]) == ["variant.created"]


async def test_a_name_defaults_to_the_options_and_a_position_to_the_end(staff: httpx.AsyncClient) -> None:
    product = await make_product(
        staff,
        variants=[variant_input(options={"size": "M", "colour": "blue"}), variant_input(position=5), variant_input()],
    )
    seen = (await read(staff, f"/v1/products/{product['id']}/variants"))["data"]
    assert seen[0]["name"] == "M / blue"
    later = await make_variant(staff, product["id"])
    assert [v["position"] for v in [*seen, later]] == [0, 2, 5, 6]


@pytest.mark.parametrize("way", ["post", "put", "patch", "create"])
async def test_a_sku_is_unique_in_the_shop(staff: httpx.AsyncClient, way: str) -> None:
    product, other = await make_product(staff, variants=[variant_input()]), await make_product(staff)
    taken = (await read(staff, f"/v1/products/{product['id']}/variants"))["data"][0]["sku"]
    mine = await make_variant(staff, other["id"])
    body = variant_input(sku=taken)
    answer = {
        "post": lambda: staff.post(f"/v1/products/{other['id']}/variants", json=body),
        "put": lambda: staff.put(f"/v1/variants/{mine['id']}", json=body),
        "patch": lambda: staff.patch(f"/v1/variants/{mine['id']}", json={"sku": taken}),
        "create": lambda: staff.post("/v1/products", json={"name": "x", "variants": [body]}),
    }[way]
    problem = assert_problem(await answer(), 409, "already_exists")
    assert problem["field"] == "sku"


async def test_options_are_unique_in_a_product_regardless_of_order(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, variants=[variant_input(options={"size": "M", "colour": "red"})])
    path = f"/v1/products/{product['id']}/variants"
    problem = assert_problem(
        await staff.post(path, json=variant_input(options={"colour": "red", "size": "M"})), 409, "already_exists"
    )
    assert problem["field"] == "options"
    assert (await staff.post(path, json=variant_input(options={"colour": "red"}))).status_code == 201
    assert (await make_product(staff, variants=[variant_input(options={"size": "M", "colour": "red"})]))["version"] == 1


async def test_a_product_has_at_most_a_hundred_variants(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, variants=[variant_input() for _ in range(100)])
    path = f"/v1/products/{product['id']}/variants"
    assert_problem(await staff.post(path, json=variant_input()), 409, "conflict")
    assert len((await read(staff, path, limit=100))["data"]) == 100
    assert len((await read(staff, f"/v1/products/{product['id']}", fields="variants{id}"))["variants"]) == 100
    answer = await staff.post("/v1/products", json={"name": "x", "variants": [variant_input() for _ in range(101)]})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/variants", "too_many")}


async def test_another_currency_than_that_of_the_shop_is_refused_in_both_prices(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    invalid = variant_input(compare_at_price={"amount": 2, "currency": "USD"}) | {
        "price": {"amount": 1, "currency": "ZZZ"}
    }
    answer = await staff.post(f"/v1/products/{product['id']}/variants", json=invalid)
    assert_problem(answer, 422, "currency_not_sold")
    code = "currency_not_sold"
    assert faults(answer) == {("/price/currency", code), ("/compare_at_price/currency", code)}
    answer = await staff.post("/v1/products", json={"name": "x", "variants": [variant_input(), invalid]})
    assert faults(answer) == {
        ("/variants/1/price/currency", code),
        ("/variants/1/compare_at_price/currency", code),
    }


async def test_put_sets_defaults_and_patch_keeps_other_members(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    created = await make_variant(
        staff, product["id"], 100, weight_grams=5, barcode="1", attributes={"a": 1}, tax_class="reduced"
    )
    path = f"/v1/variants/{created['id']}"
    patched = (await staff.patch(path, json={"weight_grams": None, "price": {"amount": 90}})).json()
    assert (patched["weight_grams"], patched["price"], patched["barcode"], patched["version"]) == (
        None,
        {"amount": 90, "currency": "EUR"},
        "1",
        2,
    )
    put = (await staff.put(path, json={"sku": created["sku"], "price": created["price"]})).json()
    assert (put["barcode"], put["attributes"], put["tax_class"], put["options"], put["version"]) == (
        None,
        {},
        "standard",
        {},
        3,
    )
    assert put["position"] == created["position"]


async def test_a_patch_without_changes_keeps_the_version(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    created = await make_variant(staff, product["id"])
    assert (
        await staff.patch(f"/v1/variants/{created['id']}", json={"sku": created["sku"], "options": created["options"]})
    ).json() == created
    assert await types_of(app, created["id"]) == ["variant.created"]


async def test_a_variant_changes_its_product_only_if_the_lowest_price_changes(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, variants=[variant_input(100)])
    path, versions = f"/v1/products/{product['id']}", []
    expensive = await make_variant(staff, product["id"], 500)
    versions.append((await read(staff, path))["version"])
    await staff.patch(f"/v1/variants/{expensive['id']}", json={"weight_grams": 1})
    versions.append((await read(staff, path))["version"])
    await staff.patch(f"/v1/variants/{expensive['id']}", json={"price": {"amount": 50, "currency": "EUR"}})
    versions.append((await read(staff, path))["version"])
    await staff.delete(f"/v1/variants/{expensive['id']}")
    versions.append((await read(staff, path))["version"])
    assert versions == [1, 1, 2, 3]
    assert await types_of(app, product["id"]) == ["product.created", "product.updated", "product.updated"]
    assert await types_of(app, expensive["id"]) == [
        "variant.created",
        "variant.updated",
        "variant.updated",
        "variant.deleted",
    ]


async def test_the_imported_quantity_is_read_only(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    created = await make_variant(staff, product["id"])
    answer = await staff.patch(f"/v1/variants/{created['id']}", json={"imported_quantity": 5})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/imported_quantity", "read_only")}


@pytest.mark.parametrize("member", ["sku", "barcode"])
async def test_a_variant_is_found_across_the_shop_if_its_product_is_visible(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, member: str
) -> None:
    barcode = unique("gtin")
    shown = await make_product(staff, variants=[variant_input(barcode=barcode), variant_input()])
    hidden = await make_product(staff, status="draft", variants=[variant_input(barcode=barcode)])
    by_product = {
        product["id"]: (await read(staff, f"/v1/products/{product['id']}/variants"))["data"][0]
        for product in (shown, hidden)
    }
    text = f"query ($value: String!) {{ variants(filter: {{{member}: $value}}) {{ nodes {{ id product {{ id }} }} }} }}"
    for caller, products in ((client, [shown]), (staff, [hidden, shown])):
        ids: list[tuple[str, str]] = []
        values = dict.fromkeys([by_product[product["id"]][member] for product in (hidden, shown)])
        for value in values:
            rows = (await read(caller, "/v1/variants", **{member: value, "fields": "id,product{id}"}))["data"]
            answer = (await caller.post("/graphql", json={"query": text, "variables": {"value": value}})).json()
            assert answer["data"]["variants"]["nodes"] == rows
            ids += [(row["id"], row["product"]["id"]) for row in rows]
        assert ids == [(by_product[product["id"]]["id"], product["id"]) for product in products]
