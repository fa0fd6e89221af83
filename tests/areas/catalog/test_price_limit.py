"""Prices are limited, so that totals of orders stay exact: through both doors, and in imports."""

import httpx
import pytest

from tests.areas.catalog.test_upsert_members import upsert_by
from tests.factories import assert_problem, faults, make_product, make_variant, unique, variant_input
from tradepost.areas.catalog.schemas import MAX_PRICE

LARGEST, TOO_MUCH = ({"amount": amount, "currency": "EUR"} for amount in (MAX_PRICE, MAX_PRICE + 1))
PATCH = "mutation ($id: ID!, $patch: VariantPatch!) { variantUpdate(id: $id, patch: $patch) { id } }"


@pytest.mark.parametrize("member", ["price", "compare_at_price"])
async def test_a_price_above_the_limit_is_refused_by_name_at_both_doors(staff: httpx.AsyncClient, member: str) -> None:
    product = await make_product(staff)
    variant = await make_variant(staff, product["id"], compare_at_price=LARGEST)
    path, body = f"/v1/variants/{variant['id']}", {member: TOO_MUCH}
    for method, sent in (("PATCH", body), ("PUT", {"sku": unique("S"), "price": LARGEST} | body)):
        answer = await staff.request(method, path, json=sent)
        problem = assert_problem(answer, 422, "validation")
        assert faults(answer) == {(f"/{member}/amount", "out_of_range")}
        assert problem["errors"][0]["detail"] == "`4000000001` is greater than the maximum of 4000000000."
    name = "compareAtPrice" if member == "compare_at_price" else member
    document = {"query": PATCH, "variables": {"id": variant["id"], "patch": {name: TOO_MUCH}}}
    [error] = (await staff.post("/graphql", json=document)).json()["errors"]
    assert error["extensions"]["errors"] == problem["errors"]
    assert (await staff.patch(path, json={member: LARGEST})).status_code == 200


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_price_above_the_limit_is_refused_in_an_upsert(staff: httpx.AsyncClient, door: str) -> None:
    inputs = [{"name": "Mug", "variants": [variant_input() | {"price": price}]} for price in (LARGEST, TOO_MUCH)]
    good, refused = await upsert_by(door, staff, *inputs)
    assert (good["status"], refused["status"]) == (201, 422)
    assert [(e["pointer"], e["code"]) for e in refused["error"]["errors"]] == [
        ("/input/variants/0/price/amount", "out_of_range")
    ]


@pytest.mark.parametrize("member", ["price", "free_from"])
async def test_shipping_has_the_same_limit(staff: httpx.AsyncClient, member: str) -> None:
    body = {"code": unique("method"), "name": "Parcel", "price": LARGEST, "free_from": LARGEST}
    refused = await staff.post("/v1/shipping-methods", json=body | {member: TOO_MUCH})
    assert_problem(refused, 422, "validation")
    assert faults(refused) == {(f"/{member}/amount", "out_of_range")}
    assert (await staff.post("/v1/shipping-methods", json=body)).status_code == 201


@pytest.mark.parametrize("name", ["VariantInput", "ShippingMethodInput"])
async def test_the_limit_is_in_the_contract(staff: httpx.AsyncClient, name: str) -> None:
    members = (await staff.get("/v1/openapi.json")).json()["components"]["schemas"][name]["properties"]
    other = "compare_at_price" if name == "VariantInput" else "free_from"
    assert members["price"]["properties"] == {"amount": {"maximum": MAX_PRICE}}
    for member in ("price", other):
        assert "At most 4,000,000,000 minor units." in members[member]["description"]
