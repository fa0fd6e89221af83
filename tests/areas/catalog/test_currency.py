"""Prices are in the shop's currency: any other is refused, through both doors."""

import httpx
import pytest

from tests.areas.catalog.test_upsert_members import upsert_by
from tests.factories import Json, assert_problem, faults, make_product, make_variant, unique, variant_input

USD: Json = {"amount": 100, "currency": "USD"}
EUR: Json = {"amount": 900, "currency": "EUR"}
PATCH = "mutation ($id: ID!, $patch: VariantPatch!) { variantUpdate(id: $id, patch: $patch) { id } }"
CREATE = "mutation ($input: ProductCreateInput!) { productCreate(input: $input) { id } }"


async def graphql(staff: httpx.AsyncClient, query: str, **variables: object) -> Json:
    """Return the extensions of the only error of a mutation."""
    answer = (await staff.post("/graphql", json={"query": query, "variables": variables})).json()
    [error] = answer["errors"]
    return error["extensions"]


async def test_a_price_in_another_currency_is_refused_in_a_new_product(staff: httpx.AsyncClient) -> None:
    body = {"name": "Mug", "variants": [variant_input(), variant_input() | {"price": USD}]}
    answer = await staff.post("/v1/products", json=body)
    problem = assert_problem(answer, 422, "currency_not_sold")
    assert problem["errors"][0]["detail"] == "This shop sells in EUR, not in USD."
    assert faults(answer) == {("/variants/1/price/currency", "currency_not_sold")}
    error = await graphql(staff, CREATE, input=body)
    assert (error["code"], error["errors"][0]["detail"]) == ("currency_not_sold", problem["errors"][0]["detail"])


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_price_in_another_currency_is_refused_in_a_change(staff: httpx.AsyncClient, method: str) -> None:
    product = await make_product(staff)
    variant = await make_variant(staff, product["id"])
    body = {"compare_at_price": USD} if method == "PATCH" else {"sku": unique("S"), "price": USD}
    answer = await staff.request(method, f"/v1/variants/{variant['id']}", json=body)
    assert_problem(answer, 422, "currency_not_sold")
    member = "compare_at_price" if method == "PATCH" else "price"
    assert faults(answer) == {(f"/{member}/currency", "currency_not_sold")}
    error = await graphql(staff, PATCH, id=variant["id"], patch={"price": USD})
    assert error["code"] == "currency_not_sold"


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_price_in_another_currency_is_refused_in_an_upsert(staff: httpx.AsyncClient, door: str) -> None:
    wrong = variant_input(compare_at_price=USD)
    inputs = [{"name": "Mug", "variants": [variants]} for variants in (variant_input(compare_at_price=EUR), wrong)]
    good, refused = await upsert_by(door, staff, *inputs)
    assert (good["status"], refused["status"], refused["error"]["code"]) == (201, 422, "currency_not_sold")
    assert [(e["pointer"], e["code"]) for e in refused["error"]["errors"]] == [
        ("/input/variants/0/compare_at_price/currency", "currency_not_sold")
    ]
