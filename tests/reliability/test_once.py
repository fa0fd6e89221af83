"""One key, one effect: with concurrent requests, at both doors and in several processes."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import event

from tests.areas.catalog.events import types_of
from tests.factories import make_product, unique, variant_input
from tests.reliability.client import (
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

REQUESTS = 64
# The same at both doors: no member has two words.
BODY: dict[str, Any] = {
    "tags": ["one"],
    "attributes": {"b": 1, "a": [1.5, None, {"deep_key": True}]},
    "status": "draft",
}


def bodies(name: str) -> dict[str, dict[str, Any]]:
    """Return the same input in the spelling of each door."""
    sku = variant_input()
    rest = BODY | {"name": name, "variants": [sku | {"weight_grams": 5}]}
    return {"rest": rest, "graphql": rest | {"status": "DRAFT", "variants": [sku | {"weightGrams": 5}]}}


async def test_of_64_concurrent_requests_at_both_doors_and_two_processes_one_has_an_effect(
    app: "TradepostApp", caller: DualDoorClient, staff_key: str, settings: Settings
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
        callers = [caller, DualDoorClient(second, client)]
        doors = [("rest", "graphql")[i % 2] for i in range(REQUESTS)]
        answers = await asyncio.gather(*[callers[i // 2 % 2].create(d, key, body[d]) for i, d in enumerate(doors)])
    [id] = await products_named(app, name)
    assert await types_of(app, id) == ["product.created"]
    problems = [problem for answer in answers if (problem := problem_in(answer)) is not None]
    successes = [a for a in answers if problem_in(a) is None]
    assert {problem["code"] for problem in problems} <= {"idempotency_in_progress"}
    assert [is_replay(a) for a in successes].count(False) == 1
    assert len(successes) + len(problems) == REQUESTS
    # A retry gets the outcome.
    again = [await caller.create(d, key, body[d]) for d in ("rest", "graphql")]
    assert all(is_replay(a) for a in again)
    rest = [a for a in [*successes, *again] if a.status_code == 201]
    graphql = [a for a in [*successes, *again] if a.status_code == 200]
    assert len({a.content for a in rest}) == 1
    assert len({a.headers["etag"] for a in rest}) == 1
    created_at = rest[0].json()["created_at"]
    expected = {"id": id, "slug": name, "name": name, "version": 1, "createdAt": created_at}
    assert all(a.json()["data"]["productCreate"] == expected for a in graphql)


async def test_a_key_in_progress_is_409_for_other_requests(
    caller: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradepost.areas.catalog.service.products import Products

    started, go = asyncio.Event(), asyncio.Event()
    real = Products.create.method

    async def slow(*args: Any) -> Any:
        started.set()
        # SQLite has one writer: there the other claims wait for this transaction.
        if not app.state.database.is_sqlite:
            await go.wait()
        return await real(*args)

    monkeypatch.setattr(Products.create, "method", slow)
    name, key = unique("slow"), unique("key")
    first = asyncio.create_task(caller.create("rest", key, {"name": name}))
    await started.wait()
    answers = (
        [await caller.create(d, key, {"name": name}) for d in ("rest", "graphql")]
        if not app.state.database.is_sqlite
        else []
    )
    other_input = await caller.create("rest", key, {"name": f"{name} two"})
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


async def test_a_key_is_scoped_to_the_operation_and_the_caller(
    app: "TradepostApp", caller: DualDoorClient, other_caller: DualDoorClient
) -> None:
    name, key = unique("scope"), unique("key")
    product = await caller.rest("POST", "/products", key, {"name": name})
    category = await caller.rest("POST", "/categories", key, {"name": name})
    by_other = await other_caller.rest("POST", "/products", key, {"name": name})
    assert [a.status_code for a in (product, category, by_other)] == [201] * 3
    assert not any(is_replay(a) for a in (product, category, by_other))
    assert len(await products_named(app, name)) == 2
    assert Counter((r.principal, r.operation) for r in await records(app, key)).most_common(1)[0][1] == 1


async def test_a_request_with_another_key_or_without_one_is_not_a_replay(
    app: "TradepostApp", caller: DualDoorClient
) -> None:
    name = unique("keys")
    for key in (unique("a"), unique("b"), None, None):
        assert not is_replay(await caller.rest("POST", "/products", key, {"name": name}))
    assert len(await products_named(app, name)) == 4


async def test_a_batch_has_one_key_for_all_its_items(app: "TradepostApp", caller: DualDoorClient) -> None:
    updated, deleted = await make_product(caller.client), await make_product(caller.client)
    name, key = unique("batch"), unique("key")
    items = [
        {"op": "create", "input": {"name": name}},
        {"op": "update", "id": updated["id"], "patch": {"name": "Changed"}, "expected_version": 1},
        {"op": "update", "id": updated["id"], "patch": {"name": "Changed"}},
        {"op": "delete", "id": deleted["id"]},
        {"op": "delete", "id": deleted["id"]},
        {"op": "create", "input": {}},
        {"op": "upsert", "input": {"name": name, "external_reference": unique("ERP")}},
    ]
    fields = {"fields": "id,version,links,variants{sku}"}
    first = await caller.rest("POST", "/products/batch", key, {"items": items}, query=fields)
    assert [r["status"] for r in first.json()["results"]] == [201, 200, 200, 204, 404, 422, 201]
    again = await caller.rest("POST", "/products/batch", key, {"items": items}, query=fields)
    assert (again.status_code, is_replay(again)) == (200, True)
    assert again.content == first.content
    assert len(await products_named(app, name)) == 2


async def test_the_outcome_of_a_batch_is_replayed_at_the_other_door(caller: DualDoorClient) -> None:
    updated, deleted = await make_product(caller.client), await make_product(caller.client)
    text = (
        "mutation($items: [ProductBatchItemInput!]!) { productBatch(input: {items: $items}) "
        "{ results { status changed data { id version } error { code } } } }"
    )
    reference, key = unique("ERP"), unique("key")
    items = [
        {"op": "create", "input": {"name": "x", "external_reference": reference}},
        {"op": "update", "id": updated["id"], "patch": {"description": "Changed"}, "expected_version": 1},
        {"op": "delete", "id": deleted["id"]},
        {"op": "delete", "id": deleted["id"]},
    ]
    graphql_items = [
        {"op": "CREATE", "input": {"name": "x", "externalReference": reference}},
        {"op": "UPDATE", "id": updated["id"], "patch": {"description": "Changed"}, "expectedVersion": 1},
        {"op": "DELETE", "id": deleted["id"]},
        {"op": "DELETE", "id": deleted["id"]},
    ]
    first = await caller.rest("POST", "/products/batch", key, {"items": items})
    again = await caller.graphql(text, header=key, items=graphql_items)
    results = again.json()["data"]["productBatch"]["results"]
    assert results == [
        {
            "status": r["status"],
            "changed": r.get("changed", True),
            "data": r.get("data") and {n: r["data"][n] for n in ("id", "version")},
            "error": r.get("error") and {"code": r["error"]["code"]},
        }
        for r in first.json()["results"]
    ]
    assert replayed_fields(again) == ["productBatch"]


async def test_a_replay_costs_one_point(caller: DualDoorClient) -> None:
    key, body = unique("key"), {"name": unique("cost"), "variants": [variant_input()]}
    costs = [int((await caller.rest("POST", "/products", key, body)).headers["x-request-cost"]) for _ in range(3)]
    assert costs[0] >= 10
    assert costs[2] == 1
    await caller.create("graphql", key, body)
    answer = await caller.create("graphql", key, body)
    assert is_replay(answer)
    assert answer.json()["extensions"]["cost"]["charged"] == int(answer.headers["x-request-cost"]) == 1


async def test_a_request_without_a_key_runs_no_statement_for_idempotency(
    app: "TradepostApp", caller: DualDoorClient
) -> None:
    statements: list[str] = []

    def record(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = app.state.database.engine.sync_engine
    counts: dict[bool, list[int]] = {True: [], False: []}
    event.listen(engine, "before_cursor_execute", record)
    try:
        for with_key in (False, True):
            path = "/products"
            for method, body in (("POST", {"name": unique("cost")}), ("PATCH", {"name": "x"}), ("DELETE", None)):
                statements.clear()
                answer = await caller.rest(method, path, unique("key") if with_key else None, body)
                path = answer.headers.get("location", "").removeprefix("/v1") or path
                counts[with_key].append(len(statements))
                assert any("idempotency_record" in statement for statement in statements) is with_key
    finally:
        event.remove(engine, "before_cursor_execute", record)
    # A key costs two statements, its claim and its outcome; SQLite counts BEGIN as a third.
    extra = 3 if app.state.database.is_sqlite else 2
    assert counts[True] == [n + extra for n in counts[False]], counts


def test_anonymous_callers_are_told_apart_by_address() -> None:
    from tradepost.kit.auth.caller import ANONYMOUS
    from tradepost.kit.operations.idempotency.key import principal

    assert principal(ANONYMOUS, "192.0.2.1") != principal(ANONYMOUS, "192.0.2.2")
    assert principal(ANONYMOUS, "192.0.2.1") == principal(ANONYMOUS, "192.0.2.1")
