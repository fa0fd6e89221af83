"""Draft and archived products do not exist for the public, on any path and at any depth."""

from typing import Any

import httpx
import pytest

from tests.factories import assert_problem, make_category, make_product, read, unique, variant_input

HIDDEN = ["draft", "archived"]


@pytest.fixture(scope="module")
async def catalog_rows(staff: httpx.AsyncClient, anyio_backend: object) -> dict[str, Any]:
    """A product of each status in one category, with a common tag and word.

    The hidden products also share a tag of their own.
    """
    category, tag, hidden_tag, word = (
        await make_category(staff),
        unique("tag"),
        unique("hidden"),
        unique("w").replace("-", ""),
    )
    products = {}
    for status in ("active", *HIDDEN):
        tags = [tag] if status == "active" else [tag, hidden_tag]
        products[status] = await make_product(
            staff,
            status=status,
            tags=tags,
            category_id=category["id"],
            name=f"{word} {status}",
            external_reference=unique(),
            variants=[variant_input(77)],
        )
    for product in products.values():
        [variant] = (await read(staff, f"/v1/products/{product['id']}/variants"))["data"]
        product["variant"] = variant
    return {"category": category, "tag": tag, "hidden_tag": hidden_tag, "word": word, "products": products}


@pytest.mark.parametrize("status", HIDDEN)
async def test_a_hidden_product_is_not_found_by_id_or_slug(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, catalog_rows: Any, status: str
) -> None:
    product = catalog_rows["products"][status]
    for key in (product["id"], product["slug"]):
        for path in (f"/v1/products/{key}", f"/v1/products/{key}/variants"):
            problem = assert_problem(await client.get(path), 404, "not_found")
            assert status not in problem["detail"].replace(key, "")
            assert (await client.head(path)).status_code == 404
            assert (await staff.get(path)).status_code == 200


@pytest.mark.parametrize("status", HIDDEN)
async def test_a_variant_is_hidden_with_its_product(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, catalog_rows: Any, status: str
) -> None:
    path = f"/v1/variants/{catalog_rows['products'][status]['variant']['id']}"
    assert_problem(await client.get(path), 404, "not_found")
    assert (await staff.get(path)).status_code == 200


async def test_no_list_shows_a_hidden_product(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, catalog_rows: Any
) -> None:
    shown = catalog_rows["products"]["active"]["id"]
    for path, query in {
        "/v1/products": {"tag": catalog_rows["tag"]},
        f"/v1/categories/{catalog_rows['category']['id']}/products": {},
        f"/v1/tags/{catalog_rows['tag']}/products": {},
    }.items():
        for more in ({}, {"include": "total"}, {"sort": "price,-name"}, {"q": catalog_rows["word"]}, {"page": 1}):
            page = await read(client, path, **query | more)
            assert [row["id"] for row in page["data"]] == [shown], (path, more)
            assert page.get("total", 1) == 1
            assert len((await read(staff, path, **query | more))["data"]) == 3


@pytest.mark.parametrize("status", HIDDEN)
async def test_no_filter_finds_a_hidden_product(client: httpx.AsyncClient, catalog_rows: Any, status: str) -> None:
    product = catalog_rows["products"][status]
    filters: list[dict[str, str]] = [
        {"slug": product["slug"]},
        {"external_reference": product["external_reference"]},
        {"status": status, "tag": catalog_rows["tag"]},
        {"tag": catalog_rows["hidden_tag"]},
        {"q": product["name"]},
        {"q": product["variant"]["sku"]},
        {"category": catalog_rows["category"]["slug"], "status": status},
    ]
    for filter in filters:
        page = await read(client, "/v1/products", **filter, include="total")
        assert (page["data"], page["total"]) == ([], 0), filter


async def test_no_relation_includes_a_hidden_product(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, catalog_rows: Any
) -> None:
    shown = {"id": catalog_rows["products"]["active"]["id"]}
    fields = "products(total: true){id}"
    for path in (f"/v1/categories/{catalog_rows['category']['id']}", f"/v1/tags/{catalog_rows['tag']}"):
        products = (await read(client, path, fields=fields))["products"]
        assert (products["data"], products["total"], products["has_more"]) == ([shown], 1, False)
        assert (await read(staff, path, fields=fields))["products"]["total"] == 3
    nested = (
        "category{products{id category{products{id variants{sku}}} categories{products(filter: {status: draft}){id}}}}"
    )
    [product] = (await read(client, f"/v1/products/{shown['id']}", fields=nested))["category"]["products"]["data"]
    assert [p["id"] for p in product["category"]["products"]["data"]] == [shown["id"]]
    assert product["categories"][0]["products"]["data"] == []


