"""Mutations: inputs, both kinds of patches, versions, batches, and errors with pointers."""

from typing import Any

import httpx
import pytest

from tests.doors.graphql.graphql_app import Json, query_data, query_errors
from tests.factories import unique

CREATE = (
    "mutation ($input: ProductCreateInput!) { productCreate(input: $input) "
    "{ id slug name status version tags attributes source categoryId priceFrom { amount currency } "
    "variants { sku options price { amount } } } }"
)
UPDATE = (
    "mutation ($id: ID!, $patch: ProductPatch, $json: [JsonPatchOperation!], $version: Int) "
    "{ productUpdate(id: $id, patch: $patch, jsonPatch: $json, expectedVersion: $version) "
    "{ id name description version tags attributes } }"
)


async def create(staff: httpx.AsyncClient, **members: Any) -> Json:
    """Create a product."""
    return (await query_data(staff, CREATE, input={"name": "Lamp", "slug": unique("lamp"), **members}))["productCreate"]


async def codes(client: httpx.AsyncClient, query: str, **variables: Any) -> list[str]:
    """Return the codes of the errors of a response."""
    return [e["extensions"]["code"] for e in await query_errors(client, query, **variables)]


async def test_every_member_of_an_input_is_stored(staff: httpx.AsyncClient) -> None:
    sku = unique("SKU")
    variant = {
        "sku": sku,
        "price": {"amount": 3_000_000_000, "currency": "EUR"},
        "options": {"size": "M"},
        "weightGrams": 10,
        "trackInventory": False,
    }
    product = await create(
        staff,
        status="ACTIVE",
        tags=["new"],
        attributes={"camelCase": {"snake_case": 1}},
        source={"a": [1, None]},
        variants=[variant],
    )
    assert (product["status"], product["tags"], product["version"]) == ("ACTIVE", ["new"], 1)
    assert product["attributes"] == {"camelCase": {"snake_case": 1}}
    assert product["source"] == {"a": [1, None]}
    assert product["priceFrom"] == {"amount": 3_000_000_000, "currency": "EUR"}
    assert product["variants"] == [{"sku": sku, "options": {"size": "M"}, "price": {"amount": 3_000_000_000}}]


async def test_an_input_may_be_a_literal_with_variables_in_it(staff: httpx.AsyncClient) -> None:
    slug = unique("literal")
    query = (
        'mutation ($name: String!) { productCreate(input: {name: $name, slug: "SLUG", status: ACTIVE, tags: ["a"], '
        "attributes: {x: [1, {y: $name}]}}) { name slug status tags attributes } }"
    )
    data = await query_data(staff, query.replace("SLUG", slug), name="Lamp")
    assert data["productCreate"] == {
        "name": "Lamp",
        "slug": slug,
        "status": "ACTIVE",
        "tags": ["a"],
        "attributes": {"x": [1, {"y": "Lamp"}]},
    }


async def test_null_in_an_input_is_the_default(staff: httpx.AsyncClient) -> None:
    product = await create(staff, description=None, tags=None, slug=None, categoryId=None)
    assert (product["tags"], product["categoryId"]) == ([], None)
    assert product["slug"]


async def test_every_error_of_an_input_has_the_pointer_that_rest_uses(staff: httpx.AsyncClient) -> None:
    variant = {"sku": "", "price": {"amount": -1, "currency": "EUR"}, "weightGrams": -5}
    error = (await query_errors(staff, CREATE, input={"name": "", "tags": ["Not A Slug"], "variants": [variant]}))[0]
    assert error["path"] == ["productCreate"]
    assert error["extensions"]["status"] == 422
    assert error["extensions"]["code"] == "validation"
    pointers = {e["pointer"] for e in error["extensions"]["errors"]}
    assert pointers == {"/name", "/tags/0", "/variants/0/sku", "/variants/0/price/amount", "/variants/0/weight_grams"}


