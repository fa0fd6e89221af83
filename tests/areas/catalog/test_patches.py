"""JSON Patch through REST: the patched document, its problems, and atomicity."""

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import count_events
from tests.factories import assert_problem, faults, make_category, make_product, make_variant, read, unique

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

HEADERS = {"Content-Type": "application/json-patch+json"}


async def patch(staff: httpx.AsyncClient, path: str, *steps: dict[str, Any]) -> httpx.Response:
    """Send a JSON Patch."""
    return await staff.patch(path, content=json.dumps(steps), headers=HEADERS)


async def test_a_patch_applies_to_the_default_representation(staff: httpx.AsyncClient) -> None:
    created = await make_product(staff, tags=["a", "b"], attributes={"x": {"y": [1]}}, source={"k": 1})
    answer = await patch(
        staff, f"/v1/products/{created['id']}",
        {"op": "test", "path": "/tags/1", "value": "b"},
        {"op": "add", "path": "/tags/-", "value": "c"},
        {"op": "remove", "path": "/tags/0"},
        {"op": "copy", "from": "/attributes/x", "path": "/attributes/z"},
        {"op": "move", "from": "/attributes/x/y", "path": "/attributes/w"},
        {"op": "replace", "path": "/name", "value": "Patched"},
        {"op": "replace", "path": "/source/k", "value": 2},
        {"op": "add", "path": "/description", "value": "new"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed["tags"] == ["b", "c"]
    assert changed["attributes"] == {"x": {}, "z": {"y": [1]}, "w": [1]}
    assert (changed["name"], changed["source"], changed["description"], changed["version"]) == (
        "Patched",
        {"k": 2},
        "new",
        2,
    )


async def test_every_member_of_the_document_can_be_tested(staff: httpx.AsyncClient) -> None:
    created = await make_product(staff)
    steps = [{"op": "test", "path": f"/{name}", "value": value} for name, value in created.items() if name != "links"]
    answer = await patch(staff, f"/v1/products/{created['id']}", *steps)
    assert answer.json() == created
    assert_problem(
        await patch(
            staff, f"/v1/products/{created['id']}", {"op": "test", "path": "/links", "value": created["links"]}
        ),
        409,
        "patch_test_failed",
    )


@pytest.mark.parametrize(
    "last",
    [
        {"op": "test", "path": "/name", "value": "x"},
        {"op": "remove", "path": "/nope"},
        {"op": "replace", "path": "/name", "value": 5},
    ],
)
async def test_a_patch_that_fails_changes_nothing(
    app: "TradepostApp", staff: httpx.AsyncClient, last: dict[str, Any]
) -> None:
    created, count = await make_product(staff), await count_events(app)
    answer = await patch(
        staff, f"/v1/products/{created['id']}", {"op": "replace", "path": "/description", "value": "new"}, last
    )
    assert answer.status_code in (409, 422)
    assert await read(staff, f"/v1/products/{created['id']}") == created
    assert await count_events(app) == count


async def test_a_failed_test_is_409_and_a_missing_target_is_422(staff: httpx.AsyncClient) -> None:
    path = f"/v1/products/{(await make_product(staff))['id']}"
    answer = await patch(
        staff, path, {"op": "test", "path": "/version", "value": 1}, {"op": "test", "path": "/version", "value": 2}
    )
    assert_problem(answer, 409, "patch_test_failed")
    assert faults(answer) == {("/1", "test_failed")}
    answer = await patch(staff, path, {"op": "add", "path": "/attributes/a/b", "value": 1})
    assert_problem(answer, 422, "patch_target_missing")
    assert faults(answer) == {("/0", "missing")}
    answer = await patch(staff, path, {"op": "test", "path": "/version", "value": True})
    assert_problem(answer, 409, "patch_test_failed")


READ_ONLY = ["id", "version", "created_at", "updated_at", "price_from", "rating_count", "rating_average"]


@pytest.mark.parametrize("name", READ_ONLY)
async def test_a_read_only_member_cannot_be_changed_or_removed(staff: httpx.AsyncClient, name: str) -> None:
    created = await make_product(staff)
    path = f"/v1/products/{created['id']}"
    for step in ({"op": "replace", "path": f"/{name}", "value": "x"}, {"op": "remove", "path": f"/{name}"}):
        answer = await patch(staff, path, step)
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {(f"/{name}", "read_only")}
    assert_problem(await staff.patch(path, json={name: "x"}), 422, "validation")
    assert (
        await patch(staff, path, {"op": "replace", "path": f"/{name}", "value": created[name]})
    ).status_code == 200, "the same value is not a change"


async def test_an_unknown_member_cannot_be_added(staff: httpx.AsyncClient) -> None:
    path = f"/v1/products/{(await make_product(staff))['id']}"
    for name in ("nope", "variants", "links", "available_actions", ""):
        answer = await patch(staff, path, {"op": "add", "path": f"/{name}", "value": {}})
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {(f"/{name}", "unknown_member")}


@pytest.mark.parametrize("value", [None, 1, "x", [1], True])
async def test_the_whole_document_can_only_be_replaced_by_an_object(staff: httpx.AsyncClient, value: Any) -> None:
    path = f"/v1/products/{(await make_product(staff))['id']}"
    assert_problem(await patch(staff, path, {"op": "replace", "path": "", "value": value}), 422, "validation")
    headers = {"Content-Type": "application/merge-patch+json"}
    assert_problem(await staff.patch(path, content=json.dumps(value), headers=headers), 422, "validation")


async def test_the_result_is_validated_like_a_put(staff: httpx.AsyncClient) -> None:
    path = f"/v1/products/{(await make_product(staff))['id']}"
    answer = await patch(
        staff,
        path,
        {"op": "remove", "path": "/name"},
        {"op": "add", "path": "/tags/-", "value": "Not A Slug"},
        {"op": "add", "path": "/status", "value": "sold"},
    )
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/name", "required"), ("/tags/0", "invalid_format"), ("/status", "not_allowed")}


async def test_categories_can_be_added_by_a_patch(staff: httpx.AsyncClient) -> None:
    category = await make_category(staff)
    path = f"/v1/products/{(await make_product(staff))['id']}"
    assert (
        await patch(staff, path, {"op": "add", "path": "/category_ids", "value": [category["id"]]})
    ).status_code == 200
    assert (await read(staff, path, fields="categories{id}"))["categories"] == [{"id": category["id"]}]


async def test_exponential_copies_and_more_than_a_hundred_steps_are_refused(staff: httpx.AsyncClient) -> None:
    path = f"/v1/products/{(await make_product(staff, attributes={'a': ['x' * 1000]}))['id']}"
    answer = await patch(
        staff, path, *[{"op": "copy", "from": "/attributes", "path": f"/attributes/c{i}"} for i in range(100)]
    )
    assert answer.status_code in (400, 422)
    answer = await patch(staff, path, *[{"op": "test", "path": "/version", "value": 1}] * 101)
    assert_problem(answer, 422, "validation")


async def test_variants_and_categories_accept_json_patch(staff: httpx.AsyncClient) -> None:
    variant = await make_variant(staff, (await make_product(staff))["id"], 5)
    answer = await patch(staff, f"/v1/variants/{variant['id']}", {"op": "replace", "path": "/price/amount", "value": 6})
    assert (answer.json()["price"]["amount"], answer.json()["version"]) == (6, 2)
    slug = unique("category")
    answer = await patch(
        staff, f"/v1/categories/{(await make_category(staff))['id']}", {"op": "replace", "path": "/slug", "value": slug}
    )
    assert answer.json()["slug"] == slug
