"""Execution: one SQL statement per level, errors at their fields, no leaks, bounded caches."""

import logging
from typing import Any

import httpx
import pytest

from tests.doors.graphql.graphql_app import (
    EDITOR,
    Json,
    context_of,
    count_statements,
    execute_by_plan,
    executor_of,
    query_data,
    query_errors,
)
from tradepost.app import TradepostApp
from tradepost.doors.graphql.documents.document import Document
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.graphql.problems import RequestError
from tradepost.kit.lru import ENTRY_OVERHEAD, LRUCache

STATEMENTS = [
    ('{ product(slug: "x") { id } }', 1),
    ("query ($n: Int) { products(first: $n) { nodes { id name status } pageInfo { hasNextPage endCursor } } }", 1),
    ("query ($n: Int) { products(first: $n) { nodes { id category { name parent { name } } } } }", 1),
    ("query ($n: Int) { products(first: $n) { nodes { id } totalCount } }", 2),
    ("query ($n: Int) { products(first: $n) { nodes { variants { sku } } } }", 2),
    (
        "query ($n: Int) { products(first: $n, sort: CREATED_AT_ASC) "
        "{ nodes { variants { sku } categories { id } category { children { nodes { id }}} } } }",
        4,
    ),
    (
        "query ($n: Int) { categories(first: $n, sort: [CREATED_AT_ASC]) "
        "{ nodes { products(first: 3) { nodes { variants { sku } } totalCount } } } }",
        4,
    ),
    ("query ($n: Int) { tags(first: $n) { nodes { slug productCount } } products(first: $n) { nodes { id } } }", 2),
]


@pytest.mark.parametrize(("text", "expected"), STATEMENTS)
async def test_the_number_of_statements_depends_on_the_levels_not_on_the_rows(
    app: TradepostApp, text: str, expected: int
) -> None:
    for rows in (1, 5, 40):
        assert await count_statements(app, text, {"n": rows} if "$n" in text else None) == expected


async def test_nodes_runs_one_statement_per_type_and_relation(app: TradepostApp, client: httpx.AsyncClient) -> None:
    data = await query_data(client, "{ products(first: 20) { nodes { id } } categories(first: 10) { nodes { id } } }")
    ids = [node["id"] for connection in data.values() for node in connection["nodes"]]
    text = (
        "query ($ids: [ID!]!) { nodes(ids: $ids) "
        "{ id ... on Product { name variants(first: 2) { sku } } ... on Category { name } } }"
    )
    assert await count_statements(app, text, {"ids": ids[:1]}) == 2
    assert await count_statements(app, text, {"ids": ids}) == 3


async def test_aliases_rename_and_do_not_merge(client: httpx.AsyncClient) -> None:
    data = await query_data(
        client, "{ a: products(first: 1) { x: nodes { k: id id } } b: products(first: 2) { nodes { id } } }"
    )
    assert data["a"]["x"][0]["k"] == data["a"]["x"][0]["id"] == data["b"]["nodes"][0]["id"]
    assert len(data["b"]["nodes"]) == 2


async def test_variables_are_coerced_as_the_specification_says(client: httpx.AsyncClient) -> None:
    query = (
        "query ($n: Int = 2, $s: [ProductSort!], $f: ProductFilter, $g: BigInt) "
        "{ products(first: $n, sort: $s, filter: $f) { nodes { id } } "
        "b: products(filter: {priceGte: $g}, first: 1) { nodes { id } } }"
    )
    assert len((await query_data(client, query))["products"]["nodes"]) == 2
    assert len((await query_data(client, query, n=None))["products"]["nodes"]) == 20
    coerced = {"n": 3.0, "s": "NAME_ASC", "f": {"status": "ACTIVE"}, "g": 5000000000, "more": "ignored"}
    assert len((await query_data(client, query, **coerced))["products"]["nodes"]) == 3
    for wrong in (
        {"n": "3"},
        {"n": True},
        {"n": 2**31},
        {"s": ["NOTHING"]},
        {"f": {"status": "active"}},
        {"g": 1.5},
        {"g": 2**63},
    ):
        assert (await query_errors(client, query, **wrong))[0]["extensions"]["code"] == "invalid_variables", wrong


async def test_every_invalid_variable_has_its_own_error(client: httpx.AsyncClient) -> None:
    errors = await query_errors(
        client, "query ($a: Int!, $b: Int!) { products(first: $a, last: $b) { nodes { id } } }", a="x"
    )
    assert len(errors) == 2


