"""Upserts as a set: a hundred products by one set of statements, with the outcomes that each would have alone."""

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import count_entries, count_events, entries_of, events_of
from tests.areas.catalog.upserting import counted, upsert
from tests.factories import Json, make_category, make_product, read, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


def products(count: int, category_id: str | None = None, **members: Any) -> list[Json]:
    """So many inputs, each with a reference, tags and two variants of its own."""
    reference = unique("erp")
    return [
        {
            "name": f"Chair {reference} {i}", "external_reference": f"{reference}-{i}", "tags": ["oak", f"row-{i % 3}"], "category_id": category_id,
            "variants": [variant_input(500 + i, sku=f"{reference}-{i}-A"), variant_input(900, sku=f"{reference}-{i}-B")], **members,
        }
        for i in range(count)
    ]  # fmt: skip


def dearer(given: Json) -> Json:
    """The same product under another name, each variant a little dearer."""
    prices = [v | {"price": {"amount": v["price"]["amount"] + 7, "currency": "EUR"}} for v in given["variants"]]
    return given | {"name": given["name"] + " again", "tags": [unique("ash")], "variants": prices}


async def test_a_hundred_of_all_kinds_have_each_their_outcome(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    other, given = await make_product(staff, variants=[variant_input(sku=(theirs := unique("SKU")))]), products(94)
    assert {r["status"] for r in await upsert(staff, given[20:60])} == {201}
    changed, same = [dearer(g) for g in given[20:40]], given[40:60]
    wrong = [
        {"nme": "x"}, {"name": "x", "category_id": other["id"]}, {"name": "x", "category_ids": [other["id"]]}, {"name": "x", "slug": "batch"},
        {"name": "x", "variants": [variant_input() | {"price": {"amount": 1, "currency": "ZZZ"}}]},
        {"name": "x", "variants": [variant_input(sku=theirs)]},
    ]  # fmt: skip
    events, entries = await count_events(app), await count_entries(app)
    results = await upsert(staff, given[:20] + wrong + changed + same + given[60:])
    assert [r["status"] for r in results] == [201] * 20 + [422] * 5 + [409] + [200] * 40 + [201] * 34
    assert [r.get("changed", True) for r in results[26:66]] == [True] * 20 + [False] * 20
    assert [[e["pointer"] for e in r["error"].get("errors", ())] for r in results[20:26]] == [
        ["/input/nme", "/input/name"], ["/input/category_id"], ["/input/category_ids"], ["/input/slug"], ["/input/variants/0/price/currency"], [],
    ]  # fmt: skip
    assert results[25]["error"]["field"] == "sku"
    assert [r["data"]["version"] for r in results if "data" in r] == [1] * 20 + [2] * 20 + [1] * 54
    assert [r["data"]["name"] for r in results if "data" in r] == [
        p["name"] for p in given[:20] + changed + same + given[60:]
    ]
    assert (await count_events(app), await count_entries(app)) == (events + 74, entries + 74), (
        "one for each that was made or changed"
    )


async def test_one_event_and_one_audit_entry_tell_of_a_product_and_its_variants(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    [given], category = products(1), await make_category(staff)
    [made] = await upsert(staff, [given], fields="id,variants{id}")
    first, second = [v["id"] for v in made["data"]["variants"]]
    [changed] = await upsert(
        staff,
        [
            dearer(given)
            | {"category_id": category["id"], "variants": [dearer(given)["variants"][0], variant_input(800)]}
        ],
    )
    third = (await read(staff, f"/v1/products/{made['data']['id']}/variants", fields="id"))["data"][-1]["id"]
    told = [
        ("product.created", {"variants": [first, second]}),
        (
            "product.updated",
            {
                "changed": ["name", "tags", "category_id", "categories", "price_from"],
                "variants": {"created": [third], "updated": [first]},
            },
        ),
    ]
    assert await events_of(app, made["data"]["id"]) == told
    entries = await entries_of(app, made["data"]["id"])
    assert [(e.type, e.data) for e in entries] == told
    assert {(e.operation, e.door, e.role) for e in entries} == {("product_batch", "rest", "staff")}
    assert changed["data"]["version"] == 2
    for variant in (first, second, third):
        assert await events_of(app, variant) == []


@pytest.mark.parametrize(("kind", "most"), [("new", 26), ("unchanged", 9), ("changed", 22)])
async def test_the_statements_are_as_many_for_a_hundred_as_for_two(
    app: "TradepostApp", staff: httpx.AsyncClient, kind: str, most: int
) -> None:
    category = await make_category(staff)
    taken = []
    for count in (2, 100):
        given = products(count, category["id"], tags=[unique("new")])
        if kind != "new":
            await upsert(staff, given)
        async with counted(app) as said:
            results = await upsert(
                staff,
                [dearer(g) | {"category_id": None, "category_ids": []} for g in given] if kind == "changed" else given,
            )
        assert {(r["status"], r.get("changed", True)) for r in results} == {
            (201 if kind == "new" else 200, kind != "unchanged")
        }
        taken.append(len(said))
    assert taken[0] == taken[1] <= most, (taken, said)


async def test_a_clash_in_one_leaves_the_other_99_done_and_names_the_one(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    given, taken = products(100), await make_product(staff)
    await upsert(staff, given[:50])
    given[30] |= {"slug": taken["slug"]}
    results = await upsert(staff, given)
    assert [r["status"] for r in results] == [200] * 30 + [409] + [200] * 19 + [201] * 50
    assert (results[30]["error"]["code"], results[30]["error"]["field"]) == ("already_exists", "slug")
    answer = await staff.post(
        "/v1/products/batch", json={"items": [{"op": "upsert", "input": g} for g in given]}, params={"atomic": "true"}
    )
    assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (409, ["/items/30"])


async def test_an_atomic_set_is_undone_by_its_first_fault(staff: httpx.AsyncClient) -> None:
    given, other = products(5), await make_product(staff)
    given[3] |= {"category_id": other["id"]}
    for faulty in (given, [*given, {"nme": "x"}]):
        answer = await staff.post(
            "/v1/products/batch",
            json={"items": [{"op": "upsert", "input": g} for g in faulty]},
            params={"atomic": "true"},
        )
        assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (
            422,
            ["/items/3/input/category_id"],
        )
    assert {r["status"] for r in await upsert(staff, given[:3])} == {201}


async def test_a_given_slug_that_is_taken_is_named_though_another_was_made(staff: httpx.AsyncClient) -> None:
    [given], taken = products(1), await make_product(staff)
    await upsert(staff, [given])
    items = [
        {"op": "upsert", "input": {"name": unique("new")}},
        {"op": "upsert", "input": given | {"slug": taken["slug"]}},
    ]
    answer = await staff.post("/v1/products/batch", json={"items": items}, params={"atomic": "true"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"], answer.json()["field"]) == (
        409,
        "/items/1",
        "slug",
    )


async def test_lists_of_the_same_products_at_once_make_each_once(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    given = products(100)
    lists = [given, given[::-1], given[50:] + given[:50]]
    items = [[{"op": "upsert", "input": g} for g in one] for one in lists]
    answers = await asyncio.gather(*[staff.post("/v1/products/batch", json={"items": i}) for i in items])
    results = [r for a in answers for r in a.json()["results"]]
    assert [r for r in results if r["status"] not in (200, 201)] == []
    assert [r["status"] for r in results].count(201) == 100
    assert len({r["data"]["id"] for r in results}) == 100
    assert {r["data"]["version"] for r in results} == {1}


async def test_what_means_the_same_product_comes_one_after_another(staff: httpx.AsyncClient) -> None:
    [given], slug = products(1), unique("twice")
    results = await upsert(
        staff, [given | {"slug": slug}, given | {"name": "Second"}, {"name": "Third", "slug": slug}, products(1)[0]]
    )
    assert [(r["status"], r["data"]["version"]) for r in results] == [(201, 1), (200, 2), (200, 3), (201, 1)]
    assert results[2]["data"] | {"name": "Third", "external_reference": None} == results[2]["data"]


async def test_made_slugs_differ_and_leave_a_given_one_alone(staff: httpx.AsyncClient) -> None:
    name, number = unique("same"), 40
    first = await upsert(
        staff,
        [{"name": name}, {"name": name}, {"name": "Other", "slug": f"{name}-3"}, {"name": name}, {"name": f"{name} 2"}],
    )
    assert [r["data"]["slug"] for r in first] == [name, f"{name}-2", f"{name}-3", f"{name}-4", f"{name}-2-2"]
    more = await upsert(staff, [{"name": name} for _ in range(number)])
    assert [r["data"]["slug"] for r in more] == [f"{name}-{5 + i}" for i in range(number)]
    assert (await staff.delete(f"/v1/products/{more[7]['data']['id']}")).status_code == 204
    [again] = await upsert(staff, [{"name": name}])
    assert again["data"]["slug"] == more[7]["data"]["slug"], "the first free number"


async def test_variants_can_change_places(staff: httpx.AsyncClient) -> None:
    a, b = variant_input(options={"size": "S"}), variant_input(options={"size": "M"})
    given = {"name": "Chair", "external_reference": unique("erp"), "variants": [a, b]}
    [made] = await upsert(staff, [given])
    [swapped] = await upsert(
        staff,
        [given | {"variants": [a | {"options": {"size": "M"}}, b | {"options": {"size": "S"}}]}],
        fields="variants{sku options}",
    )
    assert made["status"], swapped["status"] == (201, 200)
    assert swapped["data"]["variants"] == [
        {"sku": a["sku"], "options": {"size": "M"}},
        {"sku": b["sku"], "options": {"size": "S"}},
    ]


@pytest.mark.parametrize(("member", "field"), [("sku", "sku"), ("options", "options")])
async def test_two_variants_of_a_product_never_share_a_sku_or_options(
    staff: httpx.AsyncClient, member: str, field: str
) -> None:
    one, two = variant_input(), variant_input()
    given = {"name": "Chair", "external_reference": unique("erp"), "variants": [one]}
    for _ in range(2):
        [refused] = await upsert(staff, [given | {"variants": [one, two | {member: one[member]}]}])
        assert (refused["status"], refused["error"]["field"]) == (409, field)
        await upsert(staff, [given])


async def test_a_product_gets_no_more_variants_than_it_can_have(staff: httpx.AsyncClient) -> None:
    given = {"name": "Chair", "external_reference": unique("erp"), "variants": [variant_input() for _ in range(99)]}
    await upsert(staff, [given])
    results = await upsert(staff, [given | {"variants": [variant_input(), variant_input()]}, products(1)[0]])
    assert [r["status"] for r in results] == [409, 201]
    assert [r["status"] for r in await upsert(staff, [given | {"variants": [variant_input()]}])] == [200]


async def test_searching_finds_the_new_words_and_not_the_old_ones(staff: httpx.AsyncClient) -> None:
    old, new = unique("old").replace("-", ""), unique("new").replace("-", "")
    [given] = products(1, description=old)
    [made] = await upsert(staff, [given])
    await upsert(staff, [given | {"description": new}])
    assert [(await read(staff, "/v1/products", q=q))["data"] != [] for q in (old, new)] == [False, True]
    sku = unique("sku").replace("-", "")
    await upsert(staff, [given | {"description": new, "variants": [variant_input(sku=sku)]}])
    assert [p["id"] for p in (await read(staff, "/v1/products", q=sku))["data"]] == [made["data"]["id"]]
