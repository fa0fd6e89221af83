"""Variants: unique, at most a hundred, and what they do to their product."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import types_of
from tests.factories import assert_problem, faults, make_product, make_variant, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def test_all_members_come_back_as_they_were_given(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    given: dict[str, Any] = {
        "sku": unique("SKU"), "name": "Big", "options": {"size": "L", "colour": "red"}, "price": {"amount": 2**53 - 1, "currency": "JPY"},
        "compare_at_price": {"amount": 0, "currency": "JPY"}, "weight_grams": 12, "barcode": "4006381333931", "attributes": {"a": [1]}, "tax_class": "reduced",
        "track_inventory": False, "allow_backorder": True, "position": 9, "external_reference": "X", "source": {"row": 1},
    }  # fmt: skip
    made = (await staff.post(f"/v1/products/{product['id']}/variants", json=given)).json()
    assert {name: made[name] for name in given} == given
    assert list(made["options"]) == ["size", "colour"], "the order of options is kept"
    assert (made["product_id"], made["version"]) == (product["id"], 1)
    assert await read(staff, f"/v1/variants/{made['id']}") == made
    assert await types_of(app, made["id"]) == ["variant.created"]


async def test_a_name_is_made_of_the_options_and_a_place_is_the_last(staff: httpx.AsyncClient) -> None:
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


async def test_no_two_variants_of_a_product_have_the_same_options_in_whatever_order(staff: httpx.AsyncClient) -> None:
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


async def test_currencies_exist_and_both_prices_share_one(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    wrong = variant_input(compare_at_price={"amount": 2, "currency": "EUR"}) | {
        "price": {"amount": 1, "currency": "ZZZ"}
    }
    answer = await staff.post(f"/v1/products/{product['id']}/variants", json=wrong)
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/price/currency", "not_allowed"), ("/compare_at_price/currency", "not_allowed")}
    answer = await staff.post("/v1/products", json={"name": "x", "variants": [variant_input(), wrong]})
    assert faults(answer) == {
        ("/variants/1/price/currency", "not_allowed"),
        ("/variants/1/compare_at_price/currency", "not_allowed"),
    }


async def test_put_sets_the_defaults_and_patch_leaves_the_rest(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    made = await make_variant(
        staff, product["id"], 100, weight_grams=5, barcode="1", attributes={"a": 1}, tax_class="reduced"
    )
    path = f"/v1/variants/{made['id']}"
    patched = (await staff.patch(path, json={"weight_grams": None, "price": {"amount": 90}})).json()
    assert (patched["weight_grams"], patched["price"], patched["barcode"], patched["version"]) == (
        None,
        {"amount": 90, "currency": "EUR"},
        "1",
        2,
    )
    put = (await staff.put(path, json={"sku": made["sku"], "price": made["price"]})).json()
    assert (put["barcode"], put["attributes"], put["tax_class"], put["options"], put["version"]) == (
        None,
        {},
        "standard",
        {},
        3,
    )
    assert put["position"] == made["position"]


async def test_a_variant_where_nothing_differs_keeps_its_version(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    made = await make_variant(staff, product["id"])
    assert (
        await staff.patch(f"/v1/variants/{made['id']}", json={"sku": made["sku"], "options": made["options"]})
    ).json() == made
    assert await types_of(app, made["id"]) == ["variant.created"]


async def test_a_product_changes_with_its_variants_only_where_its_price_does(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, variants=[variant_input(100)])
    path, versions = f"/v1/products/{product['id']}", []
    dear = await make_variant(staff, product["id"], 500)
    versions.append((await read(staff, path))["version"])
    await staff.patch(f"/v1/variants/{dear['id']}", json={"weight_grams": 1})
    versions.append((await read(staff, path))["version"])
    await staff.patch(f"/v1/variants/{dear['id']}", json={"price": {"amount": 50, "currency": "EUR"}})
    versions.append((await read(staff, path))["version"])
    await staff.delete(f"/v1/variants/{dear['id']}")
    versions.append((await read(staff, path))["version"])
    assert versions == [1, 1, 2, 3]
    assert await types_of(app, product["id"]) == ["product.created", "product.updated", "product.updated"]
    assert await types_of(app, dear["id"]) == [
        "variant.created",
        "variant.updated",
        "variant.updated",
        "variant.deleted",
    ]


async def test_stock_of_an_import_is_read_only(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    made = await make_variant(staff, product["id"])
    answer = await staff.patch(f"/v1/variants/{made['id']}", json={"imported_quantity": 5})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/imported_quantity", "read_only")}
