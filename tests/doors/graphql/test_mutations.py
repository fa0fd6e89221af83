"""Mutations: inputs read as REST reads them, patches of both kinds, versions, batches, and faults with pointers."""

from typing import Any

import httpx
import pytest

from tests.doors.graphql.house import Json, ask, errors_of
from tests.factories import unique

CREATE = "mutation ($input: ProductCreateInput!) { productCreate(input: $input) { id slug name status version tags attributes source "
CREATE += "categoryId priceFrom { amount currency } variants { sku options price { amount } } } }"
UPDATE = "mutation ($id: ID!, $patch: ProductPatch, $json: [JsonPatchOperation!], $version: Int) "
UPDATE += "{ productUpdate(id: $id, patch: $patch, jsonPatch: $json, expectedVersion: $version) { id name description version tags attributes } }"


async def create(staff: httpx.AsyncClient, **members: Any) -> Json:
    """A new product."""
    return (await ask(staff, CREATE, input={"name": "Lamp", "slug": unique("lamp"), **members}))["productCreate"]


async def codes(client: httpx.AsyncClient, query: str, **variables: Any) -> list[str]:
    """The codes of an answer's errors."""
    return [e["extensions"]["code"] for e in await errors_of(client, query, **variables)]


async def test_an_input_is_read_with_all_its_members(staff: httpx.AsyncClient) -> None:
    sku = unique("SKU")
    variant = {
        "sku": sku,
        "price": {"amount": 5_000_000_000, "currency": "EUR"},
        "options": {"size": "M"},
        "weightGrams": 10,
        "trackInventory": False,
    }
    made = await create(
        staff,
        status="ACTIVE",
        tags=["new"],
        attributes={"camelCase": {"snake_case": 1}},
        source={"a": [1, None]},
        variants=[variant],
    )
    assert (made["status"], made["tags"], made["version"]) == ("ACTIVE", ["new"], 1)
    assert made["attributes"] == {"camelCase": {"snake_case": 1}}
    assert made["source"] == {"a": [1, None]}
    assert made["priceFrom"] == {"amount": 5_000_000_000, "currency": "EUR"}
    assert made["variants"] == [{"sku": sku, "options": {"size": "M"}, "price": {"amount": 5_000_000_000}}]


async def test_an_input_written_as_a_literal_is_the_same(staff: httpx.AsyncClient) -> None:
    slug = unique("literal")
    query = 'mutation ($name: String!) { productCreate(input: {name: $name, slug: "SLUG", status: ACTIVE, tags: ["a"], attributes: {x: [1, {y: $name}]}})'
    made = (await ask(staff, query.replace("SLUG", slug) + " { name slug status tags attributes } }", name="Lamp"))[
        "productCreate"
    ]
    assert made == {
        "name": "Lamp",
        "slug": slug,
        "status": "ACTIVE",
        "tags": ["a"],
        "attributes": {"x": [1, {"y": "Lamp"}]},
    }


async def test_null_in_an_input_is_as_if_it_had_been_left_out(staff: httpx.AsyncClient) -> None:
    made = await create(staff, description=None, tags=None, slug=None, categoryId=None)
    assert (made["tags"], made["categoryId"]) == ([], None)
    assert made["slug"]


async def test_all_faults_of_an_input_are_named_by_rests_pointers(staff: httpx.AsyncClient) -> None:
    variant = {"sku": "", "price": {"amount": -1, "currency": "EUR"}, "weightGrams": -5}
    fault = (await errors_of(staff, CREATE, input={"name": "", "tags": ["Not A Slug"], "variants": [variant]}))[0]
    assert fault["path"] == ["productCreate"]
    assert fault["extensions"]["status"] == 422
    assert fault["extensions"]["code"] == "validation"
    pointers = {e["pointer"] for e in fault["extensions"]["errors"]}
    assert pointers == {"/name", "/tags/0", "/variants/0/sku", "/variants/0/price/amount", "/variants/0/weight_grams"}


