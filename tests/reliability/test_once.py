"""One key, one effect: whatever comes at the same time, through whichever door and process."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import event

from tests.areas.catalog.events import types_of
from tests.factories import make_product, unique, variant_input
from tests.reliability.client import (
    CREATE,
    DualDoorClient,
    is_replay,
    problem_in,
    products_named,
    records,
    replayed_fields,
)
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.usefixtures("no_claims_left")

MANY = 64
# Equal in both spellings: no member has two words.
BODY: dict[str, Any] = {
    "tags": ["one"],
    "attributes": {"b": 1, "a": [1.5, None, {"deep_key": True}]},
    "status": "draft",
}


def bodies(name: str) -> dict[str, dict[str, Any]]:
    """The same input as each door writes it."""
    sku = variant_input()
    rest = BODY | {"name": name, "variants": [sku | {"weight_grams": 5}]}
    return {"rest": rest, "graphql": rest | {"status": "DRAFT", "variants": [sku | {"weightGrams": 5}]}}


async def test_of_many_at_once_through_both_doors_and_two_processes_one_has_its_effect(
    app: "TradepostApp", mine: DualDoorClient, staff_key: str, settings: Settings
) -> None:
    from tradepost.app import create_app

    name, key = unique("many"), unique("key")
    body = bodies(name)
    second = create_app(settings)
    async with (
        second.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=second),
            base_url="http://tradepost.test",
            headers={"X-API-Key": staff_key},
        ) as client,
    ):
        callers = [mine, DualDoorClient(second, client)]
        doors = [("rest", "graphql")[i % 2] for i in range(MANY)]
        answers = await asyncio.gather(*[callers[i // 2 % 2].create(d, key, body[d]) for i, d in enumerate(doors)])
    made = await products_named(app, name)
    assert len(made) == 1
    assert await types_of(app, made[0]) == ["product.created"]
    good = [a for a in answers if problem_in(a) is None]
    refused = [problem_in(a) for a in answers if problem_in(a) is not None]
    assert {p and p["code"] for p in refused} <= {"idempotency_in_progress"}
    assert [is_replay(a) for a in good].count(False) == 1
    assert len(good) + len(refused) == MANY
    # Who was told to come again gets the outcome.
    again = [await mine.create(d, key, body[d]) for d in ("rest", "graphql")]
    assert all(is_replay(a) for a in again)
    rest = [a for a in [*good, *again] if a.status_code == 201]
    graphql = [a for a in [*good, *again] if a.status_code == 200]
    assert len({a.content for a in rest}) == 1
    assert len({a.headers["etag"] for a in rest}) == 1
    said = [a.json()["data"]["productCreate"] for a in graphql]
    assert all(s == said[0] for s in said)
    assert said[0] == {
        "id": made[0], "slug": name, "name": name, "version": 1, "createdAt": rest[0].json()["created_at"],
    }  # fmt: skip


async def test_the_runner_that_is_still_at_it_keeps_the_others_out(
    mine: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradepost.areas.catalog.service.products import Products

    started, go = asyncio.Event(), asyncio.Event()
    real = Products.create.method

    async def slow(*args: Any) -> Any:
        started.set()
        # SQLite has one writer: there the claim of the others has to wait for this transaction.
        if not app.state.database.is_sqlite:
            await go.wait()
        return await real(*args)

    monkeypatch.setattr(Products.create, "method", slow)
    name, key = unique("slow"), unique("key")
    first = asyncio.create_task(mine.create("rest", key, {"name": name}))
    await started.wait()
    answers = (
        [await mine.create(d, key, {"name": name}) for d in ("rest", "graphql")]
        if not app.state.database.is_sqlite
        else []
    )
    other_input = await mine.create("rest", key, {"name": f"{name} two"})
    go.set()
    assert (await first).status_code == 201
    for answer in answers:
        problem = problem_in(answer)
        assert problem is not None
        assert (problem["status"], problem["code"], problem["type"]) == (
            409,
            "idempotency_in_progress",
            "/problems/idempotency_in_progress",
        )
    assert all(a.headers["retry-after"] == "1" for a in answers[:1])
    problem = problem_in(other_input)
    assert problem is not None
    assert problem["code"] == "idempotency_key_reused"


async def test_another_operation_or_caller_has_a_scope_of_its_own(
    app: "TradepostApp", mine: DualDoorClient, other: DualDoorClient
) -> None:
    name, key = unique("scope"), unique("key")
    product = await mine.rest("POST", "/products", key, {"name": name})
    category = await mine.rest("POST", "/categories", key, {"name": name})
    theirs = await other.rest("POST", "/products", key, {"name": name})
    assert [a.status_code for a in (product, category, theirs)] == [201] * 3
    assert not any(is_replay(a) for a in (product, category, theirs))
    assert len(await products_named(app, name)) == 2
    assert Counter((r.principal, r.operation) for r in await records(app, key)).most_common(1)[0][1] == 1


async def test_another_key_or_none_is_another_call(app: "TradepostApp", mine: DualDoorClient) -> None:
    name = unique("keys")
    for key in (unique("a"), unique("b"), None, None):
        assert not is_replay(await mine.rest("POST", "/products", key, {"name": name}))
    assert len(await products_named(app, name)) == 4


async def test_a_batch_has_one_key_and_its_outcome_all_items(app: "TradepostApp", mine: DualDoorClient) -> None:
    old, gone = await make_product(mine.client), await make_product(mine.client)
    name, key = unique("batch"), unique("key")
    items = [
        {"op": "create", "input": {"name": name}},
        {"op": "update", "id": old["id"], "patch": {"name": "Changed"}, "expected_version": 1},
        {"op": "update", "id": old["id"], "patch": {"name": "Changed"}},
        {"op": "delete", "id": gone["id"]},
        {"op": "delete", "id": gone["id"]},
        {"op": "create", "input": {}},
        {"op": "upsert", "input": {"name": name, "external_reference": unique("ERP")}},
    ]
    first = await mine.rest(
        "POST", "/products/batch", key, {"items": items}, query={"fields": "id,version,links,variants{sku}"}
    )
    assert [r["status"] for r in first.json()["results"]] == [201, 200, 200, 204, 404, 422, 201]
    again = await mine.rest(
        "POST", "/products/batch", key, {"items": items}, query={"fields": "id,version,links,variants{sku}"}
    )
    assert (again.status_code, is_replay(again)) == (200, True)
    assert again.content == first.content
    assert len(await products_named(app, name)) == 2


async def test_the_outcome_of_a_batch_is_one_for_both_doors(mine: DualDoorClient) -> None:
    old, gone = await make_product(mine.client), await make_product(mine.client)
    text = "mutation($items: [ProductBatchItemInput!]!) { productBatch(input: {items: $items}) { results { status changed data { id version } error { code } } } }"
    reference, key = unique("ERP"), unique("key")
    items = [
        {"op": "create", "input": {"name": "x", "external_reference": reference}},
        {"op": "update", "id": old["id"], "patch": {"description": "Changed"}, "expected_version": 1},
        {"op": "delete", "id": gone["id"]},
        {"op": "delete", "id": gone["id"]},
    ]
    spelled = [
        {"op": "CREATE", "input": {"name": "x", "externalReference": reference}},
        {"op": "UPDATE", "id": old["id"], "patch": {"description": "Changed"}, "expectedVersion": 1},
        {"op": "DELETE", "id": gone["id"]},
        {"op": "DELETE", "id": gone["id"]},
    ]
    first = await mine.rest("POST", "/products/batch", key, {"items": items})
    again = await mine.graphql(text, header=key, items=spelled)
    results = again.json()["data"]["productBatch"]["results"]
    mirrored = [
        {"status": r["status"], "changed": r.get("changed", True), "data": r.get("data") and {n: r["data"][n] for n in ("id", "version")},
         "error": r.get("error") and {"code": r["error"]["code"]}}
        for r in first.json()["results"]
    ]  # fmt: skip
    assert results == mirrored
    assert replayed_fields(again) == ["productBatch"]


async def test_a_replay_costs_one_point(mine: DualDoorClient) -> None:
    key, body = unique("key"), {"name": unique("cost"), "variants": [variant_input()]}
    costs = [int((await mine.rest("POST", "/products", key, body)).headers["x-request-cost"]) for _ in range(3)]
    assert costs[0] >= 10
    assert costs[2] == 1
    for _ in range(2):
        answer = await mine.create("graphql", key, body)
    assert is_replay(answer)
    assert answer.json()["extensions"]["cost"]["charged"] == int(answer.headers["x-request-cost"]) == 1


async def test_a_key_that_is_not_used_costs_no_statement(app: "TradepostApp", mine: DualDoorClient) -> None:
    said: list[str] = []

    def keep(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    engine = app.state.database.engine.sync_engine
    counts: dict[bool, list[int]] = {True: [], False: []}
    event.listen(engine, "before_cursor_execute", keep)
    try:
        for keyed in (False, True):
            counts[keyed], path = [], "/products"
            for method, body in (("POST", {"name": unique("cost")}), ("PATCH", {"name": "x"}), ("DELETE", None)):
                said.clear()
                answer = await mine.rest(method, path, unique("key") if keyed else None, body)
                path = answer.headers.get("location", "").removeprefix("/v1") or path
                counts[keyed].append(len(said))
                assert any("idempotency_record" in s for s in said) is keyed
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    # A key costs its claim and its outcome (SQLite counts BEGIN as a statement), and no read more.
    more = 3 if app.state.database.is_sqlite else 2
    assert counts[True] == [n + more for n in counts[False]], counts


def test_nobody_known_is_told_apart_by_address() -> None:
    from tradepost.kit.auth.caller import ANONYMOUS
    from tradepost.kit.operations.idempotency.key import principal

    assert principal(ANONYMOUS, "192.0.2.1") != principal(ANONYMOUS, "192.0.2.2")
    assert CREATE.count("@idempotent") == 1
