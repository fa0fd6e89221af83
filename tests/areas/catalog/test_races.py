"""Concurrent writes: none is lost, none wins twice, and none fails with a server error."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import types_of
from tests.factories import make_category, make_product, make_variant, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

MANY = 10


async def gather(*calls: Any) -> list[httpx.Response]:
    """Run calls concurrently and return the responses."""
    return list(await asyncio.gather(*calls))


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    """Count the responses by status."""
    return Counter(answer.status_code for answer in answers)


async def test_concurrent_patches_lose_no_update(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    created = await make_product(staff)
    path = f"/v1/products/{created['id']}"
    answers = await gather(*[staff.patch(path, json={"attributes": {f"key_{i}": i}}) for i in range(MANY)])
    assert set(statuses(answers)) <= {200, 409}
    saved = {f"key_{i}": i for i, answer in enumerate(answers) if answer.status_code == 200}
    assert saved, "no write succeeded"
    after = await read(staff, path)
    assert after["attributes"] == saved
    assert after["version"] == 1 + len(saved)
    assert sorted(answer.json()["version"] for answer in answers if answer.status_code == 200) == list(
        range(2, 2 + len(saved))
    )
    assert await types_of(app, created["id"]) == ["product.created"] + ["product.updated"] * len(saved)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_one_of_several_concurrent_writes_with_the_same_if_match_succeeds(
    staff: httpx.AsyncClient, method: str
) -> None:
    created = await make_product(staff)
    path = f"/v1/products/{created['id']}"
    calls = [
        staff.request(
            method, path, json={"name": f"Name {i}"} if method != "DELETE" else None, headers={"If-Match": '"1.x"'}
        )
        for i in range(MANY)
    ]
    expected = {204: 1, 404: MANY - 1} if method == "DELETE" else {200: 1, 412: MANY - 1}
    assert statuses(await gather(*calls)) == expected


async def test_slugs_generated_concurrently_from_one_name_are_different(staff: httpx.AsyncClient) -> None:
    name = unique("race")
    for kind in ("products", "categories"):
        answers = await gather(*[staff.post(f"/v1/{kind}", json={"name": name}) for _ in range(MANY)])
        assert statuses(answers) == {201: MANY}, [a.text for a in answers if a.status_code != 201]
        assert {a.json()["slug"] for a in answers} == {name, *[f"{name}-{n}" for n in range(2, MANY + 1)]}


async def test_one_of_several_concurrent_creations_gets_a_slug_or_sku(staff: httpx.AsyncClient) -> None:
    slug, product, sku = unique("one"), await make_product(staff), unique("SKU")
    answers = await gather(*[staff.post("/v1/products", json={"name": "x", "slug": slug}) for _ in range(MANY)])
    assert statuses(answers) == {201: 1, 409: MANY - 1}
    answers = await gather(
        *[staff.post(f"/v1/products/{product['id']}/variants", json=variant_input(sku=sku)) for _ in range(MANY)]
    )
    assert statuses(answers) == {201: 1, 409: MANY - 1}
    assert all(a.json()["field"] == "sku" for a in answers if a.status_code == 409)


async def test_concurrent_creations_share_a_new_tag(staff: httpx.AsyncClient) -> None:
    tag, other = unique("same"), unique("other")
    answers = await gather(
        *[
            staff.post("/v1/products", json={"name": "x", "tags": [tag, other] if i % 2 else [other, tag]})
            for i in range(MANY)
        ]
    )
    assert statuses(answers) == {201: MANY}
    assert (await read(staff, f"/v1/tags/{tag}"))["product_count"] == MANY


async def test_price_from_is_the_lowest_price_after_concurrent_changes(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    path = f"/v1/products/{product['id']}"
    created = [await make_variant(staff, product["id"], 1000) for _ in range(5)]
    answers = await gather(
        *[
            staff.patch(f"/v1/variants/{v['id']}", json={"price": {"amount": 100 + i, "currency": "EUR"}})
            for i, v in enumerate(created)
        ],
        *[staff.post(f"{path}/variants", json=variant_input(90 + i)) for i in range(3)],
        staff.patch(path, json={"name": "Renamed"}),
    )
    assert set(statuses(answers)) <= {200, 201, 409}
    cheapest = min(v["price"]["amount"] for v in (await read(staff, f"{path}/variants"))["data"])
    assert (await read(staff, path))["price_from"]["amount"] == cheapest


async def test_concurrent_creations_never_exceed_a_hundred_variants(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, variants=[variant_input() for _ in range(97)])
    path = f"/v1/products/{product['id']}/variants"
    counts = statuses(await gather(*[staff.post(path, json=variant_input()) for _ in range(MANY)]))
    assert counts == {201: 3, 409: MANY - 3}
    assert (await read(staff, path, include="total"))["total"] == 100


async def test_two_concurrent_moves_never_create_a_cycle(staff: httpx.AsyncClient) -> None:
    for _ in range(3):
        a, b = await make_category(staff), await make_category(staff)
        answers = await gather(
            staff.patch(f"/v1/categories/{a['id']}", json={"parent_id": b["id"]}),
            staff.patch(f"/v1/categories/{b['id']}", json={"parent_id": a["id"]}),
        )
        assert statuses(answers) == {200: 1, 422: 1}, [x.text for x in answers]
        after = [
            await read(staff, f"/v1/categories/{x['id']}", fields="parent{id parent{id parent{id}}}") for x in (a, b)
        ]
        assert [x["parent"] is None for x in after].count(True) == 1


async def test_a_category_created_below_a_moving_one_moves_with_it(staff: httpx.AsyncClient) -> None:
    for _ in range(3):
        top, moving = await make_category(staff), await make_category(staff)
        answers = await gather(
            staff.patch(f"/v1/categories/{moving['id']}", json={"parent_id": top["id"]}),
            *[staff.post("/v1/categories", json={"name": "Child", "parent_id": moving["id"]}) for _ in range(3)],
        )
        assert set(statuses(answers)) <= {200, 201}
        products = [await make_product(staff, category_id=a.json()["id"]) for a in answers[1:]]
        listed = {row["id"] for row in (await read(staff, "/v1/products", category=top["slug"]))["data"]}
        assert listed == {p["id"] for p in products}


async def test_a_category_is_never_both_deleted_and_filled(staff: httpx.AsyncClient) -> None:
    for _ in range(3):
        category = await make_category(staff)
        path = f"/v1/categories/{category['id']}"
        deletion, creation = await gather(
            staff.delete(path), staff.post("/v1/products", json={"name": "x", "category_id": category["id"]})
        )
        statuses_of_both = (deletion.status_code, creation.status_code)
        assert statuses_of_both in ((204, 422), (204, 409), (409, 201)), (deletion.text, creation.text)
        if creation.status_code == 201:
            assert (await read(staff, creation.headers["location"], fields="category{id}"))["category"] == {
                "id": category["id"]
            }


async def test_concurrent_batches_in_different_orders_do_not_deadlock(staff: httpx.AsyncClient) -> None:
    products = [await make_product(staff) for _ in range(4)]
    orders = [products, products[::-1], products[2:] + products[:2]]
    batches = [
        [{"op": "update", "id": p["id"], "patch": {"attributes": {f"batch_{i}": 1}}} for p in order]
        for i, order in enumerate(orders)
    ]
    answers = await gather(*[staff.post("/v1/products/batch", json={"items": items}) for items in batches])
    assert set(statuses(answers)) <= {200, 409}
    updated = [
        {r["data"]["id"] for r in a.json()["results"] if r["status"] == 200} if a.status_code == 200 else set()
        for a in answers
    ]
    for product in products:
        expected = {f"batch_{i}": 1 for i, ids in enumerate(updated) if product["id"] in ids}
        assert (await read(staff, f"/v1/products/{product['id']}"))["attributes"] == expected


async def test_concurrent_upserts_create_a_product_once(staff: httpx.AsyncClient) -> None:
    reference = unique("ERP")
    items = [
        {"op": "upsert", "input": {"name": f"Name {i}", "slug": unique("slug"), "external_reference": reference}}
        for i in range(6)
    ]
    answers = await gather(*[staff.post("/v1/products/batch", json={"items": [item]}) for item in items])
    assert statuses(answers) == {200: 6}
    results = [a.json()["results"][0] for a in answers]
    assert Counter(r["status"] for r in results) == {201: 1, 200: 5}, results
    assert len({r["data"]["id"] for r in results}) == 1
    assert sorted(r["data"]["version"] for r in results) == [1, 2, 3, 4, 5, 6]