async def test_a_merge_patch_changes_what_it_names_and_null_gives_the_default(staff: httpx.AsyncClient) -> None:
    made = await create(staff, description="bright", tags=["a"], attributes={"a": 1, "b": 2})
    done = (
        await ask(
            staff,
            UPDATE,
            id=made["id"],
            patch={"name": "Lantern", "description": None, "attributes": {"a": None, "c": 3}},
        )
    )["productUpdate"]
    assert done == {
        "id": made["id"],
        "name": "Lantern",
        "description": "",
        "version": 2,
        "tags": ["a"],
        "attributes": {"b": 2, "c": 3},
    }


async def test_a_json_patch_uses_rests_names(staff: httpx.AsyncClient) -> None:
    made = await create(staff, tags=["a"])
    steps = [
        {"op": "test", "path": "/name", "value": "Lamp"},
        {"op": "add", "path": "/tags/-", "value": "b"},
        {"op": "copy", "from": "/name", "path": "/description"},
    ]
    done = (await ask(staff, UPDATE, id=made["id"], json=steps))["productUpdate"]
    assert (done["tags"], done["description"]) == (["a", "b"], "Lamp")
    assert await codes(staff, UPDATE, id=made["id"], json=[{"op": "test", "path": "/name", "value": "Other"}]) == [
        "patch_test_failed"
    ]
    assert await codes(staff, UPDATE, id=made["id"], json=[{"op": "remove", "path": "/nothing"}]) == [
        "patch_target_missing"
    ]
    assert await codes(staff, UPDATE, id=made["id"], json=[{"op": "jump", "path": "/name"}]) == ["validation"]
    assert await codes(staff, UPDATE, id=made["id"], json=[{"op": "replace", "path": "/version", "value": 7}]) == [
        "validation"
    ]


async def test_exactly_one_kind_of_patch_is_given(staff: httpx.AsyncClient) -> None:
    made = await create(staff)
    for given in ({}, {"patch": {"name": "x"}, "json": []}):
        fault = (await errors_of(staff, UPDATE, id=made["id"], **given))[0]
        assert fault["extensions"]["code"] == "invalid_parameter"


async def test_an_expected_version_must_be_the_present_one(staff: httpx.AsyncClient) -> None:
    made = await create(staff)
    assert (await ask(staff, UPDATE, id=made["id"], patch={"name": "Two"}, version=1))["productUpdate"]["version"] == 2
    fault = (await errors_of(staff, UPDATE, id=made["id"], patch={"name": "Three"}, version=1))[0]
    assert (fault["extensions"]["code"], fault["extensions"]["status"]) == ("precondition_failed", 412)


async def test_replace_and_delete(staff: httpx.AsyncClient) -> None:
    made = await create(staff, tags=["a"], description="old")
    query = "mutation ($id: ID!, $input: ProductInput!) { productReplace(id: $id, input: $input) { name slug tags description } }"
    done = (await ask(staff, query, id=made["id"], input={"name": "New"}))["productReplace"]
    assert done == {"name": "New", "slug": made["slug"], "tags": [], "description": ""}
    gone = "mutation ($id: ID!) { productDelete(id: $id) { id name } }"
    assert (await ask(staff, gone, id=made["id"]))["productDelete"] == {"id": made["id"], "name": "New"}
    assert await codes(staff, gone, id=made["id"]) == ["not_found"]
    assert await codes(staff, gone, id="no-uuid") == ["not_found"]


async def test_who_may_not_write_is_refused(client: httpx.AsyncClient) -> None:
    fault = (await errors_of(client, CREATE, input={"name": "x"}))[0]
    assert (fault["path"], fault["extensions"]["code"]) == (["productCreate"], "unauthenticated")


