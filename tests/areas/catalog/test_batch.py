"""Batches: each item in its own savepoint, or all items atomically."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import count_events, types_of
from tests.factories import assert_problem, faults, make_category, make_product, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PATH = "/v1/products/batch"


async def run_batch(staff: httpx.AsyncClient, *items: dict[str, Any], **parameters: Any) -> list[dict[str, Any]]:
    """Run a batch and return its results."""
    answer = await staff.post(PATH, json={"items": items}, params=parameters or None)
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()["results"]


async def test_items_succeed_or_fail_independently_and_in_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    old, taken, gone = await make_product(staff), await make_product(staff), await make_product(staff)
    count = await count_events(app)
    results = await run_batch(
        staff,
        {"op": "create", "input": {"name": "New", "variants": [variant_input()]}},
        {"op": "create", "input": {"nme": "Wrong", "tags": ["A b"]}},
        {"op": "create", "input": {"name": "Clash", "slug": taken["slug"]}},
        {"op": "update", "id": old["id"], "patch": {"name": "Changed"}},
        {"op": "update", "id": old["id"], "patch": {"name": "Late"}, "expected_version": 1},
        {"op": "update", "id": old["id"], "patch": {"name": None}},
        {"op": "delete", "id": gone["id"]},
        {"op": "delete", "id": gone["id"]},
        {"op": "update", "id": old["id"], "patch": {}},
    )
    assert [r["status"] for r in results] == [201, 422, 409, 200, 412, 422, 204, 404, 200]
    assert [r.get("changed", True) for r in results] == [True] * 8 + [False]
    assert {(e["pointer"], e["code"]) for e in results[1]["error"]["errors"]} == {
        ("/input/nme", "unknown_member"), ("/input/name", "required"), ("/input/tags/0", "invalid_format"),
    }  # fmt: skip
    assert results[2]["error"]["field"] == "slug"
    assert [e["pointer"] for e in results[5]["error"]["errors"]] == ["/patch/name"]
    assert (await read(staff, f"/v1/products/{old['id']}"))["name"] == "Changed"
    assert (results[0]["data"]["version"], results[3]["data"]["version"], results[8]["data"]["version"]) == (1, 2, 2)
    assert await count_events(app) == count + 3, "one for a product with its variant, a change and a deletion"


async def test_a_failed_item_leaves_nothing_behind(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    tag, category = unique("left"), await make_category(staff)
    taken = (await make_product(staff))["slug"]
    results = await run_batch(
        staff, {"op": "create", "input": {"name": "x", "slug": taken, "tags": [tag], "category_id": category["id"]}}
    )
    assert results[0]["status"] == 409
    assert (await read(staff, "/v1/tags", slug=tag))["data"] == []
    assert (await staff.delete(f"/v1/categories/{category['id']}")).status_code == 204


async def test_an_atomic_batch_is_rolled_back_at_its_first_error(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    old, slug, count = await make_product(staff), unique("atomic"), await count_events(app)
    items = [
        {"op": "create", "input": {"name": "New", "slug": slug}},
        {"op": "update", "id": old["id"], "patch": {"name": "Changed"}},
        {"op": "create", "input": {"name": "Wrong", "category_id": old["id"]}},
        {"op": "create", "input": {}},
    ]
    answer = await staff.post(PATH, json={"items": items}, params={"atomic": "true"})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/items/2/input/category_id", "not_found")}
    assert (await staff.get(f"/v1/products/{slug}")).status_code == 404
    assert await read(staff, f"/v1/products/{old['id']}") == old
    assert await count_events(app) == count
    clash = await staff.post(
        PATH, json={"items": [{"op": "create", "input": {"name": "x", "slug": old["slug"]}}]}, params={"atomic": "true"}
    )
    assert_problem(clash, 409, "already_exists")
    assert faults(clash) == {("/items/0", "already_exists")}


async def test_an_atomic_batch_without_errors_is_committed(staff: httpx.AsyncClient) -> None:
    slugs = [unique("kept") for _ in range(3)]
    results = await run_batch(
        staff, *[{"op": "create", "input": {"name": "x", "slug": s}} for s in slugs], atomic="true"
    )
    assert [r["data"]["slug"] for r in results] == slugs
    assert (await staff.get(f"/v1/products/{slugs[2]}")).status_code == 200


async def test_products_with_the_same_name_in_a_batch_get_different_slugs(staff: httpx.AsyncClient) -> None:
    name = unique("same")
    results = await run_batch(staff, *[{"op": "create", "input": {"name": name}}] * 3)
    assert [r["data"]["slug"] for r in results] == [name, f"{name}-2", f"{name}-3"]


async def test_fields_selects_the_data_of_each_item(staff: httpx.AsyncClient) -> None:
    results = await run_batch(
        staff,
        {"op": "create", "input": {"name": "Small", "variants": [variant_input(sku="SMALL-1")]}},
        fields="name,variants{sku}",
    )
    assert results == [{"status": 201, "data": {"name": "Small", "variants": [{"sku": "SMALL-1"}]}}]


@pytest.mark.parametrize(
    ("item", "pointers"),
    [
        ({"op": "create"}, {"/input"}),
        ({"op": "create", "input": {"name": "x"}, "id": "01a1fd35-a00d-731c-b13c-3a7402625f02"}, {"/id"}),
        ({"op": "update", "patch": {}}, {"/id"}), ({"op": "delete"}, {"/id"}),
        ({"op": "upsert", "patch": {}}, {"/input", "/patch"}),
        ({"op": "create", "input": {"name": "x"}, "expected_version": 1}, {"/expected_version"}),
        ({"op": "upsert", "input": {"name": "x"}, "expected_version": 1}, {"/expected_version"}),
    ],
)  # fmt: skip
async def test_each_verb_requires_its_own_members(
    staff: httpx.AsyncClient, item: dict[str, Any], pointers: set[str]
) -> None:
    [result] = await run_batch(staff, item)
    assert result["status"] == 422
    assert {e["pointer"] for e in result["error"]["errors"]} == pointers


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/items"), ({"items": []}, "/items"),
        ({"items": [{"op": "create", "input": {"name": "x"}}] * 101}, "/items"), ({"items": {}}, "/items"),
        ({"items": [{"op": "drop"}]}, "/items/0/op"), ({"items": [{"op": "delete", "id": 5}]}, "/items/0/id"),
        ({"items": [], "more": 1}, "/more"),
    ],
)  # fmt: skip
async def test_an_invalid_batch_is_refused_as_a_whole(staff: httpx.AsyncClient, body: Any, pointer: str) -> None:
    answer = await staff.post(PATH, json=body)
    assert_problem(answer, 422, "validation")
    assert pointer in {p for p, _ in faults(answer)}


async def test_an_upsert_creates_a_product_updates_it_or_leaves_it_unchanged(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    sku, reference = unique("SKU"), unique("ERP")
    item: dict[str, Any] = {
        "name": "Chair",
        "external_reference": reference,
        "tags": ["t"],
        "variants": [variant_input(500, sku=sku, options={})],
    }
    [created] = await run_batch(staff, {"op": "upsert", "input": item})
    [same] = await run_batch(staff, {"op": "upsert", "input": item})
    assert (created["status"], same["status"], same["changed"]) == (201, 200, False)
    assert same["data"] == created["data"]
    changed_item = item | {"name": "Stool", "variants": [variant_input(300, sku=sku, options={}), variant_input(400)]}
    [changed] = await run_batch(
        staff,
        {"op": "upsert", "input": changed_item},
        fields="id,name,slug,version,price_from,variants{sku price{amount}}",
    )
    assert (changed["status"], changed.get("changed", True)) == (200, True)
    assert changed["data"]["id"] == created["data"]["id"]
    assert (changed["data"]["name"], changed["data"]["slug"], changed["data"]["price_from"]["amount"]) == (
        "Stool",
        created["data"]["slug"],
        300,
    )
    assert changed["data"]["version"] == 2, "an upsert increments the version once"
    assert [v["price"]["amount"] for v in changed["data"]["variants"]] == [300, 400]
    only_variant = item | {"name": "Stool", "variants": [variant_input(200, sku=sku, options={})]}
    [last] = await run_batch(staff, {"op": "upsert", "input": only_variant}, fields="version,price_from{amount}")
    assert last == {"status": 200, "data": {"version": 3, "price_from": {"amount": 200}}}
    assert set(await types_of(app, created["data"]["id"])) == {"product.created", "product.updated"}


async def test_an_upsert_without_a_reference_matches_by_slug(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, description="old")
    [result] = await run_batch(
        staff, {"op": "upsert", "input": {"name": "New", "slug": product["slug"], "status": "active"}}
    )
    assert (result["status"], result["data"]["id"], result["data"]["description"]) == (200, product["id"], "old")


async def test_errors_of_an_upsert_have_the_pointer_of_the_member(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, variants=[variant_input(sku=(sku := unique("SKU")))])
    wrong = variant_input() | {"price": {"amount": 1, "currency": "ZZZ"}}
    [result] = await run_batch(
        staff,
        {"op": "upsert", "input": {"name": "x", "slug": product["slug"], "variants": [variant_input(sku=sku), wrong]}},
    )
    assert [e["pointer"] for e in result["error"]["errors"]] == ["/input/variants/1/price/currency"]
