"""Writes by slug: REST takes an id or a slug wherever GET does; GraphQL's `id` is an id."""

from typing import Any

import httpx
import pytest

from tests.factories import unique, variant_input

type Json = dict[str, Any]

COLLECTIONS = ("products", "categories", "brands")
ROOTS = {"products": "product", "categories": "category", "brands": "brand"}


async def create(staff: httpx.AsyncClient, collection: str) -> Json:
    """Create a row with a name and a slug."""
    answer = await staff.post(f"/v1/{collection}", json={"name": unique("Stool")})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_a_row_is_updated_replaced_and_deleted_by_its_slug(staff: httpx.AsyncClient, collection: str) -> None:
    row = await create(staff, collection)
    url = f"/v1/{collection}/{row['slug']}"
    assert (await staff.get(url)).json()["id"] == row["id"]
    updated = await staff.patch(url, json={"name": "Updated"})
    patch = [{"op": "replace", "path": "/name", "value": "Patched"}]
    patched = await staff.patch(url, json=patch, headers={"Content-Type": "application/json-patch+json"})
    replaced = await staff.put(url, json={"name": "Replaced"})
    for answer, name in ((updated, "Updated"), (patched, "Patched"), (replaced, "Replaced")):
        assert (answer.status_code, answer.json()["id"], answer.json()["name"]) == (200, row["id"], name), answer.text
    assert (await staff.patch(url, json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await staff.delete(url)).status_code == 204
    for answer in (await staff.patch(url, json={"name": "x"}), await staff.delete(url)):
        assert (answer.status_code, answer.json()["detail"]) == (
            404,
            f"There is no {ROOTS[collection]} `{row['slug']}`.",
        )


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_the_slug_itself_can_be_changed_by_slug(staff: httpx.AsyncClient, collection: str) -> None:
    row, slug = await create(staff, collection), unique("new-slug")
    answer = await staff.patch(f"/v1/{collection}/{row['slug']}", json={"slug": slug})
    assert (answer.status_code, answer.json()["id"], answer.json()["slug"]) == (200, row["id"], slug)
    assert (await staff.patch(f"/v1/{collection}/{row['slug']}", json={"name": "x"})).status_code == 404


async def test_a_variant_is_added_to_a_product_by_its_slug(staff: httpx.AsyncClient) -> None:
    product = await create(staff, "products")
    answer = await staff.post(f"/v1/products/{product['slug']}/variants", json=variant_input())
    assert (answer.status_code, answer.json()["product_id"]) == (201, product["id"]), answer.text


async def test_a_hidden_row_is_not_found_by_its_slug(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    product = await create(staff, "products")
    answer = await client.patch(f"/v1/products/{product['slug']}", json={"name": "x"})
    assert answer.status_code == 401
    assert (await client.get(f"/v1/products/{product['slug']}")).status_code == 404


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_an_id_in_graphql_is_never_a_slug(staff: httpx.AsyncClient, collection: str) -> None:
    row, root = await create(staff, collection), ROOTS[collection]
    for text in (
        f'mutation {{ {root}Update(id: "{row["slug"]}", patch: {{name: "x"}}) {{ id }} }}',
        f'mutation {{ {root}Delete(id: "{row["slug"]}") {{ id }} }}',
    ):
        [error] = (await staff.post("/graphql", json={"query": text})).json()["errors"]
        assert error["extensions"]["status"] in (400, 404), error
    assert (await staff.get(f"/v1/{collection}/{row['id']}")).json()["name"] == row["name"]
