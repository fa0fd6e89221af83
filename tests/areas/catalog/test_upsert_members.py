"""Upserts of existing products: the given members change, all others stay, through both doors."""

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import events_of
from tests.areas.catalog.upserting import upsert
from tests.factories import Json, make_brand, make_category, make_product, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

FIELDS = (
    "name,slug,external_reference,description,status,attributes,tags,category_id,brand_id,source,price_from,version,"
    "categories{id},variants{sku,name,price,options,compare_at_price,weight_grams,barcode,attributes,tax_class,"
    "track_inventory,allow_backorder,low_stock_threshold,requires_shipping,withdrawal_excluded,"
    "position,external_reference,source,version}"
)
MUTATION = (
    "mutation ($items: [ProductBatchItemInput!]!) { productBatch(input: {items: $items}) "
    "{ results { status changed data { id } error { code errors { pointer code } } } } }"
)
FREE_JSON = ("attributes", "options", "source")


def camel_case(value: Any) -> Any:
    """Return an input with GraphQL's names; the keys of free JSON stay."""
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    names = {name: re.sub("_(.)", lambda m: m[1].upper(), name) for name in value}
    return {
        names[name]: item.upper() if name == "status" else item if name in FREE_JSON else camel_case(item)
        for name, item in value.items()
    }


async def upsert_by(door: str, staff: httpx.AsyncClient, *inputs: Json) -> list[Json]:
    """Upsert products through a door and return the results."""
    if door == "rest":
        return await upsert(staff, [*inputs], fields="id")
    items = [{"op": "UPSERT", "input": camel_case(product)} for product in inputs]
    answer = (await staff.post("/graphql", json={"query": MUTATION, "variables": {"items": items}})).json()
    assert "errors" not in answer, answer
    return answer["data"]["productBatch"]["results"]


async def full_product(staff: httpx.AsyncClient) -> tuple[str, Json]:
    """Create a product in which no member has its default; return its id and state."""
    category, brand = await make_category(staff), await make_brand(staff)
    variants = [
        variant_input(
            500,
            sku=unique("MUG"), name="The mug", options={"size": "M"}, weight_grams=350, barcode="40",
            compare_at_price={"amount": 700, "currency": "EUR"}, attributes={"shelf": 3}, tax_class="reduced",
            track_inventory=False, allow_backorder=True, low_stock_threshold=3, requires_shipping=False,
            withdrawal_excluded=True, position=4, external_reference="V-1", source={"n": 1},
        ),
        variant_input(600, sku=unique("MUG"), options={"size": "L"}),
    ]  # fmt: skip
    product = await make_product(
        staff,
        name="Mug", slug=unique("mug"), external_reference=unique("erp"), description="Blue.", status="active",
        attributes={"care": 1}, tags=["oak"], category_id=category["id"], brand_id=brand["id"], source={"row": 7},
        variants=variants,
    )  # fmt: skip
    return product["id"], await state(staff, product["id"])


async def state(staff: httpx.AsyncClient, id: str) -> Json:
    """Read everything that an upsert can change."""
    return await read(staff, f"/v1/products/{id}", fields=FIELDS)


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize(
    "members",
    [
        {"name": "Cup"},
        {"name": "Mug", "status": "archived"},
        {"name": "Mug", "description": "", "tags": []},
        {"name": "Mug", "attributes": {"a": 2}, "source": None},
        {"name": "Mug", "brand_id": None},
        {"name": "Mug", "category_id": None, "category_ids": []},
    ],
    ids=lambda members: "-".join(members),
)
async def test_an_upsert_changes_the_members_that_are_given(
    app: "TradepostApp", staff: httpx.AsyncClient, door: str, members: Json
) -> None:
    id, before = await full_product(staff)
    by_reference = members | {"external_reference": before["external_reference"]}
    for changed in (True, False):
        [result] = await upsert_by(door, staff, by_reference)
        assert (result["status"], result.get("changed", True)) == (200, changed), result
        expected = before | {k: v for k, v in members.items() if k != "category_ids"} | {"version": 2}
        expected |= {"categories": []} if "category_ids" in members else {}
        assert await state(staff, id) == expected
    assert [type for type, _ in await events_of(app, id)][1:] == ["product.updated"]


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_an_upsert_changes_the_given_members_of_a_variant(staff: httpx.AsyncClient, door: str) -> None:
    id, before = await full_product(staff)
    other, mug = before["variants"]
    price = {"amount": 550, "currency": "EUR"}
    update = {"name": "Mug", "slug": before["slug"], "variants": [{"sku": mug["sku"], "price": price}]}
    for changed in (True, False):
        [result] = await upsert_by(door, staff, update)
        assert (result["status"], result.get("changed", True)) == (200, changed), result
        assert await state(staff, id) == before | {
            "price_from": price,
            "version": 2,
            "variants": [other, mug | {"price": price, "version": 2}],
        }


async def test_a_generated_name_follows_the_options_and_a_given_one_stays(staff: httpx.AsyncClient) -> None:
    id, before = await full_product(staff)
    renamed = [{k: v[k] for k in ("sku", "price")} | {"options": {"size": v["sku"]}} for v in before["variants"]]
    await upsert(staff, [{"name": "Mug", "slug": before["slug"], "variants": renamed}])
    names = {v["sku"]: v["name"] for v in (await state(staff, id))["variants"]}
    assert names == {v["sku"]: v["name"] if v["name"] == "The mug" else v["sku"] for v in before["variants"]}


async def test_a_new_product_and_a_new_variant_get_defaults(staff: httpx.AsyncClient) -> None:
    reference, old = unique("erp"), unique("SKU")
    product: Json = {"name": "Mug", "external_reference": reference, "variants": [variant_input(sku=old, barcode="1")]}
    [created] = await upsert(staff, [product])
    assert (created["status"], created["data"]["status"], created["data"]["tags"]) == (201, "draft", [])
    await upsert(
        staff, [{"name": "Mug", "external_reference": reference, "variants": [variant_input(sku=unique("N"))]}]
    )
    variants = (await state(staff, created["data"]["id"]))["variants"]
    assert [(v["barcode"], v["tax_class"]) for v in variants] == [("1", "standard"), (None, "standard")]