async def test_hidden_rows_leave_no_gap_in_a_paged_relation(client: httpx.AsyncClient, catalog_rows: Any) -> None:
    path = f"/v1/categories/{catalog_rows['category']['id']}"
    products = (await read(client, path, fields="products(first: 1){id}"))["products"]
    assert [row["id"] for row in products["data"]] == [catalog_rows["products"]["active"]["id"]]
    assert products["next_cursor"] is None


async def test_a_tag_counts_only_products_visible_to_the_caller(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, catalog_rows: Any
) -> None:
    assert (await read(client, f"/v1/tags/{catalog_rows['tag']}"))["product_count"] == 1
    assert (await read(staff, f"/v1/tags/{catalog_rows['tag']}"))["product_count"] == 3
    [listed] = (await read(client, "/v1/tags", slug=catalog_rows["tag"]))["data"]
    assert listed["product_count"] == 1


async def test_a_tag_of_hidden_products_only_is_not_found(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, catalog_rows: Any
) -> None:
    path = f"/v1/tags/{catalog_rows['hidden_tag']}"
    assert_problem(await client.get(path), 404, "not_found")
    assert_problem(await client.get(f"{path}/products"), 404, "not_found")
    page = await read(client, "/v1/tags", slug=catalog_rows["hidden_tag"], include="total")
    assert (page["data"], page["total"]) == ([], 0)
    assert (await read(staff, path))["product_count"] == 2


async def test_a_product_is_visible_exactly_while_it_is_active(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    tag = unique("turn")
    product = await make_product(staff, status="draft", tags=[tag])
    path = f"/v1/products/{product['id']}"
    for status, seen in (("active", True), ("archived", False), ("active", True), ("draft", False)):
        assert (await staff.patch(path, json={"status": status})).status_code == 200
        assert (await client.get(path)).status_code == (200 if seen else 404)
        assert bool((await read(client, "/v1/tags", slug=tag))["data"]) is seen


async def test_staff_only_members_are_omitted_and_cannot_be_selected(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, source={"erp": 7}, variants=[variant_input(source={"row": 1})])
    path = f"/v1/products/{product['id']}"
    assert product["source"] == {"erp": 7}
    assert "source" not in await read(client, path)
    assert "source" not in (await read(client, f"{path}/variants"))["data"][0]
    seen = (await read(staff, f"{path}/variants"))["data"][0]
    assert seen["source"] == {"row": 1}
    assert "imported_quantity" in seen
    for fields in ("source", "variants{source}", "variants{imported_quantity}", "category{products{source}}"):
        assert_problem(await client.get(path, params={"fields": fields}), 401, "unauthenticated")
        assert_problem(await client.get("/v1/products", params={"fields": fields}), 401, "unauthenticated")


async def test_a_customer_is_forbidden_to_read_staff_members_and_to_write(
    app: Any, client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, source={"erp": 7})
    draft = await make_product(staff, status="draft")
    customer = {"X-API-Key": await app.state.credentials.create(name="customer", role="customer")}
    path = f"/v1/products/{product['id']}"
    assert_problem(await client.get(path, params={"fields": "source"}, headers=customer), 403, "forbidden")
    assert "source" not in (await client.get(path, headers=customer)).json()
    assert_problem(await client.patch(path, json={"name": "Mine"}, headers=customer), 403, "forbidden")
    assert_problem(await client.get(f"/v1/products/{draft['id']}", headers=customer), 404, "not_found")


@pytest.mark.parametrize("body", [b'{"nme": 1}', b"{", b"[]", b""])
async def test_a_write_without_credentials_is_unauthenticated_whatever_its_body(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, body: bytes
) -> None:
    product = await make_product(staff)
    headers = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "/v1/products"),
        ("PUT", f"/v1/products/{product['id']}"),
        ("PATCH", f"/v1/products/{product['id']}"),
        ("POST", "/v1/products/batch"),
    ):
        answer = await client.request(method, path, content=body, headers=headers)
        assert_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="tradepost"'
    assert_problem(await client.delete(f"/v1/products/{product['id']}"), 401, "unauthenticated")
