"""Categories: a tree without cycles, whose subtrees move together."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select

from tests.areas.catalog.events import types_of
from tests.factories import assert_problem, faults, make_category, make_product, read, unique, variant_input
from tradepost.areas.catalog.models import ProductCategoryRow, ProductRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def chain(staff: httpx.AsyncClient, length: int) -> list[dict[str, Any]]:
    """Create categories, each the parent of the next."""
    categories: list[dict[str, Any]] = []
    for _ in range(length):
        categories.append(await make_category(staff, parent_id=categories[-1]["id"] if categories else None))
    return categories


async def products_in(client: httpx.AsyncClient, category: dict[str, Any]) -> set[str]:
    """Return the ids of the products in a category or below it."""
    return {row["id"] for row in (await read(client, "/v1/products", category=category["slug"], limit=100))["data"]}


async def test_a_category_is_returned_as_sent(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    top = await make_category(staff)
    created = await make_category(staff, name="Chairs", description="To sit on", position=7, parent_id=top["id"])
    assert (created["name"], created["description"], created["position"], created["parent_id"], created["version"]) == (
        "Chairs",
        "To sit on",
        7,
        top["id"],
        1,
    )
    assert await read(staff, f"/v1/categories/{created['slug']}") == created
    assert await types_of(app, created["id"]) == ["category.created"]


async def test_a_subtree_moves_with_its_root(staff: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    a, b, c = await chain(staff, 3)
    other = await make_category(staff)
    product = await make_product(staff, category_id=c["id"])
    moved = (await staff.patch(f"/v1/categories/{b['id']}", json={"parent_id": other["id"]})).json()
    assert (moved["parent_id"], moved["version"]) == (other["id"], 2)
    assert [await products_in(client, x) for x in (a, b, c, other)] == [
        set(),
        {product["id"]},
        {product["id"]},
        {product["id"]},
    ]
    up = await read(client, f"/v1/categories/{c['id']}", fields="parent{id parent{id parent{id}}}")
    assert up == {"parent": {"id": b["id"], "parent": {"id": other["id"], "parent": None}}}
    assert (await staff.patch(f"/v1/categories/{b['id']}", json={"parent_id": None})).json()["parent_id"] is None
    assert [await products_in(client, x) for x in (other, b)] == [set(), {product["id"]}]


async def test_the_children_of_a_moved_category_keep_their_version(staff: httpx.AsyncClient) -> None:
    _, b, c = await chain(staff, 3)
    await staff.patch(f"/v1/categories/{b['id']}", json={"parent_id": None})
    assert await read(staff, f"/v1/categories/{c['id']}") == c


async def test_a_category_cannot_be_moved_below_itself(staff: httpx.AsyncClient) -> None:
    a, b, c = await chain(staff, 3)
    for below in (a, b, c):
        answer = await staff.patch(f"/v1/categories/{a['id']}", json={"parent_id": below["id"]})
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {("/parent_id", "not_allowed")}
    assert (await read(staff, f"/v1/categories/{a['id']}"))["version"] == 1


async def test_an_unknown_parent_is_an_error_of_parent_id(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    answer = await staff.post("/v1/categories", json={"name": "x", "parent_id": product["id"]})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/parent_id", "not_found")}


async def test_a_category_with_products_or_children_cannot_be_deleted(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    a, b = await chain(staff, 2)
    product = await make_product(staff, status="draft", category_id=b["id"])
    for category in (a, b):
        assert_problem(await staff.delete(f"/v1/categories/{category['id']}"), 409, "conflict")
        assert await types_of(app, category["id"]) == ["category.created"]
    await staff.delete(f"/v1/products/{product['id']}")
    for empty in (b, a):
        assert (await staff.delete(f"/v1/categories/{empty['id']}")).status_code == 204
        assert await types_of(app, empty["id"]) == ["category.created", "category.deleted"]


async def test_put_on_a_category_sets_defaults(staff: httpx.AsyncClient) -> None:
    a, b = await chain(staff, 2)
    put = (await staff.put(f"/v1/categories/{b['id']}", json={"name": "New"})).json()
    assert (put["name"], put["parent_id"], put["slug"], put["version"]) == ("New", None, b["slug"], 2)
    assert (await read(staff, f"/v1/categories/{a['id']}/children"))["data"] == []


async def test_category_slugs_are_unique_among_categories_only(staff: httpx.AsyncClient) -> None:
    category = await make_category(staff)
    assert (await make_product(staff, slug=category["slug"]))["slug"] == category["slug"]
    problem = assert_problem(
        await staff.post("/v1/categories", json={"name": "x", "slug": category["slug"]}), 409, "already_exists"
    )
    assert problem["field"] == "slug"


async def test_a_category_link_has_the_creation_time_of_its_product(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    one, other = await make_category(staff), await make_category(staff)
    created = await make_product(staff, category_id=one["id"])
    await staff.patch(f"/v1/products/{created['id']}", json={"category_ids": [one["id"], other["id"]]})
    item = {
        "op": "upsert",
        "input": {
            "name": "Chair",
            "external_reference": unique("ERP"),
            "category_id": other["id"],
            "variants": [variant_input(500)],
        },
    }
    assert (await staff.post("/v1/products/batch", json={"items": [item]})).status_code == 200
    link, product = ProductCategoryRow.__table__, ProductRow.__table__
    times = select(link.c.product_created_at, product.c.created_at).join(product, product.c.id == link.c.product_id)
    async with app.state.database.transaction() as session:
        rows = (await session.execute(times.where(link.c.category_id.in_([one["id"], other["id"]])))).all()
    assert len(rows) == 3
    assert all(on_link == on_product for on_link, on_product in rows), rows


@pytest.mark.parametrize(("sort", "by_link"), [("", True), (', sort: "created_at"', True), (', sort: "name"', False)])
async def test_a_list_in_creation_order_is_read_from_the_link_table(
    app: "TradepostApp", client: httpx.AsyncClient, sort: str, by_link: bool
) -> None:
    plans = app.state.database.reads.plans
    plans.clear()
    await read(client, "/v1/categories", fields=f"id,products(first: 2{sort}){{id}}", limit=3)
    levels = [level for plan in plans.entries.values() for level in plan.levels[1:]]
    assert ["product_created_at" in level.rows_statement.sql for level in levels] == [by_link]
