"""Products: created, replaced, changed and deleted, with slugs, categories and tags."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import count_events, events_of, types_of
from tests.factories import (
    assert_problem,
    faults,
    make_category,
    make_product,
    make_variant,
    read,
    unique,
    variant_input,
)

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

DEFAULTS = {
    "description": "",
    "status": "draft",
    "attributes": {},
    "tags": [],
    "price_from": None,
    "rating_count": 0,
    "rating_average": None,
    "category_id": None,
    "brand_id": None,
    "external_reference": None,
    "source": None,
    "version": 1,
}


async def test_only_the_name_is_required(staff: httpx.AsyncClient) -> None:
    created = (await staff.post("/v1/products", json={"name": "Bare"})).json()
    assert {name: created[name] for name in DEFAULTS} == DEFAULTS
    assert created == await read(staff, f"/v1/products/{created['id']}")


async def test_all_members_are_returned_as_sent(staff: httpx.AsyncClient) -> None:
    category, other = await make_category(staff), await make_category(staff)
    values: dict[str, Any] = {
        "name": "Chair",
        "slug": unique("chair"),
        "description": "One\nTwo\t<b>",
        "status": "archived",
        "attributes": {"z": 1, "a": [None, {"k": "v"}]},
        "tags": ["b-tag", "a-tag"],
        "category_id": category["id"],
        "external_reference": unique("ERP"),
        "source": {"col": "x"},
    }
    created = (await staff.post("/v1/products", json=values | {"category_ids": [other["id"]]})).json()
    assert {name: created[name] for name in values} == values
    assert list(created["attributes"]) == ["z", "a"], "the order of free-form members is preserved"
    placed = await read(staff, f"/v1/products/{created['id']}", fields="category{id},categories{id}")
    assert placed["category"]["id"] == category["id"]
    assert {c["id"] for c in placed["categories"]} == {category["id"], other["id"]}


async def test_a_slug_is_generated_from_the_name_and_numbered_on_a_clash(staff: httpx.AsyncClient) -> None:
    word = unique("größe")
    created = [(await staff.post("/v1/products", json={"name": f"{word} & Co!"})).json()["slug"] for _ in range(3)]
    base = word.replace("größe", "grosse") + "-co"
    assert created == [base, f"{base}-2", f"{base}-3"]


async def test_a_taken_slug_is_409_with_its_field(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    taken, count = (await make_product(staff))["slug"], await count_events(app)
    problem = assert_problem(
        await staff.post("/v1/products", json={"name": "Again", "slug": taken}), 409, "already_exists"
    )
    assert problem["field"] == "slug"
    assert await count_events(app) == count


UUID_LIKE = "0198c0de-0000-7000-8000-0000000000ff"


@pytest.mark.parametrize(
    "slug", [UUID_LIKE, "batch", "import", "Upper", "a b", "a--b", "-a", "a-", "", "ä", "a\n", "x" * 101, "a/b"]
)
async def test_a_slug_that_is_ambiguous_in_a_path_is_refused(staff: httpx.AsyncClient, slug: str) -> None:
    product = await make_product(staff)
    for method, path in (
        ("POST", "/v1/products"),
        ("PUT", f"/v1/products/{product['id']}"),
        ("PATCH", f"/v1/products/{product['id']}"),
    ):
        answer = await staff.request(method, path, json={"name": "x", "slug": slug})
        assert_problem(answer, 422, "validation")
        assert {pointer for pointer, _ in faults(answer)} == {"/slug"}


@pytest.mark.parametrize("name", [UUID_LIKE, "Batch", "Import"])
async def test_a_generated_slug_is_never_ambiguous_in_a_path(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, name: str
) -> None:
    created = (await staff.post("/v1/products", json={"name": name, "status": "active"})).json()
    assert (await read(client, f"/v1/products/{created['slug']}"))["id"] == created["id"]


async def test_put_sets_missing_members_to_their_defaults_and_keeps_slug_and_variants(staff: httpx.AsyncClient) -> None:
    category = await make_category(staff)
    created = await make_product(
        staff,
        description="d",
        tags=["t"],
        attributes={"a": 1},
        category_id=category["id"],
        source={"a": 1},
        variants=[variant_input(5)],
    )
    put = (await staff.put(f"/v1/products/{created['id']}", json={"name": "New"})).json()
    kept = {
        "id": created["id"],
        "slug": created["slug"],
        "created_at": created["created_at"],
        "price_from": {"amount": 5, "currency": "EUR"},
    }
    assert put == DEFAULTS | kept | {
        "name": "New",
        "version": 2,
        "updated_at": put["updated_at"],
        "links": put["links"],
    }
    assert put["updated_at"] > created["updated_at"]
    left = await read(staff, f"/v1/products/{created['id']}", fields="categories{id},variants{id}")
    assert (left["categories"], len(left["variants"])) == ([], 1)


async def test_a_merge_patch_changes_only_its_members_and_null_resets_to_the_default(staff: httpx.AsyncClient) -> None:
    created = await make_product(staff, description="d", attributes={"a": 1, "b": {"c": 1, "d": 2}}, tags=["t"])
    patch = {"description": None, "attributes": {"a": None, "b": {"c": 3}}, "slug": None}
    changed = (await staff.patch(f"/v1/products/{created['id']}", json=patch)).json()
    assert (changed["description"], changed["attributes"], changed["tags"]) == ("", {"b": {"c": 3, "d": 2}}, ["t"])
    assert (changed["slug"], changed["version"]) == (created["slug"], 2)


async def test_an_unknown_member_in_a_merge_patch_is_refused(staff: httpx.AsyncClient) -> None:
    path = f"/v1/products/{(await make_product(staff))['id']}"
    for value in (None, 1, {"a": None}):
        answer = await staff.patch(path, json={"nam": value, "vari/ants": value})
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {("/nam", "unknown_member"), ("/vari~1ants", "unknown_member")}


async def test_a_write_without_changes_keeps_the_version_and_emits_no_event(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    category = await make_category(staff)
    created = await make_product(staff, tags=["t"], attributes={"a": 1}, category_id=category["id"])
    path, count = f"/v1/products/{created['id']}", await count_events(app)
    same = {n: created[n] for n in ("name", "slug", "status", "tags", "attributes", "category_id")}
    for answer in (
        await staff.patch(path, json={}),
        await staff.patch(path, json=same),
        await staff.put(path, json=same | {"category_ids": [category["id"]]}),
    ):
        assert answer.json() == created
    assert await count_events(app) == count


@pytest.mark.parametrize(
    "patch",
    [
        {"name": "Other"},
        {"tags": ["new-tag", "b"]},
        {"attributes": {"a": 2}},
        {"status": "archived"},
        {"name": "A", "tags": [], "status": "draft", "description": "x"},
    ],
)
async def test_a_write_increments_the_version_and_emits_one_event(
    app: "TradepostApp", staff: httpx.AsyncClient, patch: dict[str, Any]
) -> None:
    created = await make_product(staff, tags=["a"], variants=[variant_input()])
    [variant] = (await read(staff, f"/v1/products/{created['id']}/variants"))["data"]
    changed = (await staff.patch(f"/v1/products/{created['id']}", json=patch)).json()
    assert changed["version"] == created["version"] + 1
    created, *later = await events_of(app, created["id"])
    assert created == ("product.created", {"variants": [variant["id"]]})
    assert [(type, set(data["changed"])) for type, data in later] == [("product.updated", set(patch))]


async def test_a_category_change_increments_the_version(staff: httpx.AsyncClient) -> None:
    one, other = await make_category(staff), await make_category(staff)
    created = await make_product(staff, category_ids=[one["id"]])
    path = f"/v1/products/{created['id']}"
    for version, patch in enumerate(
        [{"category_ids": [other["id"]]}, {"category_id": one["id"]}, {"category_id": None, "category_ids": []}], 2
    ):
        assert (await staff.patch(path, json=patch)).json()["version"] == version


async def test_the_main_category_is_always_one_of_the_categories(staff: httpx.AsyncClient) -> None:
    one, other = (await make_category(staff))["id"], (await make_category(staff))["id"]
    created = await make_product(staff, category_id=one, category_ids=[other])
    path = f"/v1/products/{created['id']}"
    for patch, expected in (
        ({"category_ids": []}, {one}),
        ({"category_id": other}, {one, other}),
        ({"category_ids": [one]}, {one, other}),
        ({"category_id": None}, {one, other}),
        ({"category_ids": None}, {one, other}),
        ({"category_ids": []}, set()),
    ):
        assert (await staff.patch(path, json=patch)).status_code == 200
        assert {c["id"] for c in (await read(staff, path, fields="categories{id}"))["categories"]} == expected, patch


async def test_a_product_is_in_at_most_a_hundred_categories(staff: httpx.AsyncClient) -> None:
    created = [(await make_category(staff))["id"] for _ in range(101)]
    product = await make_product(staff, category_ids=created[:100])
    answer = await staff.patch(f"/v1/products/{product['id']}", json={"category_id": created[100]})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/category_ids", "too_many")}


async def test_an_unknown_category_is_an_error_of_its_member(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    for member, value in (("category_id", product["id"]), ("category_ids", [product["id"]])):
        for method, path in (("POST", "/v1/products"), ("PATCH", f"/v1/products/{product['id']}")):
            answer = await staff.request(method, path, json={"name": "x", member: value})
            assert_problem(answer, 422, "validation")
            assert faults(answer) == {(f"/{member}", "not_found")}


async def test_price_from_is_the_price_of_the_cheapest_variant(staff: httpx.AsyncClient) -> None:
    created = await make_product(staff, variants=[variant_input(300), variant_input(200)])
    path = f"/v1/products/{created['id']}"
    assert (created["price_from"], created["version"]) == ({"amount": 200, "currency": "EUR"}, 1)
    cheap = await make_variant(staff, created["id"], 100)
    seen = [(await read(staff, path))["price_from"]["amount"]]
    for price in (250, 150):
        await staff.patch(f"/v1/variants/{cheap['id']}", json={"price": {"amount": price, "currency": "EUR"}})
        seen.append((await read(staff, path))["price_from"]["amount"])
    for variant in (await read(staff, f"{path}/variants"))["data"]:
        await staff.delete(f"/v1/variants/{variant['id']}")
        seen.append(((await read(staff, path))["price_from"] or {}).get("amount"))
    assert seen == [100, 200, 150, 150, 150, None]


async def test_tags_are_unique_and_disappear_with_their_last_product(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    tag = unique("lone")
    created = await make_product(staff, tags=[tag, "b", tag])
    assert created["tags"] == [tag, "b"]
    assert (await read(client, f"/v1/tags/{tag}"))["product_count"] == 1
    await staff.patch(f"/v1/products/{created['id']}", json={"tags": ["b"]})
    assert (await client.get(f"/v1/tags/{tag}")).status_code == 404


async def test_deleting_a_product_deletes_its_variants_and_unused_tags(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    category, tag = await make_category(staff), unique("gone")
    created = await make_product(staff, category_id=category["id"], tags=[tag], variants=[variant_input()])
    path = f"/v1/products/{created['id']}"
    [variant] = (await read(client, f"{path}/variants"))["data"]
    answer = await staff.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (path, f"{path}/variants", f"/v1/variants/{variant['id']}", f"/v1/tags/{tag}"):
        assert (await staff.get(gone)).status_code == 404
    assert (await staff.delete(path)).status_code == 404
    assert (await staff.delete(f"/v1/categories/{category['id']}")).status_code == 204
    assert await types_of(app, created["id"]) == ["product.created", "product.deleted"]
