"""Upserts of up to a hundred products with one set of statements and individual outcomes."""

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import count_entries, count_events, entries_of, events_of
from tests.areas.catalog.upserting import record_statements, upsert
from tests.factories import Json, make_category, make_product, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


def products(count: int, category_id: str | None = None, **members: Any) -> list[Json]:
    """Return inputs of new products, each with a reference, tags and two variants."""
    reference = unique("erp")
    return [
        {
            "name": f"Chair {reference} {i}",
            "external_reference": f"{reference}-{i}",
            "tags": ["oak", f"row-{i % 3}"],
            "category_id": category_id,
            "variants": [
                variant_input(500 + i, sku=f"{reference}-{i}-A"),
                variant_input(900, sku=f"{reference}-{i}-B"),
            ],
            **members,
        }
        for i in range(count)
    ]


def renamed_and_repriced(product: Json) -> Json:
    """Return the input with another name, another tag and higher prices."""
    prices = [v | {"price": {"amount": v["price"]["amount"] + 7, "currency": "EUR"}} for v in product["variants"]]
    return product | {"name": product["name"] + " again", "tags": [unique("ash")], "variants": prices}


async def test_a_hundred_upserts_have_individual_outcomes(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    other, inputs = await make_product(staff, variants=[variant_input(sku=(taken_sku := unique("SKU")))]), products(94)
    assert {r["status"] for r in await upsert(staff, inputs[20:60])} == {201}
    changed, unchanged = [renamed_and_repriced(g) for g in inputs[20:40]], inputs[40:60]
    invalid = [
        {"nme": "x"},
        {"name": "x", "category_id": other["id"]},
        {"name": "x", "category_ids": [other["id"]]},
        {"name": "x", "slug": "batch"},
        {"name": "x", "variants": [variant_input() | {"price": {"amount": 1, "currency": "ZZZ"}}]},
        {"name": "x", "variants": [variant_input(sku=taken_sku)]},
    ]
    events, entries = await count_events(app), await count_entries(app)
    results = await upsert(staff, inputs[:20] + invalid + changed + unchanged + inputs[60:])
    assert [r["status"] for r in results] == [201] * 20 + [422] * 5 + [409] + [200] * 40 + [201] * 34
    assert [r.get("changed", True) for r in results[26:66]] == [True] * 20 + [False] * 20
    assert [[e["pointer"] for e in r["error"].get("errors", ())] for r in results[20:26]] == [
        ["/input/nme", "/input/name"],
        ["/input/category_id"],
        ["/input/category_ids"],
        ["/input/slug"],
        ["/input/variants/0/price/currency"],
        [],
    ]
    assert results[25]["error"]["field"] == "sku"
    assert [r["data"]["version"] for r in results if "data" in r] == [1] * 20 + [2] * 20 + [1] * 54
    assert [r["data"]["name"] for r in results if "data" in r] == [
        p["name"] for p in inputs[:20] + changed + unchanged + inputs[60:]
    ]
    assert (await count_events(app), await count_entries(app)) == (events + 74, entries + 74), (
        "one for each product that was created or changed"
    )


async def test_an_upsert_emits_one_event_for_a_product_and_its_variants(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    [product], category = products(1), await make_category(staff)
    [created] = await upsert(staff, [product], fields="id,variants{id}")
    first, second = [v["id"] for v in created["data"]["variants"]]
    [changed] = await upsert(
        staff,
        [
            renamed_and_repriced(product)
            | {
                "category_id": category["id"],
                "variants": [renamed_and_repriced(product)["variants"][0], variant_input(800)],
            }
        ],
    )
    third = (await read(staff, f"/v1/products/{created['data']['id']}/variants", fields="id"))["data"][-1]["id"]
    expected = [
        ("product.created", {"variants": [first, second]}),
        (
            "product.updated",
            {
                "changed": ["name", "tags", "category_id", "categories", "price_from"],
                "variants": {"created": [third], "updated": [first]},
            },
        ),
    ]
    assert await events_of(app, created["data"]["id"]) == expected
    entries = await entries_of(app, created["data"]["id"])
    assert [(e.type, e.data) for e in entries] == expected
    assert {(e.operation, e.door, e.role) for e in entries} == {("product_batch", "rest", "staff")}
    assert changed["data"]["version"] == 2
    for variant in (first, second, third):
        assert await events_of(app, variant) == []


@pytest.mark.parametrize(("kind", "limit"), [("new", 25), ("unchanged", 8), ("changed", 21)])
async def test_a_hundred_upserts_take_as_many_statements_as_two(
    app: "TradepostApp", staff: httpx.AsyncClient, kind: str, limit: int
) -> None:
    category = await make_category(staff)
    counts = []
    for count in (2, 100):
        inputs = products(count, category["id"], tags=[unique("new")])
        if kind != "new":
            await upsert(staff, inputs)
        async with record_statements(app) as statements:
            results = await upsert(
                staff,
                [renamed_and_repriced(g) | {"category_id": None, "category_ids": []} for g in inputs]
                if kind == "changed"
                else inputs,
            )
        assert {(r["status"], r.get("changed", True)) for r in results} == {
            (201 if kind == "new" else 200, kind != "unchanged")
        }
        counts.append(len(statements))
    assert counts[0] == counts[1] <= limit, (counts, statements)


async def test_a_clash_fails_only_its_own_item(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    inputs, taken = products(100), await make_product(staff)
    await upsert(staff, inputs[:50])
    inputs[30] |= {"slug": taken["slug"]}
    results = await upsert(staff, inputs)
    assert [r["status"] for r in results] == [200] * 30 + [409] + [200] * 19 + [201] * 50
    assert (results[30]["error"]["code"], results[30]["error"]["field"]) == ("already_exists", "slug")
    answer = await staff.post(
        "/v1/products/batch", json={"items": [{"op": "upsert", "input": g} for g in inputs]}, params={"atomic": "true"}
    )
    assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (409, ["/items/30"])


async def test_an_atomic_batch_of_upserts_is_rolled_back_at_its_first_error(staff: httpx.AsyncClient) -> None:
    inputs, other = products(5), await make_product(staff)
    inputs[3] |= {"category_id": other["id"]}
    for faulty in (inputs, [*inputs, {"nme": "x"}]):
        answer = await staff.post(
            "/v1/products/batch",
            json={"items": [{"op": "upsert", "input": g} for g in faulty]},
            params={"atomic": "true"},
        )
        assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (
            422,
            ["/items/3/input/category_id"],
        )
    assert {r["status"] for r in await upsert(staff, inputs[:3])} == {201}


async def test_a_taken_slug_is_reported_even_if_another_slug_was_generated(staff: httpx.AsyncClient) -> None:
    [product], taken = products(1), await make_product(staff)
    await upsert(staff, [product])
    items = [
        {"op": "upsert", "input": {"name": unique("new")}},
        {"op": "upsert", "input": product | {"slug": taken["slug"]}},
    ]
    answer = await staff.post("/v1/products/batch", json={"items": items}, params={"atomic": "true"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"], answer.json()["field"]) == (
        409,
        "/items/1",
        "slug",
    )


async def test_concurrent_upserts_of_the_same_products_create_each_once(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    inputs = products(100)
    lists = [inputs, inputs[::-1], inputs[50:] + inputs[:50]]
    items = [[{"op": "upsert", "input": g} for g in one] for one in lists]
    answers = await asyncio.gather(*[staff.post("/v1/products/batch", json={"items": i}) for i in items])
    results = [r for a in answers for r in a.json()["results"]]
    assert [r for r in results if r["status"] not in (200, 201)] == []
    assert [r["status"] for r in results].count(201) == 100
    assert len({r["data"]["id"] for r in results}) == 100
    assert {r["data"]["version"] for r in results} == {1}


async def test_inputs_for_the_same_product_apply_in_order(staff: httpx.AsyncClient) -> None:
    [product], slug = products(1), unique("twice")
    results = await upsert(
        staff, [product | {"slug": slug}, product | {"name": "Second"}, {"name": "Third", "slug": slug}, products(1)[0]]
    )
    assert [(r["status"], r["data"]["version"]) for r in results] == [(201, 1), (200, 2), (200, 3), (201, 1)]
    assert results[2]["data"] | {"name": "Third"} == results[2]["data"]
    assert results[2]["data"]["external_reference"] == product["external_reference"]


async def test_generated_slugs_are_unique_and_skip_explicit_ones(staff: httpx.AsyncClient) -> None:
    name, count = unique("same"), 40
    first = await upsert(
        staff,
        [{"name": name}, {"name": name}, {"name": "Other", "slug": f"{name}-3"}, {"name": name}, {"name": f"{name} 2"}],
    )
    assert [r["data"]["slug"] for r in first] == [name, f"{name}-2", f"{name}-3", f"{name}-4", f"{name}-2-2"]
    more = await upsert(staff, [{"name": name} for _ in range(count)])
    assert [r["data"]["slug"] for r in more] == [f"{name}-{5 + i}" for i in range(count)]
    assert (await staff.delete(f"/v1/products/{more[7]['data']['id']}")).status_code == 204
    [reused] = await upsert(staff, [{"name": name}])
    assert reused["data"]["slug"] == more[7]["data"]["slug"], "the first free number is used"


async def test_variants_can_swap_their_options(staff: httpx.AsyncClient) -> None:
    a, b = variant_input(options={"size": "S"}), variant_input(options={"size": "M"})
    product = {"name": "Chair", "external_reference": unique("erp"), "variants": [a, b]}
    [created] = await upsert(staff, [product])
    [swapped] = await upsert(
        staff,
        [product | {"variants": [a | {"options": {"size": "M"}}, b | {"options": {"size": "S"}}]}],
        fields="variants{sku options}",
    )
    assert (created["status"], swapped["status"]) == (201, 200)
    assert swapped["data"]["variants"] == [
        {"sku": a["sku"], "options": {"size": "M"}},
        {"sku": b["sku"], "options": {"size": "S"}},
    ]


@pytest.mark.parametrize(("member", "field"), [("sku", "sku"), ("options", "options")])
async def test_two_variants_of_a_product_cannot_share_a_sku_or_options(
    staff: httpx.AsyncClient, member: str, field: str
) -> None:
    one, two = variant_input(), variant_input()
    product = {"name": "Chair", "external_reference": unique("erp"), "variants": [one]}
    for _ in range(2):
        [refused] = await upsert(staff, [product | {"variants": [one, two | {member: one[member]}]}])
        assert (refused["status"], refused["error"]["field"]) == (409, field)
        await upsert(staff, [product])


async def test_an_upsert_cannot_exceed_a_hundred_variants(staff: httpx.AsyncClient) -> None:
    product = {"name": "Chair", "external_reference": unique("erp"), "variants": [variant_input() for _ in range(99)]}
    await upsert(staff, [product])
    results = await upsert(staff, [product | {"variants": [variant_input(), variant_input()]}, products(1)[0]])
    assert [r["status"] for r in results] == [409, 201]
    assert [r["status"] for r in await upsert(staff, [product | {"variants": [variant_input()]}])] == [200]


async def test_a_search_finds_the_new_words_only(staff: httpx.AsyncClient) -> None:
    old, new = unique("old").replace("-", ""), unique("new").replace("-", "")
    [product] = products(1, description=old)
    [created] = await upsert(staff, [product])
    await upsert(staff, [product | {"description": new}])
    assert [(await read(staff, "/v1/products", q=q))["data"] != [] for q in (old, new)] == [False, True]
    sku = unique("sku").replace("-", "")
    await upsert(staff, [product | {"description": new, "variants": [variant_input(sku=sku)]}])
    assert [p["id"] for p in (await read(staff, "/v1/products", q=sku))["data"]] == [created["data"]["id"]]
