"""After any write at either door, the read cache of both doors is fresh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import variant_input
from tests.parity.cache_scene import Scene
from tests.parity.cacheable_reads import (
    Get,
    assert_answers,
    assert_fresh,
    has_key,
    public_operations,
    read_by_both_doors,
)
from tests.parity.case import CaseContext, new_mark
from tests.parity.cases import INPUTS, READS, REGISTRY, WriteInput
from tests.parity.door_writer import DoorWriter
from tests.parity.harness import DualDoorApp, Json, hypothesis_settings
from tests.parity.prepared_writes import prepare, resolve_body
from tradepost.app import TradepostApp
from tradepost.kit.cache.read_cache import ReadCache

DOORS = pytest.mark.parametrize("door", ["rest", "graphql"])
PUBLIC_RESULTS = {operation.result.name for operation in REGISTRY.operations.values() if operation.public}
CACHED_INPUTS = [valid for valid in INPUTS if valid.operation.result.name in PUBLIC_RESULTS]


@DOORS
@pytest.mark.parametrize("valid", CACHED_INPUTS, ids=str)
async def test_after_a_write_both_doors_return_the_stored_rows(
    harness: DualDoorApp, uncached: TradepostApp, cache: ReadCache, valid: WriteInput, door: str
) -> None:
    """Each write of a public resource, on a row whose reads are in the cache."""
    prepared, operation = await prepare(harness, valid), valid.operation
    gets: list[Get] = []
    for name in [n for n in public_operations(harness) if harness.operation(n).result is operation.result]:
        keyed = has_key(name)
        if not keyed or (prepared.key and harness.operation(name).path_resource is operation.path_resource):
            for fields in READS[name].statements:
                gets += read_by_both_doors(harness, name, prepared.key if keyed else "", fields)
    await assert_fresh(harness, uncached, gets)
    outcome = await DoorWriter(harness, prepared.caller, operation.name).write(door, "id", **prepared.arguments)
    assert not isinstance(outcome, tuple), outcome
    await assert_fresh(harness, uncached, gets)


SCENE_INPUTS = [i for i in INPUTS if i.operation.result.name in ("Product", "Variant", "Category", "Brand")]


@DOORS
async def test_after_every_write_of_the_catalogue_all_reads_around_it_return_the_stored_rows(
    harness: DualDoorApp, uncached: TradepostApp, cache: ReadCache, door: str
) -> None:
    hits = 0
    for valid in SCENE_INPUTS:
        scene, operation = await Scene.create(harness), valid.operation
        if operation.name in ("category_delete", "brand_delete"):
            await harness.staff.rest("DELETE", f"/products/{scene.product['id']}")
        answers = [await get.answer(harness.app, harness.anonymous) for get in scene.reads]
        before = cache.hits
        assert [await get.answer(harness.app, harness.anonymous) for get in scene.reads] == answers
        hits += cache.hits - before
        key = scene.keys[operation.path_resource.name] if has_key(operation.name) else ""
        body = await resolve_body(valid.body, CaseContext(harness.app, harness.staff, harness.customer.user))
        writer = DoorWriter(harness, harness.staff, operation.name)
        outcome = await writer.write(door, "id", key, body, json_patch=valid.json_patch)
        assert not isinstance(outcome, tuple), (valid, outcome)
        await assert_fresh(harness, uncached, scene.reads)
    assert hits > 30 * len(SCENE_INPUTS), "the cache must have answered"


@DOORS
async def test_after_a_move_a_new_name_or_a_batch_both_doors_return_the_stored_rows(
    harness: DualDoorApp, uncached: TradepostApp, cache: ReadCache, door: str
) -> None:
    scene, mark = await Scene.create(harness), new_mark()
    id, category, parent = scene.product["id"], scene.category["id"], scene.parent["id"]
    created = {"name": f"Whole B {mark}", "status": "active", "category_id": category, "tags": ["shared"]}
    upserted = {"external_reference": mark, "name": f"Whole D {mark}", "category_id": category, "tags": [scene.tag]}
    batch: Json = {
        "items": [
            {"op": "create", "input": created},
            {"op": "update", "id": id, "patch": {"name": f"Whole C {mark}"}},
            {"op": "upsert", "input": upserted},
        ]
    }
    steps: list[tuple[str, str, Json | None]] = [
        ("product_update", id, {"slug": f"new-{mark}"}),
        ("product_update", id, {"slug": scene.product["slug"]}),
        ("product_update", id, {"category_id": parent, "category_ids": [parent]}),
        ("product_update", id, {"category_id": category}),
        ("product_update", id, {"brand_id": None}),
        ("product_update", id, {"brand_id": scene.keys["Brand"]}),
        ("category_update", category, {"parent_id": None}),
        ("category_update", category, {"parent_id": parent}),
        ("category_update", parent, {"name": f"Other {mark}"}),
        ("product_update", id, {"tags": ["shared", f"n-{mark}"]}),
        ("product_update", id, {"status": "draft"}),
        ("product_update", id, {"status": "active"}),
        ("product_batch", "", batch),
        ("product_delete", id, None),
    ]
    answers = await assert_fresh(harness, uncached, scene.reads)
    for operation, key, body in steps:
        await assert_answers(harness, scene.reads, answers)
        outcome = await DoorWriter(harness, harness.staff, operation).write(door, "id", key, body)
        assert not isinstance(outcome, tuple), (operation, outcome)
        answers = await assert_fresh(harness, uncached, scene.reads)


CHANGES = ("name", "slug", "status", "tags", "variant", "price", "move", "category", "delete")


def drawn_change(scene: Scene, change: str, choice: int, mark: str) -> tuple[str, str, Json | None]:
    """Return the request of a drawn change."""
    product, category, parent = f"/products/{scene.product['id']}", scene.category["id"], scene.parent["id"]
    variant = f"/variants/{scene.keys['Variant']}"
    match change:
        case "name":
            return "PATCH", product, {"name": f"Whole {choice}"}
        case "slug":
            return "PATCH", product, {"slug": f"s{choice}-{mark}"}
        case "status":
            return "PATCH", product, {"status": ["draft", "active", "archived", "active"][choice]}
        case "tags":
            return "PATCH", product, {"tags": [f"x{choice}", scene.tag][: choice + 1]}
        case "move":
            return "PATCH", product, {"category_id": [category, parent, None, category][choice]}
        case "variant":
            return "POST", f"{product}/variants", variant_input(choice + 1)
        case "price":
            return "PATCH", variant, {"price": {"amount": choice + 1}}
        case "category":
            return "PATCH", f"/categories/{category}", {"name": f"Inner {choice}", "position": choice}
        case _:
            return "DELETE", variant, None


@hypothesis_settings(12)
@given(steps=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 3)), max_size=8))
async def test_after_any_sequence_of_writes_and_reads_the_cache_is_fresh(
    harness: DualDoorApp, uncached: TradepostApp, steps: list[tuple[str, int]]
) -> None:
    scene, mark, caller = await Scene.create(harness), new_mark(), harness.anonymous
    for number, (change, choice) in enumerate(steps):
        method, path, body = drawn_change(scene, change, choice, mark)
        await harness.staff.rest(method, path, json=body)
        for get in scene.reads if number % 2 else scene.reads[choice::4]:
            assert await get.answer(harness.app, caller) == await get.answer(uncached, caller), get
