"""Products: made, replaced, changed and deleted, with slugs, categories and tags."""

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
    "description": "", "status": "draft", "attributes": {}, "tags": [], "price_from": None, "rating_count": 0, "rating_average": None, "category_id": None,
    "external_reference": None, "source": None, "version": 1,
}  # fmt: skip


async def test_only_the_name_is_needed(staff: httpx.AsyncClient) -> None:
    made = (await staff.post("/v1/products", json={"name": "Bare"})).json()
    assert {name: made[name] for name in DEFAULTS} == DEFAULTS
    assert made == await read(staff, f"/v1/products/{made['id']}")


async def test_all_members_come_back_as_they_were_given(staff: httpx.AsyncClient) -> None:
    category, other = await make_category(staff), await make_category(staff)
    given: dict[str, Any] = {
        "name": "Chair", "slug": unique("chair"), "description": "One\nTwo\t<b>", "status": "archived", "attributes": {"z": 1, "a": [None, {"k": "v"}]},
        "tags": ["b-tag", "a-tag"], "category_id": category["id"], "external_reference": unique("ERP"), "source": {"col": "x"},
    }  # fmt: skip
    made = (await staff.post("/v1/products", json=given | {"category_ids": [other["id"]]})).json()
    assert {name: made[name] for name in given} == given
    assert list(made["attributes"]) == ["z", "a"], "the order of free members is kept"
    placed = await read(staff, f"/v1/products/{made['id']}", fields="category{id},categories{id}")
    assert placed["category"]["id"] == category["id"]
    assert {c["id"] for c in placed["categories"]} == {category["id"], other["id"]}


async def test_a_slug_is_made_from_the_name_and_numbered_on_a_clash(staff: httpx.AsyncClient) -> None:
    word = unique("größe")
    made = [(await staff.post("/v1/products", json={"name": f"{word} & Co!"})).json()["slug"] for _ in range(3)]
    base = word.replace("größe", "grosse") + "-co"
    assert made == [base, f"{base}-2", f"{base}-3"]


