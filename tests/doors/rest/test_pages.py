"""Cursor pages: forward and backward, in every order, without missing or duplicate rows."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.doors.rest.oracle import in_order, product_rows
from tests.factories import assert_problem, make_category, make_product, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

TAG = unique("paged")
SORTS = [
    "created_at",
    "-created_at",
    "name",
    "-name",
    "price",
    "-price",
    "updated_at",
    "-updated_at",
    "name,price",
    "name,-price",
    "-name,price",
    "-name,-price",
    "price,-name,created_at",
    "-price,name,-updated_at",
    "price,-name,created_at,-updated_at",
]


@pytest.fixture(scope="module")
async def category(staff: httpx.AsyncClient, anyio_backend: object) -> dict[str, Any]:
    """A category with 13 products of one tag, which share few names and prices."""
    created = await make_category(staff)
    for number in range(13):
        variants = [variant_input(100 * (number % 3))] if number % 4 else []
        await make_product(
            staff,
            name=["Ärmel", "Zebra", "apple", "Apple"][number % 4],
            tags=[TAG],
            category_ids=[created["id"]],
            variants=variants,
        )
    return created


async def tagged(app: "TradepostApp", client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Return the rows of the tag, by plain SQL."""
    slugs = {p["slug"] for p in (await read(client, "/v1/products", tag=TAG, limit=100, fields="slug"))["data"]}
    rows = [row for row in await product_rows(app) if row["slug"] in slugs]
    assert len(rows) == 13
    return rows


async def pages_forward(client: httpx.AsyncClient, path: str, **parameters: Any) -> list[list[str]]:
    """Return the ids of all pages from the first on, following the links."""
    pages: list[list[str]] = []
    page = await read(client, path, **parameters)
    while True:
        pages.append([row["id"] for row in page["data"]])
        assert page["has_more"] == (page["next_cursor"] is not None) == ("next" in page["links"])
        if not page["has_more"]:
            return pages
        page = await read(client, page["links"]["next"])


async def pages_backward(client: httpx.AsyncClient, path: str, **parameters: Any) -> list[list[str]]:
    """Return the ids of all pages from the last row back to the first, following the links."""
    last = await read(client, path, **parameters | {"limit": 100})
    cursor = (await read(client, path, **parameters | {"limit": len(last["data"]) - 1}))["next_cursor"]
    page = await read(client, path, **parameters, cursor=cursor)
    pages = [[row["id"] for row in page["data"]]]
    while "prev" in page["links"]:
        page = await read(client, page["links"]["prev"])
        pages.insert(0, [row["id"] for row in page["data"]])
    return pages


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 4, 13])
async def test_the_pages_forward_are_the_list_in_its_order(
    app: "TradepostApp", client: httpx.AsyncClient, category: Any, sort: str, limit: int
) -> None:
    expected = in_order(await tagged(app, client), sort)
    pages = await pages_forward(client, "/v1/products", tag=TAG, sort=sort, limit=limit, fields="id")
    assert [id for page in pages for id in page] == expected
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1], "the last page is not empty"


@pytest.mark.parametrize("sort", SORTS)
async def test_the_pages_backward_are_the_list_in_its_order(
    app: "TradepostApp", client: httpx.AsyncClient, category: Any, sort: str
) -> None:
    pages = await pages_backward(client, "/v1/products", tag=TAG, sort=sort, limit=5, fields="id")
    assert [id for page in pages for id in page] == in_order(await tagged(app, client), sort)
    assert [len(page) for page in pages] == [2, 5, 5, 1]


@pytest.mark.parametrize("sort", SORTS)
async def test_cursor_and_before_select_the_rows_between_them(
    app: "TradepostApp", client: httpx.AsyncClient, category: Any, sort: str
) -> None:
    expected = in_order(await tagged(app, client), sort)
    rows = {"tag": TAG, "sort": sort, "fields": "id"}
    first, last = [(await read(client, "/v1/products", **rows, limit=n))["next_cursor"] for n in (3, 9)]
    between = await read(client, "/v1/products", **rows, cursor=first, before=last)
    assert [row["id"] for row in between["data"]] == expected[3:8]
    assert between["has_more"] is False
    page = await read(client, "/v1/products", **rows, cursor=first, before=last, limit=2)
    ids = [row["id"] for row in page["data"]]
    while page["has_more"]:
        page = await read(client, page["links"]["next"])
        ids += [row["id"] for row in page["data"]]
    assert ids == expected[3:8], "the links stay between the cursors"
    assert (await read(client, "/v1/products", **rows, cursor=last, before=first))["data"] == []


async def test_before_alone_selects_the_page_that_ends_there(
    app: "TradepostApp", client: httpx.AsyncClient, category: Any
) -> None:
    expected = in_order(await tagged(app, client), "name")
    cursor = (await read(client, "/v1/products", tag=TAG, sort="name", limit=9))["next_cursor"]
    page = await read(client, "/v1/products", tag=TAG, sort="name", before=cursor, limit=3, fields="id")
    assert [row["id"] for row in page["data"]] == expected[5:8]
    assert "prev" in page["links"]


