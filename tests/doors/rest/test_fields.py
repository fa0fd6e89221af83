"""The `fields` parameter: members, relations, aliases and arguments; invalid texts are 400."""

from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.factories import assert_problem, make_category, make_product, read, variant_input

SCALARS = [
    "id",
    "slug",
    "name",
    "description",
    "status",
    "attributes",
    "tags",
    "price_from",
    "rating_count",
    "rating_average",
    "category_id",
    "brand_id",
    "external_reference",
    "created_at",
    "updated_at",
    "version",
    "links",
]


@pytest.fixture(scope="module")
async def product(staff: httpx.AsyncClient, anyio_backend: object) -> dict[str, Any]:
    """A product in a category, with three variants."""
    category = await make_category(staff)
    return await make_product(
        staff, category_id=category["id"], variants=[variant_input(300), variant_input(100), variant_input(200)]
    )


async def test_without_fields_a_response_has_all_scalars_and_no_relation(
    client: httpx.AsyncClient, product: dict[str, Any]
) -> None:
    assert list(await read(client, f"/v1/products/{product['id']}")) == SCALARS


async def test_a_response_has_the_selected_fields_in_their_order(
    client: httpx.AsyncClient, product: dict[str, Any]
) -> None:
    assert list(await read(client, f"/v1/products/{product['id']}", fields="version,name id")) == [
        "version",
        "name",
        "id",
    ]


async def test_an_alias_renames_a_field(client: httpx.AsyncClient, product: dict[str, Any]) -> None:
    fields = "title:name,key:id,name,cheap:price_from{amount}"
    assert await read(client, f"/v1/products/{product['id']}", fields=fields) == {
        "title": "Lamp",
        "key": product["id"],
        "name": "Lamp",
        "cheap": {"amount": 100},
    }


async def test_a_value_without_braces_has_all_its_members(client: httpx.AsyncClient, product: dict[str, Any]) -> None:
    path = f"/v1/products/{product['id']}"
    assert await read(client, path, fields="price_from") == {"price_from": {"amount": 100, "currency": "EUR"}}
    assert await read(client, path, fields="price_from{currency}") == {"price_from": {"currency": "EUR"}}


async def test_a_relation_without_braces_has_its_default_fields(
    client: httpx.AsyncClient, product: dict[str, Any]
) -> None:
    response = await read(client, f"/v1/products/{product['id']}", fields="category")
    assert response["category"] == await read(client, f"/v1/categories/{product['category_id']}")


async def test_relations_may_be_nested_and_have_arguments(client: httpx.AsyncClient, product: dict[str, Any]) -> None:
    fields = (
        'expensive:variants(first: 2, sort: "-price")'
        '{price{amount} product{variants(sort: "price", first: 1){sku price{amount}}}}'
    )
    response = await read(client, f"/v1/products/{product['id']}", fields=fields)
    assert [v["price"]["amount"] for v in response["expensive"]] == [300, 200]
    assert all(v["product"]["variants"][0]["price"]["amount"] == 100 for v in response["expensive"])


async def test_a_relation_may_be_selected_twice_with_two_aliases(
    client: httpx.AsyncClient, product: dict[str, Any]
) -> None:
    fields = 'one:variants(first:1,sort:"price"){price{amount}},all:variants{price{amount}}'
    response = await read(client, f"/v1/products/{product['id']}", fields=fields)
    assert [v["price"]["amount"] for v in response["one"]] == [100]
    assert [v["price"]["amount"] for v in response["all"]] == [300, 100, 200]


async def test_a_relation_may_be_selected_with_50_aliases(client: httpx.AsyncClient, product: dict[str, Any]) -> None:
    fields = ",".join(f"a{i}:category{{id parent{{id}}}}" for i in range(50))
    response = await read(client, f"/v1/products/{product['id']}", fields=fields)
    assert len(response) == 50
    assert response["a0"] == response["a49"] == {"id": product["category_id"], "parent": None}


async def test_fields_apply_to_the_items_of_a_list_and_not_to_its_envelope(
    client: httpx.AsyncClient, product: dict[str, Any]
) -> None:
    page = await read(client, "/v1/products", fields="slug", slug=product["slug"])
    assert page["data"] == [{"slug": product["slug"]}]
    assert set(page) == {"data", "next_cursor", "has_more", "links"}


async def test_fields_apply_to_the_responses_of_writes(staff: httpx.AsyncClient) -> None:
    answer = await staff.post(
        "/v1/products",
        params={"fields": "name,variants{sku}"},
        json={"name": "Short", "variants": [variant_input(sku="SHORT-1")]},
    )
    assert answer.json() == {"name": "Short", "variants": [{"sku": "SHORT-1"}]}
    location = answer.headers["location"]
    updated = await staff.patch(location, params={"fields": "version"}, json={"name": "Shorter"})
    assert updated.json() == {"version": 2}
    replaced = await staff.put(location, params={"fields": "name"}, json={"name": "Shortest"})
    assert replaced.json() == {"name": "Shortest"}


