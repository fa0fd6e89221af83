"""Cursors are bound to list, filter and sort order; invalid parameters of lists are refused."""

import base64
from typing import Any

import httpx
import pytest

from tests.factories import assert_problem, make_category, make_product, read, unique, variant_input

TAG = unique("marked")


@pytest.fixture(scope="module")
async def categories(staff: httpx.AsyncClient, anyio_backend: object) -> list[dict[str, Any]]:
    """Two categories with the same three products."""
    categories = [await make_category(staff), await make_category(staff)]
    ids = [category["id"] for category in categories]
    for _ in range(3):
        await make_product(staff, tags=[TAG], category_ids=ids, variants=[variant_input(), variant_input()])
    return categories


async def cursor_of(client: httpx.AsyncClient, path: str = "/v1/products", **parameters: Any) -> str:
    """Return the cursor after the first row of a list."""
    return (await read(client, path, **parameters | {"limit": 1}))["next_cursor"]


async def test_a_cursor_is_not_bound_to_limit_fields_version_or_caller(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, categories: Any
) -> None:
    cursor = await cursor_of(client, tag=TAG)
    expected = [row["id"] for row in (await read(client, "/v1/products", tag=TAG, cursor=cursor))["data"]]
    assert len(expected) == 2
    for caller in (client, staff):
        for path in ("/v1/products", "/v2/products", "/products"):
            page = await read(caller, path, tag=TAG, cursor=cursor, limit=2, fields="id,name")
            assert [row["id"] for row in page["data"]] == expected


@pytest.mark.parametrize(
    "other",
    [
        {"tag": "another"},
        {},
        {"tag": TAG, "status": "active"},
        {"tag": TAG, "sort": "name"},
        {"tag": TAG, "sort": "-created_at,name"},
        {"tag": TAG, "sort": "created_at"},
    ],
)
async def test_a_cursor_of_another_filter_or_sort_order_is_refused(
    client: httpx.AsyncClient, categories: Any, other: dict[str, str]
) -> None:
    cursor = await cursor_of(client, tag=TAG)
    for name in ("cursor", "before"):
        problem = assert_problem(
            await client.get("/v1/products", params=other | {name: cursor}), 400, "invalid_parameter"
        )
        assert [e["parameter"] for e in problem["errors"]] == [name]


async def test_a_cursor_of_the_default_order_is_valid_with_that_sort(
    client: httpx.AsyncClient, categories: Any
) -> None:
    cursor = await cursor_of(client, tag=TAG)
    assert len((await read(client, "/v1/products", tag=TAG, sort="-created_at", cursor=cursor))["data"]) == 2


async def test_a_cursor_of_another_parent_or_list_is_refused(
    client: httpx.AsyncClient, categories: list[dict[str, Any]]
) -> None:
    one, other = [f"/v1/categories/{c['id']}/products" for c in categories]
    cursor = await cursor_of(client, one)
    assert (await client.get(one, params={"cursor": cursor})).status_code == 200
    for path in (other, "/v1/products", "/v1/categories", "/v1/tags", f"/v1/tags/{TAG}/products"):
        assert_problem(await client.get(path, params={"cursor": cursor}), 400, "invalid_parameter")


@pytest.mark.parametrize("wrong", ["", "x", "%00", "é", "A" * 5000, "====", "eyJpZCI6MX0", "..", "\n"])
async def test_an_invalid_cursor_is_refused(client: httpx.AsyncClient, categories: Any, wrong: str) -> None:
    for name in ("cursor", "before"):
        problem = assert_problem(await client.get("/v1/products", params={name: wrong}), 400, "invalid_parameter")
        assert [e["parameter"] for e in problem["errors"]] == [name]


async def test_a_cursor_with_a_changed_bit_is_refused(client: httpx.AsyncClient, categories: Any) -> None:
    cursor = await cursor_of(client, tag=TAG)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for index in range(len(raw)):
        changed = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        text = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert (await client.get("/v1/products", params={"tag": TAG, "cursor": text})).status_code == 400, index


async def test_a_cursor_of_staff_shows_no_hidden_rows_to_anonymous_callers(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    tag = unique("hidden")
    shown = await make_product(staff, tags=[tag])
    await make_product(staff, tags=[tag], status="draft")
    await make_product(staff, tags=[tag], status="archived")
    cursor = await cursor_of(staff, tag=tag)
    assert [row["id"] for row in (await read(client, "/v1/products", tag=tag, cursor=cursor))["data"]] == [shown["id"]]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("limit=%2B1", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=1&limit=2", "limit"),
        ("sort=nope", "sort"),
        ("sort=", "sort"),
        ("sort=name,", "sort"),
        ("sort=name,name", "sort"),
        ("sort=name,-name", "sort"),
        ("sort=--name", "sort"),
        ("sort=relevance", "sort"),
        ("include=all", "include"),
        ("include=", "include"),
        ("nope=1", "nope"),
        ("page=1&cursor=x", "page"),
        ("page=1&before=x", "page"),
        ("page=1&limit=1", "limit"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("page_size=101", "page_size"),
        ("page_size=0", "page_size"),
        ("first=1", "first"),
        ("after=x", "after"),
        ("filter=x", "filter"),
    ],
)
async def test_an_invalid_parameter_is_named(client: httpx.AsyncClient, query: str, named: str) -> None:
    problem = assert_problem(await client.get(f"/v1/products?{query}"), 400, "invalid_parameter")
    assert [e["parameter"] for e in problem["errors"]] == [named]


@pytest.mark.parametrize("query", ["a=%ff", "%ff=1", "=", "&".join(f"p{i}=1" for i in range(300)), "limit=1&%00=1"])
async def test_no_query_string_causes_an_internal_error(client: httpx.AsyncClient, query: str) -> None:
    assert_problem(await client.get(f"/v1/products?{query}"), 400, "invalid_parameter")


async def test_the_default_limit_is_20_and_the_largest_100(client: httpx.AsyncClient) -> None:
    assert len((await read(client, "/v1/products", fields="id"))["data"]) == 20
    page = await read(client, "/v1/products", fields="id", limit=100, include="total")
    assert len(page["data"]) == min(100, page["total"])