async def test_a_merge_patch_changes_its_members_and_null_means_the_default(staff: httpx.AsyncClient) -> None:
    product = await create(staff, description="bright", tags=["a"], attributes={"a": 1, "b": 2})
    patch = {"name": "Lantern", "description": None, "attributes": {"a": None, "c": 3}}
    data = await query_data(staff, UPDATE, id=product["id"], patch=patch)
    assert data["productUpdate"] == {
        "id": product["id"],
        "name": "Lantern",
        "description": "",
        "version": 2,
        "tags": ["a"],
        "attributes": {"b": 2, "c": 3},
    }


async def test_a_json_patch_uses_the_member_names_of_rest(staff: httpx.AsyncClient) -> None:
    product = await create(staff, tags=["a"])
    operations = [
        {"op": "test", "path": "/name", "value": "Lamp"},
        {"op": "add", "path": "/tags/-", "value": "b"},
        {"op": "copy", "from": "/name", "path": "/description"},
    ]
    updated = (await query_data(staff, UPDATE, id=product["id"], json=operations))["productUpdate"]
    assert (updated["tags"], updated["description"]) == (["a", "b"], "Lamp")
    for operation, code in (
        ({"op": "test", "path": "/name", "value": "Other"}, "patch_test_failed"),
        ({"op": "remove", "path": "/nothing"}, "patch_target_missing"),
        ({"op": "jump", "path": "/name"}, "validation"),
        ({"op": "replace", "path": "/version", "value": 7}, "validation"),
    ):
        assert await codes(staff, UPDATE, id=product["id"], json=[operation]) == [code]


async def test_an_update_with_no_patch_or_with_two_is_refused(staff: httpx.AsyncClient) -> None:
    product = await create(staff)
    for patches in ({}, {"patch": {"name": "x"}, "json": []}):
        error = (await query_errors(staff, UPDATE, id=product["id"], **patches))[0]
        assert error["extensions"]["code"] == "invalid_parameter"


async def test_an_expected_version_must_be_the_current_one(staff: httpx.AsyncClient) -> None:
    product = await create(staff)
    data = await query_data(staff, UPDATE, id=product["id"], patch={"name": "Two"}, version=1)
    assert data["productUpdate"]["version"] == 2
    error = (await query_errors(staff, UPDATE, id=product["id"], patch={"name": "Three"}, version=1))[0]
    assert (error["extensions"]["code"], error["extensions"]["status"]) == ("precondition_failed", 412)


async def test_replace_resets_members_and_delete_returns_the_object(staff: httpx.AsyncClient) -> None:
    product = await create(staff, tags=["a"], description="old")
    replace = (
        "mutation ($id: ID!, $input: ProductInput!) { productReplace(id: $id, input: $input) "
        "{ name slug tags description } }"
    )
    data = await query_data(staff, replace, id=product["id"], input={"name": "New"})
    assert data["productReplace"] == {"name": "New", "slug": product["slug"], "tags": [], "description": ""}
    delete = "mutation ($id: ID!) { productDelete(id: $id) { id name } }"
    assert await query_data(staff, delete, id=product["id"]) == {"productDelete": {"id": product["id"], "name": "New"}}
    assert await codes(staff, delete, id=product["id"]) == ["not_found"]
    assert await codes(staff, delete, id="no-uuid") == ["not_found"]


async def test_a_mutation_without_a_credential_is_refused(client: httpx.AsyncClient) -> None:
    error = (await query_errors(client, CREATE, input={"name": "x"}))[0]
    assert (error["path"], error["extensions"]["code"]) == (["productCreate"], "unauthenticated")


async def test_mutations_run_in_order_and_one_failure_does_not_affect_the_others(staff: httpx.AsyncClient) -> None:
    slug = unique("twice")
    query = (
        "mutation ($i: ProductCreateInput!) { a: productCreate(input: $i) { slug } "
        'b: productCreate(input: $i) { slug } c: productDelete(id: "x") { id } __typename }'
    )
    answer = (
        await staff.post("/graphql", json={"query": query, "variables": {"i": {"name": "Twice", "slug": slug}}})
    ).json()
    assert answer["data"] == {"a": {"slug": slug}, "b": None, "c": None, "__typename": "Mutation"}
    assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [
        (["b"], "already_exists"),
        (["c"], "not_found"),
    ]
    assert answer["errors"][0]["extensions"]["field"] == "slug"


