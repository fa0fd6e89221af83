"""Writes at the same time: none is lost, none wins twice, none fails for a reason of ours."""

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


async def at_once(*calls: Any) -> list[httpx.Response]:
    """The answers to calls that run at the same time."""
    return list(await asyncio.gather(*calls))


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    """How often each status came."""
    return Counter(answer.status_code for answer in answers)


async def test_writes_without_a_precondition_all_succeed_and_none_is_lost(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    made = await make_product(staff)
    path = f"/v1/products/{made['id']}"
    answers = await at_once(*[staff.patch(path, json={"attributes": {f"key_{i}": i}}) for i in range(MANY)])
    assert set(statuses(answers)) <= {200, 409}
    kept = {f"key_{i}": i for i, answer in enumerate(answers) if answer.status_code == 200}
    assert kept, "at least one came through"
    after = await read(staff, path)
    assert after["attributes"] == kept
    assert after["version"] == 1 + len(kept)
    assert sorted(answer.json()["version"] for answer in answers if answer.status_code == 200) == list(
        range(2, 2 + len(kept))
    )
    assert await types_of(app, made["id"]) == ["product.created"] + ["product.updated"] * len(kept)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_of_writes_meant_for_one_version_exactly_one_wins(staff: httpx.AsyncClient, method: str) -> None:
    made = await make_product(staff)
    path = f"/v1/products/{made['id']}"
    calls = [
        staff.request(
            method, path, json={"name": f"Name {i}"} if method != "DELETE" else None, headers={"If-Match": '"1.x"'}
        )
        for i in range(MANY)
    ]
    found = statuses(await at_once(*calls))
    assert found == {204: 1, 404: MANY - 1} if method == "DELETE" else {200: 1, 412: MANY - 1}


async def test_slugs_made_of_one_name_at_once_are_all_different(staff: httpx.AsyncClient) -> None:
    name = unique("race")
    for kind in ("products", "categories"):
        answers = await at_once(*[staff.post(f"/v1/{kind}", json={"name": name}) for _ in range(MANY)])
        assert statuses(answers) == {201: MANY}, [a.text for a in answers if a.status_code != 201]
        assert {a.json()["slug"] for a in answers} == {name, *[f"{name}-{n}" for n in range(2, MANY + 1)]}


async def test_a_given_slug_or_sku_is_had_by_exactly_one(staff: httpx.AsyncClient) -> None:
    slug, product, sku = unique("one"), await make_product(staff), unique("SKU")
    found = await at_once(*[staff.post("/v1/products", json={"name": "x", "slug": slug}) for _ in range(MANY)])
    assert statuses(found) == {201: 1, 409: MANY - 1}
    found = await at_once(
        *[staff.post(f"/v1/products/{product['id']}/variants", json=variant_input(sku=sku)) for _ in range(MANY)]
    )
    assert statuses(found) == {201: 1, 409: MANY - 1}
    assert all(a.json()["field"] == "sku" for a in found if a.status_code == 409)


async def test_new_tags_at_once_become_one_tag(staff: httpx.AsyncClient) -> None:
    tag, other = unique("same"), unique("other")
    answers = await at_once(
        *[
            staff.post("/v1/products", json={"name": "x", "tags": [tag, other] if i % 2 else [other, tag]})
            for i in range(MANY)
        ]
    )
    assert statuses(answers) == {201: MANY}
    assert (await read(staff, f"/v1/tags/{tag}"))["product_count"] == MANY


async def test_the_cheapest_price_is_right_after_variants_changed_at_once(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    path = f"/v1/products/{product['id']}"
    made = [await make_variant(staff, product["id"], 1000) for _ in range(5)]
    answers = await at_once(
        *[
            staff.patch(f"/v1/variants/{v['id']}", json={"price": {"amount": 100 + i, "currency": "EUR"}})
            for i, v in enumerate(made)
        ],
        *[staff.post(f"{path}/variants", json=variant_input(90 + i)) for i in range(3)],
        staff.patch(path, json={"name": "Renamed"}),
    )
    assert set(statuses(answers)) <= {200, 201, 409}
    cheapest = min(v["price"]["amount"] for v in (await read(staff, f"{path}/variants"))["data"])
    assert (await read(staff, path))["price_from"]["amount"] == cheapest


async def test_a_product_never_gets_more_than_a_hundred_variants(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, variants=[variant_input() for _ in range(97)])
    path = f"/v1/products/{product['id']}/variants"
    found = statuses(await at_once(*[staff.post(path, json=variant_input()) for _ in range(MANY)]))
    assert found == {201: 3, 409: MANY - 3}
    assert (await read(staff, path, include="total"))["total"] == 100


async def test_two_moves_at_once_never_make_a_circle(staff: httpx.AsyncClient) -> None:
    for _ in range(3):
        a, b = await make_category(staff), await make_category(staff)
        answers = await at_once(
            staff.patch(f"/v1/categories/{a['id']}", json={"parent_id": b["id"]}),
            staff.patch(f"/v1/categories/{b['id']}", json={"parent_id": a["id"]}),
        )
        assert statuses(answers) == {200: 1, 422: 1}, [x.text for x in answers]
        after = [
            await read(staff, f"/v1/categories/{x['id']}", fields="parent{id parent{id parent{id}}}") for x in (a, b)
        ]
        assert [x["parent"] is None for x in after].count(True) == 1


async def test_a_category_made_below_one_that_moves_moves_with_it(staff: httpx.AsyncClient) -> None:
    for _ in range(3):
        top, moving = await make_category(staff), await make_category(staff)
        answers = await at_once(
            staff.patch(f"/v1/categories/{moving['id']}", json={"parent_id": top["id"]}),
            *[staff.post("/v1/categories", json={"name": "Child", "parent_id": moving["id"]}) for _ in range(3)],
        )
        assert set(statuses(answers)) <= {200, 201}
        made = [await make_product(staff, category_id=a.json()["id"]) for a in answers[1:]]
        found = {row["id"] for row in (await read(staff, "/v1/products", category=top["slug"]))["data"]}
        assert found == {p["id"] for p in made}


async def test_a_category_is_deleted_or_filled_and_never_both(staff: httpx.AsyncClient) -> None:
    for _ in range(3):
        category = await make_category(staff)
        path = f"/v1/categories/{category['id']}"
        gone, made = await at_once(
            staff.delete(path), staff.post("/v1/products", json={"name": "x", "category_id": category["id"]})
        )
        assert (gone.status_code, made.status_code) in ((204, 422), (204, 409), (409, 201)), (gone.text, made.text)
        if made.status_code == 201:
            assert (await read(staff, made.headers["location"], fields="category{id}"))["category"] == {
                "id": category["id"]
            }


async def test_batches_at_once_do_not_fail_for_one_another(staff: httpx.AsyncClient) -> None:
    products = [await make_product(staff) for _ in range(4)]
    orders = [products, products[::-1], products[2:] + products[:2]]
    batches = [
        [{"op": "update", "id": p["id"], "patch": {"attributes": {f"batch_{i}": 1}}} for p in order]
        for i, order in enumerate(orders)
    ]
    answers = await at_once(*[staff.post("/v1/products/batch", json={"items": items}) for items in batches])
    assert set(statuses(answers)) <= {200, 409}
    done = [
        {r["data"]["id"] for r in a.json()["results"] if r["status"] == 200} if a.status_code == 200 else set()
        for a in answers
    ]
    for product in products:
        expected = {f"batch_{i}": 1 for i, ids in enumerate(done) if product["id"] in ids}
        assert (await read(staff, f"/v1/products/{product['id']}"))["attributes"] == expected


async def test_upserts_of_one_product_at_once_make_it_once(staff: httpx.AsyncClient) -> None:
    reference = unique("ERP")
    items = [
        {"op": "upsert", "input": {"name": f"Name {i}", "slug": unique("slug"), "external_reference": reference}}
        for i in range(6)
    ]
    answers = await at_once(*[staff.post("/v1/products/batch", json={"items": [item]}) for item in items])
    assert statuses(answers) == {200: 6}
    results = [a.json()["results"][0] for a in answers]
    assert Counter(r["status"] for r in results) == {201: 1, 200: 5}, results
    assert len({r["data"]["id"] for r in results}) == 1
    assert sorted(r["data"]["version"] for r in results) == [1, 2, 3, 4, 5, 6]
