"""Categories: a tree without circles, whose parts move together."""

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
    """Categories, each below the one before."""
    made: list[dict[str, Any]] = []
    for _ in range(length):
        made.append(await make_category(staff, parent_id=made[-1]["id"] if made else None))
    return made


async def products_in(client: httpx.AsyncClient, category: dict[str, Any]) -> set[str]:
    """The products in a category or below it."""
    return {row["id"] for row in (await read(client, "/v1/products", category=category["slug"], limit=100))["data"]}


async def test_a_category_comes_back_as_it_was_given(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    top = await make_category(staff)
    made = await make_category(staff, name="Chairs", description="To sit on", position=7, parent_id=top["id"])
    assert (made["name"], made["description"], made["position"], made["parent_id"], made["version"]) == (
        "Chairs",
        "To sit on",
        7,
        top["id"],
        1,
    )
    assert await read(staff, f"/v1/categories/{made['slug']}") == made
    assert await types_of(app, made["id"]) == ["category.created"]


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


async def test_those_below_a_moved_category_do_not_change(staff: httpx.AsyncClient) -> None:
    _, b, c = await chain(staff, 3)
    await staff.patch(f"/v1/categories/{b['id']}", json={"parent_id": None})
    assert await read(staff, f"/v1/categories/{c['id']}") == c


async def test_a_category_never_stands_below_itself(staff: httpx.AsyncClient) -> None:
    a, b, c = await chain(staff, 3)
    for below in (a, b, c):
        answer = await staff.patch(f"/v1/categories/{a['id']}", json={"parent_id": below["id"]})
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {("/parent_id", "not_allowed")}
    assert (await read(staff, f"/v1/categories/{a['id']}"))["version"] == 1


async def test_a_parent_that_is_none_is_a_fault_of_its_member(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    answer = await staff.post("/v1/categories", json={"name": "x", "parent_id": product["id"]})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/parent_id", "not_found")}


async def test_a_category_with_something_in_it_stays(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    a, b = await chain(staff, 2)
    product = await make_product(staff, status="draft", category_id=b["id"])
    for full in (a, b):
        assert_problem(await staff.delete(f"/v1/categories/{full['id']}"), 409, "conflict")
        assert await types_of(app, full["id"]) == ["category.created"]
    await staff.delete(f"/v1/products/{product['id']}")
    for empty in (b, a):
        assert (await staff.delete(f"/v1/categories/{empty['id']}")).status_code == 204
        assert await types_of(app, empty["id"]) == ["category.created", "category.deleted"]


async def test_put_on_a_category_sets_the_defaults(staff: httpx.AsyncClient) -> None:
    a, b = await chain(staff, 2)
    put = (await staff.put(f"/v1/categories/{b['id']}", json={"name": "New"})).json()
    assert (put["name"], put["parent_id"], put["slug"], put["version"]) == ("New", None, b["slug"], 2)
    assert (await read(staff, f"/v1/categories/{a['id']}/children"))["data"] == []


async def test_slugs_of_categories_clash_with_one_another_only(staff: httpx.AsyncClient) -> None:
    category = await make_category(staff)
    assert (await make_product(staff, slug=category["slug"]))["slug"] == category["slug"]
    problem = assert_problem(
        await staff.post("/v1/categories", json={"name": "x", "slug": category["slug"]}), 409, "already_exists"
    )
    assert problem["field"] == "slug"


async def test_the_link_of_a_product_has_its_time_whoever_put_it_there(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    one, other = await make_category(staff), await make_category(staff)
    made = await make_product(staff, category_id=one["id"])
    await staff.patch(f"/v1/products/{made['id']}", json={"category_ids": [one["id"], other["id"]]})
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
    held = select(link.c.product_created_at, product.c.created_at).join(product, product.c.id == link.c.product_id)
    async with app.state.database.transaction() as session:
        rows = (await session.execute(held.where(link.c.category_id.in_([one["id"], other["id"]])))).all()
    assert len(rows) == 3
    assert all(kept == born for kept, born in rows), rows


@pytest.mark.parametrize(("sort", "by_link"), [("", True), (', sort: "created_at"', True), (', sort: "name"', False)])
async def test_only_the_order_that_the_link_table_holds_is_read_from_it(
    app: "TradepostApp", client: httpx.AsyncClient, sort: str, by_link: bool
) -> None:
    plans = app.state.database.reads.plans.kept
    plans.clear()
    await read(client, "/v1/categories", fields=f"id,products(first: 2{sort}){{id}}", limit=3)
    assert [("product_created_at" in level.rows.sql) for plan in plans.values() for level in plan.levels[1:]] == [
        by_link
    ]