BATCH = (
    "mutation ($input: ProductBatchInput!, $atomic: Boolean) { productBatch(input: $input, atomic: $atomic) "
    "{ __typename results { __typename status changed data { id name version } "
    "again: data { n: name variants { sku } } "
    "error { __typename code status errors { pointer code } members } } } }"
)


async def test_a_batch_has_a_result_for_each_item(staff: httpx.AsyncClient) -> None:
    product = await create(staff)
    items = [
        {"op": "CREATE", "input": {"name": "First of a batch", "slug": unique("first")}},
        {"op": "UPDATE", "id": product["id"], "patch": {"name": "Changed"}, "expectedVersion": 1},
        {"op": "CREATE", "input": {"name": "Clash", "slug": product["slug"]}},
        {"op": "CREATE", "input": {"name": "", "tags": ["No Slug"]}},
        {"op": "UPDATE", "id": product["id"], "patch": {"name": "Changed"}},
        {"op": "DELETE", "id": product["id"]},
    ]
    batch = (await query_data(staff, BATCH, input={"items": items}))["productBatch"]
    assert batch["__typename"] == "ProductBatchPayload"
    results = batch["results"]
    assert [r["status"] for r in results] == [201, 200, 409, 422, 200, 204]
    assert [r["changed"] for r in results][4] is False
    assert results[0]["data"]["name"] == results[0]["again"]["n"] == "First of a batch"
    assert results[1]["data"] == {"id": product["id"], "name": "Changed", "version": 2}
    assert results[2]["error"]["code"] == "already_exists"
    assert results[2]["error"]["members"] == {"field": "slug"}
    assert {e["pointer"] for e in results[3]["error"]["errors"]} == {"/input/name", "/input/tags/0"}
    assert results[3]["data"] is results[3]["again"] is None


async def test_an_atomic_batch_is_all_or_nothing(staff: httpx.AsyncClient) -> None:
    slug = unique("atomic")
    items = [{"op": "CREATE", "input": {"name": "Good", "slug": slug}}, {"op": "CREATE", "input": {"name": ""}}]
    error = (await query_errors(staff, BATCH, input={"items": items}, atomic=True))[0]
    assert error["extensions"]["errors"][0]["pointer"] == "/items/1/input/name"
    assert await query_data(staff, "query ($s: String) { product(slug: $s) { id } }", s=slug) == {"product": None}


@pytest.mark.parametrize("kind", ["plain", "aliased"])
async def test_a_mutation_returns_the_selected_fields(staff: httpx.AsyncClient, kind: str) -> None:
    query = (
        "mutation ($i: ProductCreateInput!) { product: productCreate(input: $i) "
        "{ a: id category { name } variants { sku } __typename } }"
    )
    product = (await query_data(staff, query, i={"name": f"Read back {kind}"}))["product"]
    assert list(product) == ["a", "category", "variants", "__typename"]
    assert (product["category"], product["variants"], product["__typename"]) == (None, [], "Product")


@pytest.mark.parametrize(
    "arguments", ['id: $id, input: {name: ""}', 'input: {name: ""}, id: $id', 'id: "no-id", input: $input']
)
async def test_an_id_that_is_not_found_is_reported_before_an_invalid_input(
    staff: httpx.AsyncClient, arguments: str
) -> None:
    """The order of the arguments does not matter, nor which of them are variables."""
    declared = "$id: ID!" if "$id" in arguments else "$input: CategoryInput!"
    query = f"mutation ({declared}) {{ categoryReplace({arguments}) {{ id }} }}"
    assert await codes(staff, query, id="no-id", input={"name": ""}) == ["not_found"]