async def test_a_given_slug_that_is_taken_is_a_clash_that_names_it(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
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
async def test_a_slug_that_a_path_could_not_mean_is_refused(staff: httpx.AsyncClient, slug: str) -> None:
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
async def test_no_name_makes_such_a_slug(client: httpx.AsyncClient, staff: httpx.AsyncClient, name: str) -> None:
    made = (await staff.post("/v1/products", json={"name": name, "status": "active"})).json()
    assert (await read(client, f"/v1/products/{made['slug']}"))["id"] == made["id"]


async def test_put_sets_what_is_left_out_to_its_default_and_keeps_slug_and_variants(staff: httpx.AsyncClient) -> None:
    category = await make_category(staff)
    made = await make_product(
        staff,
        description="d",
        tags=["t"],
        attributes={"a": 1},
        category_id=category["id"],
        source={"a": 1},
        variants=[variant_input(5)],
    )
    put = (await staff.put(f"/v1/products/{made['id']}", json={"name": "New"})).json()
    kept = {
        "id": made["id"],
        "slug": made["slug"],
        "created_at": made["created_at"],
        "price_from": {"amount": 5, "currency": "EUR"},
    }
    assert put == DEFAULTS | kept | {
        "name": "New",
        "version": 2,
        "updated_at": put["updated_at"],
        "links": put["links"],
    }
    assert put["updated_at"] > made["updated_at"]
    left = await read(staff, f"/v1/products/{made['id']}", fields="categories{id},variants{id}")
    assert (left["categories"], len(left["variants"])) == ([], 1)


async def test_a_merge_patch_changes_what_it_names_and_null_gives_the_default(staff: httpx.AsyncClient) -> None:
    made = await make_product(staff, description="d", attributes={"a": 1, "b": {"c": 1, "d": 2}}, tags=["t"])
    patch = {"description": None, "attributes": {"a": None, "b": {"c": 3}}, "slug": None}
    changed = (await staff.patch(f"/v1/products/{made['id']}", json=patch)).json()
    assert (changed["description"], changed["attributes"], changed["tags"]) == ("", {"b": {"c": 3, "d": 2}}, ["t"])
    assert (changed["slug"], changed["version"]) == (made["slug"], 2)


async def test_a_merge_patch_names_only_members_that_there_are(staff: httpx.AsyncClient) -> None:
    path = f"/v1/products/{(await make_product(staff))['id']}"
    for value in (None, 1, {"a": None}):
        answer = await staff.patch(path, json={"nam": value, "vari/ants": value})
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {("/nam", "unknown_member"), ("/vari~1ants", "unknown_member")}


async def test_where_nothing_differs_nothing_happens(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    category = await make_category(staff)
    made = await make_product(staff, tags=["t"], attributes={"a": 1}, category_id=category["id"])
    path, count = f"/v1/products/{made['id']}", await count_events(app)
    same = {n: made[n] for n in ("name", "slug", "status", "tags", "attributes", "category_id")}
    for answer in (
        await staff.patch(path, json={}),
        await staff.patch(path, json=same),
        await staff.put(path, json=same | {"category_ids": [category["id"]]}),
    ):
        assert answer.json() == made
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
async def test_a_write_moves_the_version_by_one_and_is_announced_once(
    app: "TradepostApp", staff: httpx.AsyncClient, patch: dict[str, Any]
) -> None:
    made = await make_product(staff, tags=["a"], variants=[variant_input()])
    changed = (await staff.patch(f"/v1/products/{made['id']}", json=patch)).json()
    assert changed["version"] == made["version"] + 1
    created, *later = await events_of(app, made["id"])
    assert created == ("product.created", {})
    assert [(type, set(data["changed"])) for type, data in later] == [("product.updated", set(patch))]


async def test_moving_between_categories_moves_the_version_by_one(staff: httpx.AsyncClient) -> None:
    one, other = await make_category(staff), await make_category(staff)
    made = await make_product(staff, category_ids=[one["id"]])
    path = f"/v1/products/{made['id']}"
    for version, patch in enumerate(
        [{"category_ids": [other["id"]]}, {"category_id": one["id"]}, {"category_id": None, "category_ids": []}], 2
    ):
        assert (await staff.patch(path, json=patch)).json()["version"] == version


async def test_the_main_category_always_stands_among_the_categories(staff: httpx.AsyncClient) -> None:
    one, other = (await make_category(staff))["id"], (await make_category(staff))["id"]
    made = await make_product(staff, category_id=one, category_ids=[other])
    path = f"/v1/products/{made['id']}"
    for patch, expected in (
        ({"category_ids": []}, {one}), ({"category_id": other}, {one, other}), ({"category_ids": [one]}, {one, other}), ({"category_id": None}, {one, other}),
        ({"category_ids": None}, {one, other}), ({"category_ids": []}, set()),
    ):  # fmt: skip
        assert (await staff.patch(path, json=patch)).status_code == 200
        assert {c["id"] for c in (await read(staff, path, fields="categories{id}"))["categories"]} == expected, patch


async def test_a_product_stands_in_at_most_a_hundred_categories(staff: httpx.AsyncClient) -> None:
    made = [(await make_category(staff))["id"] for _ in range(101)]
    product = await make_product(staff, category_ids=made[:100])
    answer = await staff.patch(f"/v1/products/{product['id']}", json={"category_id": made[100]})
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/category_ids", "too_many")}


async def test_a_category_that_is_none_is_a_fault_of_its_member(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    for member, value in (("category_id", product["id"]), ("category_ids", [product["id"]])):
        for method, path in (("POST", "/v1/products"), ("PATCH", f"/v1/products/{product['id']}")):
            answer = await staff.request(method, path, json={"name": "x", member: value})
            assert_problem(answer, 422, "validation")
            assert faults(answer) == {(f"/{member}", "not_found")}


async def test_price_from_follows_the_cheapest_variant(staff: httpx.AsyncClient) -> None:
    made = await make_product(staff, variants=[variant_input(300), variant_input(200)])
    path = f"/v1/products/{made['id']}"
    assert (made["price_from"], made["version"]) == ({"amount": 200, "currency": "EUR"}, 1)
    cheap = await make_variant(staff, made["id"], 100)
    seen = [(await read(staff, path))["price_from"]["amount"]]
    for price in (250, 150):
        await staff.patch(f"/v1/variants/{cheap['id']}", json={"price": {"amount": price, "currency": "EUR"}})
        seen.append((await read(staff, path))["price_from"]["amount"])
    for variant in (await read(staff, f"{path}/variants"))["data"]:
        await staff.delete(f"/v1/variants/{variant['id']}")
        seen.append(((await read(staff, path))["price_from"] or {}).get("amount"))
    assert seen == [100, 200, 150, 150, 150, None]


async def test_tags_come_each_once_and_vanish_with_their_last_product(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    tag = unique("lone")
    made = await make_product(staff, tags=[tag, "b", tag])
    assert made["tags"] == [tag, "b"]
    assert (await read(client, f"/v1/tags/{tag}"))["product_count"] == 1
    await staff.patch(f"/v1/products/{made['id']}", json={"tags": ["b"]})
    assert (await client.get(f"/v1/tags/{tag}")).status_code == 404


async def test_a_deleted_product_takes_everything_of_its_own_along(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    category, tag = await make_category(staff), unique("gone")
    made = await make_product(staff, category_id=category["id"], tags=[tag], variants=[variant_input()])
    path = f"/v1/products/{made['id']}"
    [variant] = (await read(client, f"{path}/variants"))["data"]
    answer = await staff.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (path, f"{path}/variants", f"/v1/variants/{variant['id']}", f"/v1/tags/{tag}"):
        assert (await staff.get(gone)).status_code == 404
    assert (await staff.delete(path)).status_code == 404
    assert (await staff.delete(f"/v1/categories/{category['id']}")).status_code == 204
    assert await types_of(app, made["id"]) == ["product.created", "product.deleted"]