async def test_a_missing_or_hidden_object_is_null(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    data = await query_data(staff, 'mutation { productCreate(input: {name: "A draft to hide"}) { id slug status } }')
    draft = data["productCreate"]
    assert draft["status"] == "DRAFT"
    query = "query ($id: ID, $slug: String) { product(id: $id, slug: $slug) { id } }"
    for variables in ({"id": draft["id"]}, {"slug": draft["slug"]}, {"id": "no-uuid"}, {"slug": "there-is-none"}):
        assert await query_data(client, query, **variables) == {"product": None}
    assert (await query_data(staff, query, id=draft["id"]))["product"]["id"] == draft["id"]
    assert await query_data(
        client, "query ($id: ID!) { productVariants(productId: $id) { nodes { id } } }", id=draft["id"]
    ) == {"productVariants": None}


async def test_an_error_has_the_path_and_location_of_its_field(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/graphql", json={"query": "{ a: product { id } b: products(first: 1) { nodes { id } } }"}
    )
    body = answer.json()
    assert body["data"]["a"] is None
    assert len(body["data"]["b"]["nodes"]) == 1
    error = body["errors"][0]
    assert error["path"] == ["a"]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"]["errors"][0]["parameter"] == "id"


async def test_an_error_of_a_non_null_root_field_makes_data_null(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/graphql", json={"query": "{ a: product { id } products(first: 0) { nodes { id } } tags { nodes { id } } }"}
    )
    assert answer.json()["data"] is None
    assert {tuple(e["path"]) for e in answer.json()["errors"]} == {("a",), ("products",)}


async def test_a_member_that_needs_a_permission_is_refused_without_it(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    query = "{ products(first: 1) { nodes { id source } } }"
    assert (await query_errors(client, query))[0]["extensions"]["code"] == "unauthenticated"
    assert "source" in (await query_data(staff, query))["products"]["nodes"][0]


async def test_errors_name_arguments_in_camel_case(client: httpx.AsyncClient) -> None:
    error = (await query_errors(client, '{ products(filter: {createdAtGte: "yesterday"}) { nodes { id } } }'))[0]
    assert error["extensions"]["code"] == "invalid_parameter"
    assert error["extensions"]["errors"][0]["parameter"] == "createdAtGte"
    assert "createdAtGte" in error["message"]


async def test_errors_name_sort_keys_as_enum_values(client: httpx.AsyncClient) -> None:
    message = (await query_errors(client, "{ products(sort: [NAME_ASC, NAME_DESC]) { nodes { id } } }"))[0]["message"]
    assert message.startswith("`NAME_DESC` is given twice. Allowed: CREATED_AT_ASC, CREATED_AT_DESC, ")


async def test_an_unexpected_error_is_logged_and_not_shown(
    app: TradepostApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(app.state.database.reads, "page", broken)
    with caplog.at_level(logging.ERROR, "tradepost.graphql"):
        answer = await execute_by_plan(app, "{ tags { nodes { slug } } __typename }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "internal"
    assert answer["errors"][0]["extensions"]["request_id"] == "a-test"
    assert "1234" not in str(answer)
    assert "1234" in caplog.text


async def test_a_selection_that_is_too_deep_is_refused(client: httpx.AsyncClient) -> None:
    for root in ('category(slug: "x")', 'node(id: "x") { ... on Category'):
        text = "{ " + root + " { parent" * 11 + " { id }" + " }" * 11 + (" }" if "node" in root else "") + " }"

        answer = await client.post("/graphql", json={"query": text})
        assert answer.status_code == 400, text
        assert answer.json()["errors"][0]["extensions"]["code"] == "too_deep"


async def test_parsed_documents_are_cached_and_evicted_one_by_one(
    app: TradepostApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, context = executor_of(app), context_of(app)
    first = executor.prepare(RequestParameters("{ tags { nodes { slug } } }"), context)
    assert executor.prepare(RequestParameters("{ tags { nodes { slug } } }"), context).operation is first.operation
    documents: LRUCache[str, Document] = LRUCache("documents", 2 * (ENTRY_OVERHEAD + 1), lambda text, document: 1)
    monkeypatch.setattr(executor, "documents", documents)
    for text in ("{ a: __typename }", "{ b: __typename }", "{ a: __typename }", "{ c: __typename }"):
        executor.prepare(RequestParameters(text), context)
    assert list(documents.entries) == ["{ a: __typename }", "{ c: __typename }"]
    assert documents.misses == 3


async def test_an_invalid_document_is_not_cached(app: TradepostApp) -> None:
    executor, context = executor_of(app), context_of(app)
    before = len(executor.documents.entries)
    with pytest.raises(RequestError):
        executor.prepare(RequestParameters("{ nothing }"), context)
    assert len(executor.documents.entries) == before


async def test_a_cached_document_is_authorized_for_each_caller(app: TradepostApp) -> None:
    text = "{ products(first: 1) { nodes { id source } } }"
    assert "errors" not in await execute_by_plan(app, text, None, EDITOR)
    assert (await execute_by_plan(app, text))["errors"][0]["extensions"]["code"] == "unauthenticated"
    assert "errors" not in await execute_by_plan(app, text, None, EDITOR)


async def test_available_actions_are_the_mutations_that_the_caller_may_run(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    query = "{ products(first: 1) { nodes { availableActions } } }"
    assert (await query_data(client, query))["products"]["nodes"] == [{"availableActions": []}]
    actions: list[Json] = (await query_data(staff, query))["products"]["nodes"]
    assert set(actions[0]["availableActions"]) >= {"productUpdate", "productDelete"}
