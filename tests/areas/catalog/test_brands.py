"""Brands through both doors, and the brand of a product."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import types_of
from tests.factories import assert_problem, faults, make_brand, make_category, make_product, read, unique

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

type Json = dict[str, Any]

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a80ff"


async def graphql(client: httpx.AsyncClient, query: str, **variables: Any) -> Json:
    """Run a document that must succeed and return its data."""
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def graphql_problem(client: httpx.AsyncClient, query: str, **variables: Any) -> Json:
    """Run a document that must fail and return the problem."""
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    [error] = answer["errors"]
    return error["extensions"]


async def slugs(client: httpx.AsyncClient, path: str, **parameters: Any) -> set[str]:
    """Return the slugs of a list."""
    return {row["slug"] for row in (await read(client, path, limit=100, **parameters))["data"]}


async def test_rest_creates_reads_changes_and_deletes_a_brand(
    app: "TradepostApp", staff: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    name = unique("Kjeld & Son")
    answer = await staff.post("/v1/brands", json={"name": name, "description": "From Aarhus"})
    brand = answer.json()
    path = f"/v1/brands/{brand['id']}"
    assert (answer.status_code, answer.headers["location"]) == (201, path)
    assert (brand["name"], brand["description"], brand["version"]) == (name, "From Aarhus", 1)
    assert brand["slug"] == name.lower().replace(" & ", "-")
    assert await read(client, f"/v1/brands/{brand['slug']}", fields="id,name,slug,description,version") == {
        n: brand[n] for n in ("id", "name", "slug", "description", "version")
    }
    changed = (await staff.patch(path, json={"description": "From Odense"})).json()
    assert (changed["name"], changed["description"], changed["version"]) == (name, "From Odense", 2)
    replaced = (await staff.put(path, json={"name": "Kjeld"})).json()
    assert (replaced["name"], replaced["description"], replaced["slug"]) == ("Kjeld", "", brand["slug"])
    assert (await staff.delete(path)).status_code == 204
    assert_problem(await client.get(path), 404, "not_found")
    events = ["brand.created", "brand.updated", "brand.updated", "brand.deleted"]
    assert await types_of(app, brand["id"]) == events


async def test_graphql_creates_reads_changes_and_deletes_a_brand(
    staff: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    slug = unique("brand")
    create = "mutation ($input: BrandInput!) { brandCreate(input: $input) { id slug version } }"
    created = (await graphql(staff, create, input={"name": "Tarn", "slug": slug}))["brandCreate"]
    assert (created["slug"], created["version"]) == (slug, 1)
    id = created["id"]
    by_both_keys = await graphql(
        client,
        "query ($id: ID!, $slug: String!) { a: brand(id: $id) { id } b: brand(slug: $slug) { id }"
        " node(id: $id) { ... on Brand { name } } brands(filter: {slug: $slug}) { nodes { id } } }",
        id=id,
        slug=slug,
    )
    assert by_both_keys == {
        "a": {"id": id},
        "b": {"id": id},
        "node": {"name": "Tarn"},
        "brands": {"nodes": [{"id": id}]},
    }
    update = 'mutation ($id: ID!) { brandUpdate(id: $id, patch: {name: "Tarn & Co"}) { name version } }'
    assert (await graphql(staff, update, id=id))["brandUpdate"] == {"name": "Tarn & Co", "version": 2}
    replace = 'mutation ($id: ID!) { brandReplace(id: $id, input: {name: "Tarn"}) { name slug } }'
    assert (await graphql(staff, replace, id=id))["brandReplace"] == {"name": "Tarn", "slug": slug}
    await graphql(staff, "mutation ($id: ID!) { brandDelete(id: $id) { id } }", id=id)
    assert await graphql(client, "query ($id: ID!) { brand(id: $id) { id } }", id=id) == {"brand": None}


async def test_a_slug_is_unique_among_brands_and_a_missing_one_gets_a_number(staff: httpx.AsyncClient) -> None:
    name = unique("ekholm")
    first, second = [(await staff.post("/v1/brands", json={"name": name})).json() for _ in range(2)]
    assert (first["slug"], second["slug"]) == (name, f"{name}-2")
    clash = await staff.post("/v1/brands", json={"name": "x", "slug": name})
    assert assert_problem(clash, 409, "already_exists")["field"] == "slug"
    assert_problem(await staff.patch(f"/v1/brands/{second['id']}", json={"slug": name}), 409, "already_exists")
    problem = await graphql_problem(staff, f'mutation {{ brandCreate(input: {{name: "x", slug: "{name}"}}) {{ id }} }}')
    assert (problem["code"], problem["field"]) == ("already_exists", "slug")


@pytest.mark.parametrize("slug", [UNKNOWN, "batch", "export"])
async def test_a_slug_that_is_a_uuid_or_reserved_is_refused(staff: httpx.AsyncClient, slug: str) -> None:
    brand = await make_brand(staff)
    for answer in (
        await staff.post("/v1/brands", json={"name": "x", "slug": slug}),
        await staff.patch(f"/v1/brands/{brand['id']}", json={"slug": slug}),
    ):
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {("/slug", "not_allowed")}


@pytest.mark.parametrize("member", ["brand_id", "category_id"])
async def test_an_unknown_related_row_is_an_error_of_its_member(staff: httpx.AsyncClient, member: str) -> None:
    path = f"/v1/products/{(await make_product(staff))['id']}"
    for answer in (
        await staff.post("/v1/products", json={"name": "x", member: UNKNOWN}),
        await staff.put(path, json={"name": "x", member: UNKNOWN}),
        await staff.patch(path, json={member: UNKNOWN}),
    ):
        problem = assert_problem(answer, 422, "validation")
        [error] = problem["errors"]
        assert (error["pointer"], error["code"]) == (f"/{member}", "not_found")
        assert error["detail"] == f"There is no {member.removesuffix('_id')} `{UNKNOWN}`."
    item = {"op": "upsert", "input": {"name": "x", "slug": unique(), member: UNKNOWN}}
    [outcome] = (await staff.post("/v1/products/batch", json={"items": [item]})).json()["results"]
    assert [(e["pointer"], e["code"]) for e in outcome["error"]["errors"]] == [(f"/input/{member}", "not_found")]


async def test_graphql_names_an_unknown_brand_at_its_pointer(staff: httpx.AsyncClient) -> None:
    create = f'mutation {{ productCreate(input: {{name: "x", brandId: "{UNKNOWN}"}}) {{ id }} }}'
    problem = await graphql_problem(staff, create)
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/brand_id", "not_found")]


async def test_a_product_has_its_brand_at_both_doors(staff: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    brand = await make_brand(staff)
    product = await make_product(staff, brand_id=brand["id"])
    assert product["brand_id"] == brand["id"]
    assert "brand" not in product
    assert product["links"]["brand"] == {"href": f"/v1/brands/{brand['id']}"}
    assert await read(client, f"/v1/products/{product['id']}", fields="brand{slug}") == {
        "brand": {"slug": brand["slug"]}
    }
    document = "query ($id: ID!) { product(id: $id) { brandId brand { slug products { nodes { id } } } } }"
    assert await graphql(client, document, id=product["id"]) == {
        "product": {
            "brandId": brand["id"],
            "brand": {"slug": brand["slug"], "products": {"nodes": [{"id": product["id"]}]}},
        }
    }


async def test_both_doors_list_the_visible_products_of_a_brand(
    staff: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    brand, other = await make_brand(staff), await make_brand(staff)
    shown = [await make_product(staff, brand_id=brand["id"]) for _ in range(3)]
    draft = await make_product(staff, brand_id=brand["id"], status="draft")
    await make_product(staff, brand_id=other["id"])
    public = {product["slug"] for product in shown}
    for key in ("id", "slug"):
        assert await slugs(client, f"/v1/brands/{brand[key]}/products") == public
    assert await slugs(client, "/v1/products", brand=brand["slug"]) == public
    assert await slugs(staff, "/v1/products", brand=brand["slug"]) == {*public, draft["slug"]}
    assert await slugs(client, "/v1/products", brand=unique("none")) == set()
    document = """query ($id: ID!, $slug: String!) {
        brandProducts(brandId: $id, first: 2) { nodes { slug } totalCount pageInfo { hasNextPage } }
        products(filter: {brand: $slug}) { nodes { slug } } }"""
    data = await graphql(client, document, id=brand["id"], slug=brand["slug"])
    assert data["brandProducts"] == {
        "nodes": [{"slug": product["slug"]} for product in shown[:0:-1]],
        "totalCount": 3,
        "pageInfo": {"hasNextPage": True},
    }
    assert {row["slug"] for row in data["products"]["nodes"]} == public
    assert_problem(await client.get(f"/v1/brands/{UNKNOWN}/products"), 404, "not_found")


async def test_a_brand_with_products_cannot_be_deleted(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    brand = await make_brand(staff)
    product = await make_product(staff, status="draft", brand_id=brand["id"])
    problem = assert_problem(await staff.delete(f"/v1/brands/{brand['id']}"), 409, "conflict")
    assert problem["detail"] == "The brand has 1 products; move or delete them first."
    in_graphql = await graphql_problem(staff, f'mutation {{ brandDelete(id: "{brand["id"]}") {{ id }} }}')
    assert (in_graphql["code"], in_graphql["detail"]) == ("conflict", problem["detail"])
    assert await types_of(app, brand["id"]) == ["brand.created"]
    moved = (await staff.patch(f"/v1/products/{product['id']}", json={"brand_id": None})).json()
    assert (moved["brand_id"], moved["version"]) == (None, 2)
    assert (await staff.delete(f"/v1/brands/{brand['id']}")).status_code == 204


async def test_a_write_of_a_product_keeps_changes_and_removes_its_brand(staff: httpx.AsyncClient) -> None:
    one, other = await make_brand(staff), await make_brand(staff)
    path = f"/v1/products/{(await make_product(staff, brand_id=one['id']))['id']}"
    assert (await staff.patch(path, json={"name": "New"})).json()["brand_id"] == one["id"]
    assert (await staff.patch(path, json={"brand_id": other["id"]})).json()["brand_id"] == other["id"]
    steps = [{"op": "replace", "path": "/brand_id", "value": one["id"]}]
    headers = {"content-type": "application/json-patch+json"}
    assert (await staff.patch(path, json=steps, headers=headers)).json()["brand_id"] == one["id"]
    assert (await staff.put(path, json={"name": "New"})).json()["brand_id"] is None


async def test_an_upsert_sets_the_brand_and_without_a_change_does_nothing(staff: httpx.AsyncClient) -> None:
    brand, category = await make_brand(staff), await make_category(staff)
    product = {"name": "Lamp", "external_reference": unique("ERP"), "brand_id": brand["id"]}
    item = {"op": "upsert", "input": product | {"category_id": category["id"]}}

    async def upsert() -> Json:
        [outcome] = (await staff.post("/v1/products/batch", json={"items": [item]})).json()["results"]
        return outcome

    created, again = await upsert(), await upsert()
    assert (created["status"], created["data"]["brand_id"]) == (201, brand["id"])
    assert (again["status"], again["changed"], again["data"]["version"]) == (200, False, 1)
    item["input"] = product | {"category_id": category["id"], "brand_id": None}
    removed = await upsert()
    assert (removed["data"]["brand_id"], removed["data"]["version"]) == (None, 2)


async def test_only_editors_change_brands(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    brand = await make_brand(staff)
    path = f"/v1/brands/{brand['id']}"
    for answer in (
        await client.post("/v1/brands", json={"name": "x"}),
        await client.put(path, json={"name": "x"}),
        await client.patch(path, json={"name": "x"}),
        await client.delete(path),
    ):
        assert_problem(answer, 401, "unauthenticated")
    assert await read(client, path, fields="name,version") == {"name": brand["name"], "version": 1}
