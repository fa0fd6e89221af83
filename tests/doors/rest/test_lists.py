"""Filters, totals and page numbers."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.doors.rest.oracle import in_order, product_rows
from tests.factories import assert_problem, make_category, make_product, make_variant, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def ids(client: httpx.AsyncClient, path: str = "/v1/products", **parameters: Any) -> set[str]:
    """Return the ids in a list."""
    return {row["id"] for row in (await read(client, path, **parameters | {"limit": 100, "fields": "id"}))["data"]}


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("price_gte", lambda price: price >= 200),
        ("price_gt", lambda price: price > 200),
        ("price_lte", lambda price: price <= 200),
        ("price_lt", lambda price: price < 200),
    ],
)
async def test_a_price_filter_compares_and_excludes_products_without_a_price(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, name: str, holds: Any
) -> None:
    tag = unique("priced")
    id_by_price = {
        price: (await make_product(staff, tags=[tag], variants=[variant_input(price)]))["id"]
        for price in (100, 200, 300)
    }
    await make_product(staff, tags=[tag])
    parameters: dict[str, Any] = {name: 200}
    assert await ids(client, tag=tag, **parameters) == {id for price, id in id_by_price.items() if holds(price)}


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
async def test_a_time_filter_compares_microseconds_in_any_offset(
    app: "TradepostApp", client: httpx.AsyncClient, column: str
) -> None:
    rows = [row for row in await product_rows(app) if row["status"] == "active"]
    rows.sort(key=lambda row: row[column])
    middle = rows[len(rows) // 2][column]
    for suffix, holds in (("gte", middle.__le__), ("gt", middle.__lt__), ("lte", middle.__ge__), ("lt", middle.__gt__)):
        expected = len([row for row in rows if holds(row[column])])
        for moment in (middle, middle.replace("Z", "+00:00")):
            page = await read(client, "/v1/products", **{f"{column}_{suffix}": moment}, include="total", limit=1)
            assert page["total"] == expected, (suffix, moment)


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
        "yesterday",
        "1700000000",
        "2026-13-01T00:00:00Z",
        "",
    ],
)
async def test_an_invalid_time_is_refused(client: httpx.AsyncClient, wrong: str) -> None:
    problem = assert_problem(
        await client.get("/v1/products", params={"created_at_gte": wrong}), 400, "invalid_parameter"
    )
    assert [e["parameter"] for e in problem["errors"]] == ["created_at_gte"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("status", "sold"),
        ("status", "ACTIVE"),
        ("status", ""),
        ("price_gte", "x"),
        ("price_gte", "1.5"),
        ("price_gte", "1" * 30),
        ("price_gte", "-" + "9" * 19),
        ("slug", "a\0b"),
        ("tag", "\0"),
        ("category", "\0"),
        ("external_reference", "\0"),
        ("q", ""),
        ("q", "..."),
        ("q", "\0"),
    ],
)
async def test_an_invalid_filter_value_is_refused(client: httpx.AsyncClient, name: str, wrong: str) -> None:
    problem = assert_problem(await client.get("/v1/products", params={name: wrong}), 400, "invalid_parameter")
    assert [e["parameter"] for e in problem["errors"]] == [name]


async def test_products_are_found_by_slug_reference_and_id(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, external_reference=unique("ERP"))
    assert await ids(client, slug=product["slug"]) == {product["id"]}
    assert await ids(client, external_reference=product["external_reference"]) == {product["id"]}
    assert await ids(client, slug=product["slug"].upper()) == set()
    assert (await read(client, f"/v1/products/{product['slug']}"))["id"] == product["id"]
    assert (await read(client, f"/v1/products/{product['id'].upper()}"))["id"] == product["id"]


async def test_a_filter_normalizes_unicode(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    mark = unique()
    product = await make_product(staff, external_reference=f"Caf\u00e9-{mark}")
    assert await ids(client, external_reference=f"Cafe\u0301-{mark}") == {product["id"]}


async def test_a_list_matches_all_of_its_filters(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    tag, word = unique("both"), unique("w").replace("-", "")
    both = await make_product(staff, tags=[tag], name=f"{word} a", variants=[variant_input(500)])
    await make_product(staff, tags=[tag], variants=[variant_input(500)])
    await make_product(staff, name=f"{word} b", variants=[variant_input(500)])
    assert await ids(client, tag=tag, q=word, price_gte=500, status="active") == {both["id"]}
    assert await ids(client, tag=tag, q=word, price_gte=501) == set()


async def test_a_category_filter_includes_descendants_without_duplicates(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    top = await make_category(staff)
    middle = await make_category(staff, parent_id=top["id"])
    low = await make_category(staff, parent_id=middle["id"])
    other = await make_category(staff)
    inside = await make_product(staff, category_id=low["id"], category_ids=[top["id"]])
    above = await make_product(staff, category_id=top["id"])
    await make_product(staff, category_id=other["id"])
    page = await read(client, "/v1/products", category=top["slug"], include="total")
    assert ([row["id"] for row in page["data"]], page["total"]) == ([above["id"], inside["id"]], 2)
    assert await ids(client, category=middle["slug"]) == {inside["id"]}
    assert await ids(client, category=unique("none")) == set()
    direct = await ids(client, f"/v1/categories/{middle['id']}/products")
    assert direct == set(), "the list of a category has only the products that are directly in it"


async def test_categories_are_filtered_by_parent_and_by_root(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    top = await make_category(staff, position=2)
    children = [await make_category(staff, parent_id=top["id"], position=position) for position in (2, 1)]
    path = f"/v1/categories/{top['slug']}/children"
    assert [row["id"] for row in (await read(client, path))["data"]] == [children[1]["id"], children[0]["id"]]
    assert await ids(client, "/v1/categories", parent_id=top["id"]) == {c["id"] for c in children}
    roots = await ids(client, "/v1/categories", root="true", sort="-created_at")
    assert top["id"] in roots
    assert not roots & {c["id"] for c in children}
    assert {c["id"] for c in children} <= await ids(client, "/v1/categories", root="false", sort="-created_at")


async def test_the_variants_of_a_product_can_be_filtered_and_sorted(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    variants = [await make_variant(staff, product["id"], price, barcode=f"B{price % 2}") for price in (300, 101, 200)]
    path = f"/v1/products/{product['id']}/variants"
    assert [row["id"] for row in (await read(client, path))["data"]] == [v["id"] for v in variants], "by position"
    assert [row["price"]["amount"] for row in (await read(client, path, sort="-price"))["data"]] == [300, 200, 101]
    assert await ids(client, path, sku=variants[1]["sku"]) == {variants[1]["id"]}
    assert await ids(client, path, barcode="B0") == {variants[0]["id"], variants[2]["id"]}
    nested = await read(
        client, f"/v1/products/{product['id']}", fields=f'variants(filter: {{sku: "{variants[2]["sku"]}"}}){{id}}'
    )
    assert nested == {"variants": [{"id": variants[2]["id"]}]}


async def test_a_total_is_exact_and_present_only_if_included(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    rows = await product_rows(app)
    assert "total" not in await read(client, "/v1/products")
    assert (await read(client, "/v1/products", include="total", limit=1))["total"] == len(
        [row for row in rows if row["status"] == "active"]
    )
    assert (await read(staff, "/v1/products", include="total", limit=1))["total"] == len(rows)


@pytest.mark.parametrize("sort", ["-created_at", "name,-price"])
async def test_numbered_pages_together_are_the_whole_list(
    app: "TradepostApp", staff: httpx.AsyncClient, sort: str
) -> None:
    expected = in_order(await product_rows(app), sort)
    listed: list[str] = []
    for number in range(1, -(-len(expected) // 17) + 1):
        answer = await staff.get("/v1/products", params={"page": number, "page_size": 17, "sort": sort, "fields": "id"})
        page = answer.json()
        listed += [row["id"] for row in page["data"]]
        assert list(page) == ["data", "total", "page", "page_size", "total_pages", "links"]
        assert (page["total"], page["page"], page["page_size"], page["total_pages"]) == (
            len(expected),
            number,
            17,
            -(-len(expected) // 17),
        )
        assert ("prev" in page["links"], "next" in page["links"]) == (number > 1, number < page["total_pages"])
        assert answer.headers["deprecation"].startswith("@")
        assert answer.headers["sunset"].endswith("GMT")
        assert 'rel="deprecation"' in answer.headers["link"]
    assert listed == expected


async def test_numbered_pages_link_to_each_other(client: httpx.AsyncClient) -> None:
    first = await read(client, "/v1/products", page_size=30, fields="id")
    second = await read(client, first["links"]["next"])
    assert second["page"] == 2
    assert await read(client, second["links"]["prev"]) | {"links": 0} == first | {"links": 0}
    assert not {row["id"] for row in first["data"]} & {row["id"] for row in second["data"]}


async def test_a_page_after_the_last_is_empty(client: httpx.AsyncClient) -> None:
    page = await read(client, "/v1/products", page=2**31, page_size=100)
    assert page["data"] == []
    assert "next" not in page["links"]


async def test_the_list_of_a_relation_has_numbered_pages(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, variants=[variant_input() for _ in range(5)])
    path = f"/v1/products/{product['id']}/variants"
    pages = [await read(client, path, page=number, page_size=2, fields="id") for number in (1, 2, 3)]
    assert [row["id"] for page in pages for row in page["data"]] == [
        row["id"] for row in (await read(client, path))["data"]
    ]
    assert [(page["total"], page["total_pages"]) for page in pages] == [(5, 3)] * 3


async def test_version_two_has_no_page_numbers(client: httpx.AsyncClient) -> None:
    for query in ("page=1", "page_size=10"):
        assert_problem(await client.get(f"/v2/products?{query}"), 400, "invalid_parameter")
        assert_problem(await client.get(f"/products?{query}", headers={"X-API-Version": "2"}), 400, "invalid_parameter")
    answer = await client.get("/v2/products")
    assert "deprecation" not in answer.headers
    assert "deprecation" not in (await client.get("/v1/products")).headers