async def test_mutations_run_in_order_and_one_failure_leaves_the_others(staff: httpx.AsyncClient) -> None:
    slug = unique("twice")
    query = "mutation ($i: ProductCreateInput!) { a: productCreate(input: $i) { slug } b: productCreate(input: $i) { slug } "
    query += 'c: productDelete(id: "x") { id } __typename }'
    answer = (
        await staff.post("/graphql", json={"query": query, "variables": {"i": {"name": "Twice", "slug": slug}}})
    ).json()
    assert answer["data"] == {"a": {"slug": slug}, "b": None, "c": None, "__typename": "Mutation"}
    assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [
        (["b"], "already_exists"),
        (["c"], "not_found"),
    ]
    assert answer["errors"][0]["extensions"]["field"] == "slug"


BATCH = "mutation ($input: ProductBatchInput!, $atomic: Boolean) { productBatch(input: $input, atomic: $atomic) { __typename results { __typename status changed "
BATCH += "data { id name version } again: data { n: name variants { sku } } error { __typename code status errors { pointer code } members } } } }"


async def test_a_batch_answers_item_by_item(staff: httpx.AsyncClient) -> None:
    made = await create(staff)
    items = [
        {"op": "CREATE", "input": {"name": "First of a batch", "slug": unique("first")}},
        {"op": "UPDATE", "id": made["id"], "patch": {"name": "Changed"}, "expectedVersion": 1},
        {"op": "CREATE", "input": {"name": "Clash", "slug": made["slug"]}},
        {"op": "CREATE", "input": {"name": "", "tags": ["No Slug"]}},
        {"op": "UPDATE", "id": made["id"], "patch": {"name": "Changed"}},
        {"op": "DELETE", "id": made["id"]},
    ]
    found = (await ask(staff, BATCH, input={"items": items}))["productBatch"]
    assert found["__typename"] == "ProductBatchPayload"
    results = found["results"]
    assert [r["status"] for r in results] == [201, 200, 409, 422, 200, 204]
    assert [r["changed"] for r in results][4] is False
    assert results[0]["data"]["name"] == results[0]["again"]["n"] == "First of a batch"
    assert results[1]["data"] == {"id": made["id"], "name": "Changed", "version": 2}
    assert results[2]["error"]["code"] == "already_exists"
    assert results[2]["error"]["members"] == {"field": "slug"}
    assert {e["pointer"] for e in results[3]["error"]["errors"]} == {"/input/name", "/input/tags/0"}
    assert results[3]["data"] is results[3]["again"] is None


async def test_an_atomic_batch_is_all_or_nothing(staff: httpx.AsyncClient) -> None:
    slug = unique("atomic")
    items = [{"op": "CREATE", "input": {"name": "Good", "slug": slug}}, {"op": "CREATE", "input": {"name": ""}}]
    fault = (await errors_of(staff, BATCH, input={"items": items}, atomic=True))[0]
    assert fault["extensions"]["errors"][0]["pointer"] == "/items/1/input/name"
    assert await ask(staff, "query ($s: String) { product(slug: $s) { id } }", s=slug) == {"product": None}


@pytest.mark.parametrize("kind", ["plain", "aliased"])
async def test_what_is_read_back_is_what_was_asked(staff: httpx.AsyncClient, kind: str) -> None:
    query = "mutation ($i: ProductCreateInput!) { made: productCreate(input: $i) { a: id category { name } variants { sku } __typename } }"
    made = (await ask(staff, query, i={"name": f"Read back {kind}"}))["made"]
    assert list(made) == ["a", "category", "variants", "__typename"]
    assert (made["category"], made["variants"], made["__typename"]) == (None, [], "Product")


@pytest.mark.parametrize(
    "written", ['id: $id, input: {name: ""}', 'input: {name: ""}, id: $id', 'id: "no-id", input: $input']
)
async def test_of_faults_in_several_arguments_the_same_is_told_however_they_are_written(
    staff: httpx.AsyncClient, written: str
) -> None:
    """Where some are variables and others literals, too."""
    declared = "$id: ID!" if "$id" in written else "$input: CategoryInput!"
    query = f"mutation ({declared}) {{ categoryReplace({written}) {{ id }} }}"
    assert await codes(staff, query, id="no-id", input={"name": ""}) == ["not_found"]