WRONG = {
    "empty": "",
    "only commas": " , ,",
    "an unknown field": "nope",
    "an unknown nested field": "category{nope}",
    "an introspection field": "__typename",
    "the graphql name of links": "available_actions",
    "camel case": "createdAt",
    "two definitions": "id} query {name",
    "a fragment": "...f} fragment f on Product {id",
    "an inline fragment": "... on Product {id}",
    "a directive": "id @include(if: true)",
    "a variable": "variants(first: $n){id}",
    "a variable in a list": "variants(sort: [$n]){id}",
    "a name for the query": "id} mutation m {id",
    "braces after a scalar": "id{x}",
    "empty braces": "category{}",
    "arguments of a scalar": "id(first: 1)",
    "arguments of a to-one relation": "category(first: 1){id}",
    "an unknown argument": "variants(limit: 1){id}",
    "an argument twice": "variants(first: 1, first: 2){id}",
    "a cursor of a bounded relation": 'variants(after: "x"){id}',
    "too many of a relation": "variants(first: 101){id}",
    "none of a relation": "variants(first: 0){id}",
    "a count that is a text": 'variants(first: "many"){id}',
    "a count of five thousand digits": f"variants(first: {'9' * 5000}){{id}}",
    "an infinite count": "variants(first: 1e999){id}",
    "an unknown sort key": 'variants(sort: "nope"){id}',
    "a sort that is a number": "variants(sort: 5){id}",
    "a sort that is true": "variants(sort: true){id}",
    "a sort that is an object": "variants(sort: {price: 1}){id}",
    "a filter that is a list": "variants(filter: [1]){id}",
    "an unknown filter": "variants(filter: {nope: 1}){id}",
    "a filter of another type": "category{products(filter: {price_gte: true}){id}}",
    "a total that is a text": 'category{products(total: "yes"){id}}',
    "first and last": "category{products(first: 1, last: 1){id}}",
    "one alias for two fields": "a:id,a:name",
    "one relation with two arguments": "variants(first: 1){id},variants(first: 2){id}",
    "an alias that is another field": "name:id,name",
    "an open brace": "category{id",
    "a closing brace": "id}",
    "a comment": "id} # ",
    "a NUL": "id\0",
    "an unclosed text": 'variants(sort: "x){id}',
    "a block text": 'variants(sort: """x"""){id}',
    "too many tokens": "id " * 3000,
    "too long": "i" * 20_001,
    "eleven relations": "category{" + "parent{" * 10 + "id" + "}" * 11,
    "six hundred relations": "category{" + "parent{" * 600 + "id" + "}" * 601,
    "lists in lists": "variants(sort: " + "[" * 500 + "]" * 500 + "){id}",
}


@pytest.mark.parametrize("case", WRONG)
async def test_an_invalid_fields_text_is_refused(client: httpx.AsyncClient, case: str) -> None:
    answer = await client.get("/v1/products", params={"fields": WRONG[case], "limit": "1"})
    assert answer.json()["code"] in ("invalid_parameter", "too_deep")
    problem = assert_problem(answer, 400, answer.json()["code"])
    assert [e["parameter"] for e in problem["errors"]] == ["fields"]


async def test_the_problem_of_an_unknown_name_lists_the_allowed_ones(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.get("/v1/products?fields=nope"), 400, "invalid_parameter")
    for name in (*(n for n in SCALARS), "variants", "categories", "category"):
        assert name in problem["detail"]
    assert "source" not in problem["detail"], "anonymous callers may not read `source`"


async def test_relations_may_be_ten_levels_deep(client: httpx.AsyncClient) -> None:
    fields = "category{" + "parent{" * 9 + "id" + "}" * 10
    assert (await client.get("/v1/products", params={"fields": fields, "limit": "1"})).status_code == 200


NAMES = "id name price_from category variants products parent first sort filter fragment on true null"
PIECES = [*NAMES.split(), *'{}():, []"$@#', "...", "1", "-1", "1.5", '"-created_at"', "\n", "é", "\0"]


@settings(max_examples=120)
@given(text=st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=30))
@example(text="\ufeff")
@example(text="{}")
async def test_no_fields_text_causes_an_internal_error(client: httpx.AsyncClient, text: str) -> None:
    answer = await client.get("/v1/products", params={"fields": text, "limit": "1"})
    assert answer.status_code in (200, 400), (text, answer.text)
    if answer.status_code == 400:
        assert [e["parameter"] for e in answer.json()["errors"]] == ["fields"]