async def test_a_new_row_does_not_move_the_next_page(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    tag = unique("moving")
    old = [(await make_product(staff, tags=[tag]))["id"] for _ in range(4)]
    first = await read(client, "/v1/products", tag=tag, limit=2, fields="id")
    await make_product(staff, tags=[tag])
    second = await read(client, first["links"]["next"])
    assert [row["id"] for page in (first, second) for row in page["data"]] == old[::-1]


async def test_the_cursor_of_a_deleted_row_stays_valid(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    tag = unique("gone")
    old = [(await make_product(staff, tags=[tag]))["id"] for _ in range(4)]
    first = await read(client, "/v1/products", tag=tag, limit=2, fields="id")
    assert (await staff.delete(f"/v1/products/{old[2]}")).status_code == 204
    assert [row["id"] for row in (await read(client, first["links"]["next"]))["data"]] == [old[1], old[0]]


async def test_the_list_of_a_relation_equals_the_relation_in_fields(
    client: httpx.AsyncClient, category: dict[str, Any]
) -> None:
    path = f"/v1/categories/{category['id']}"
    forward = await pages_forward(client, f"{path}/products", sort="-name,price", limit=4, fields="id")
    nested = (await read(client, path, fields='products(first: 100, sort: "-name,price", total: true){id}'))["products"]
    assert [id for page in forward for id in page] == [row["id"] for row in nested["data"]]
    assert nested["total"] == 13
    backward = await pages_backward(client, f"{path}/products", sort="-name,price", limit=4, fields="id")
    assert [id for page in backward for id in page] == [row["id"] for row in nested["data"]]


async def test_a_cursor_of_a_relation_is_valid_in_fields_and_in_the_list(
    client: httpx.AsyncClient, category: dict[str, Any]
) -> None:
    path = f"/v1/categories/{category['id']}"
    cursor = (await read(client, f"{path}/products", limit=5, fields="id"))["next_cursor"]
    listed = await read(client, f"{path}/products", cursor=cursor, limit=5, fields="id")
    nested = await read(client, path, fields=f'products(first: 5, after: "{cursor}"){{id}}')
    assert nested["products"]["data"] == listed["data"]
    assert nested["products"]["next_cursor"] == listed["next_cursor"]


async def test_a_cursor_in_fields_of_a_list_is_refused(
    client: httpx.AsyncClient, category: dict[str, Any], staff: httpx.AsyncClient
) -> None:
    await make_category(staff)
    cursor = (await read(client, f"/v1/categories/{category['id']}/products", limit=5))["next_cursor"]
    answer = await client.get("/v1/categories", params={"fields": f'products(after: "{cursor}"){{id}}'})
    problem = assert_problem(answer, 400, "invalid_parameter")
    assert [e["parameter"] for e in problem["errors"]] == ["fields"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/categories",
        "/v1/tags",
        "/v1/categories?sort=-name",
        "/v1/categories?sort=created_at,-name",
        "/v1/tags?sort=-slug",
    ],
)
async def test_the_pages_of_every_list_are_complete(client: httpx.AsyncClient, category: Any, path: str) -> None:
    base, _, sort = path.partition("?sort=")
    parameters = {"sort": sort} if sort else {}
    small_pages = await pages_forward(client, base, **parameters, limit=7, fields="id")
    large_pages = await pages_forward(client, base, **parameters, limit=100, fields="id")
    ids = [id for page in small_pages for id in page]
    assert ids == [id for page in large_pages for id in page]
    assert len(set(ids)) == len(ids) == (await read(client, base, include="total", limit=1))["total"]


async def test_a_relation_can_be_read_from_either_end(client: httpx.AsyncClient, category: dict[str, Any]) -> None:
    path = f"/v1/categories/{category['id']}"
    expected = [row["id"] for row in (await read(client, f"{path}/products", limit=100, fields="id"))["data"]]
    last = (await read(client, path, fields="products(last: 3){id}"))["products"]
    assert [row["id"] for row in last["data"]] == expected[-3:]
    assert last["has_more"] is False
    cursor = (await read(client, f"{path}/products", limit=5))["next_cursor"]
    before = (await read(client, path, fields=f'products(last: 2, before: "{cursor}"){{id}}'))["products"]
    assert [row["id"] for row in before["data"]] == expected[2:4]
    assert before["has_more"] is True


async def test_the_link_header_has_the_links_of_the_body(client: httpx.AsyncClient) -> None:
    first = await client.get("/v2/products", params={"limit": 2, "sort": "name", "fields": "id,price_from{amount}"})
    second = await client.get(first.json()["links"]["next"])
    for answer in (first, second):
        links = {name: href for name, href in answer.json()["links"].items() if name != "self" and href}
        assert answer.headers["link"] == ", ".join(
            f'<{links[name]}>; rel="{name}"' for name in ("next", "prev", "first") if name in links
        )
        assert all(href.startswith("/v2/products?") for href in links.values())
        assert answer.json()["links"]["self"] == str(answer.url).removeprefix("http://tradepost.test")
    assert set(second.json()["links"]) == {"self", "next", "prev", "first"}
