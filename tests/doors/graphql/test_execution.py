"""Execution: one call and one statement per level, faults at their fields, nothing leaked, bounded caches."""

import logging
from typing import Any

import httpx
import pytest

from tests.doors.graphql.house import EDITOR, Json, ask, by_plan, context_of, errors_of, executor_of, statements
from tradepost.app import TradepostApp
from tradepost.doors.graphql.documents.document import Document
from tradepost.doors.graphql.execution.executor import RequestParameters
from tradepost.doors.graphql.problems import RequestError
from tradepost.kit.lru import LRUCache

STATEMENTS = [
    ("{ product(slug: \"x\") { id } }", 1),
    ("query ($n: Int) { products(first: $n) { nodes { id name status } pageInfo { hasNextPage endCursor } } }", 1),
    ("query ($n: Int) { products(first: $n) { nodes { id category { name parent { name } } } } }", 1),
    ("query ($n: Int) { products(first: $n) { nodes { id } totalCount } }", 2),
    ("query ($n: Int) { products(first: $n) { nodes { variants { sku } } } }", 2),
    ("query ($n: Int) { products(first: $n, sort: CREATED_AT_ASC) { nodes { variants { sku } categories { id } category { children { nodes { id }}} } } }", 4),
    ("query ($n: Int) { categories(first: $n, sort: [CREATED_AT_ASC]) { nodes { products(first: 3) { nodes { variants { sku } } totalCount } } } }", 4),
    ("query ($n: Int) { tags(first: $n) { nodes { slug productCount } } products(first: $n) { nodes { id } } }", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STATEMENTS)
async def test_the_number_of_statements_is_that_of_the_levels_not_of_the_rows(
    app: TradepostApp, text: str, expected: int
) -> None:
    for rows in (1, 5, 40):
        assert await statements(app, text, {"n": rows} if "$n" in text else None) == expected


async def test_nodes_take_as_many_statements_as_there_are_kinds(app: TradepostApp, client: httpx.AsyncClient) -> None:
    found = await ask(client, "{ products(first: 20) { nodes { id } } categories(first: 10) { nodes { id } } }")
    ids = [n["id"] for kind in found.values() for n in kind["nodes"]]
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Product { name variants(first: 2) { sku } } ... on Category { name } } }"
    assert await statements(app, text, {"ids": ids[:1]}) == 2
    assert await statements(app, text, {"ids": ids}) == 3


async def test_aliases_rename_and_do_not_merge(client: httpx.AsyncClient) -> None:
    data = await ask(
        client, "{ a: products(first: 1) { x: nodes { k: id id } } b: products(first: 2) { nodes { id } } }"
    )
    assert data["a"]["x"][0]["k"] == data["a"]["x"][0]["id"] == data["b"]["nodes"][0]["id"]
    assert len(data["b"]["nodes"]) == 2


async def test_variables_are_coerced_as_the_specification_says(client: httpx.AsyncClient) -> None:
    query = "query ($n: Int = 2, $s: [ProductSort!], $f: ProductFilter, $g: BigInt) { products(first: $n, sort: $s, filter: $f) { nodes { id } } "
    query += "b: products(filter: {priceGte: $g}, first: 1) { nodes { id } } }"
    assert len((await ask(client, query))["products"]["nodes"]) == 2
    assert len((await ask(client, query, n=None))["products"]["nodes"]) == 20
    assert (
        len(
            (await ask(client, query, n=3.0, s="NAME_ASC", f={"status": "ACTIVE"}, g=5000000000, more="ignored"))[
                "products"
            ]["nodes"]
        )
        == 3
    )
    for wrong in (
        {"n": "3"},
        {"n": True},
        {"n": 2**31},
        {"s": ["NOTHING"]},
        {"f": {"status": "active"}},
        {"g": 1.5},
        {"g": 2**63},
    ):
        assert (await errors_of(client, query, **wrong))[0]["extensions"]["code"] == "invalid_variables", wrong


async def test_all_faults_of_the_variables_are_named(client: httpx.AsyncClient) -> None:
    found = await errors_of(
        client, "query ($a: Int!, $b: Int!) { products(first: $a, last: $b) { nodes { id } } }", a="x"
    )
    assert len(found) == 2


async def test_a_query_for_one_thing_that_is_missing_or_hidden_is_null(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    made = await ask(staff, 'mutation { productCreate(input: {name: "A draft to hide"}) { id slug status } }')
    draft = made["productCreate"]
    assert draft["status"] == "DRAFT"
    query = "query ($id: ID, $slug: String) { product(id: $id, slug: $slug) { id } }"
    for given in ({"id": draft["id"]}, {"slug": draft["slug"]}, {"id": "no-uuid"}, {"slug": "there-is-none"}):
        assert await ask(client, query, **given) == {"product": None}
    assert (await ask(staff, query, id=draft["id"]))["product"]["id"] == draft["id"]
    assert await ask(
        client, "query ($id: ID!) { productVariants(productId: $id) { nodes { id } } }", id=draft["id"]
    ) == {"productVariants": None}


async def test_a_fault_stands_at_its_field(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/graphql", json={"query": "{ a: product { id } b: products(first: 1) { nodes { id } } }"}
    )
    body = answer.json()
    assert body["data"]["a"] is None
    assert len(body["data"]["b"]["nodes"]) == 1
    fault = body["errors"][0]
    assert fault["path"] == ["a"]
    assert fault["locations"] == [{"line": 1, "column": 3}]
    assert fault["extensions"]["errors"][0]["parameter"] == "id"


async def test_a_fault_in_a_list_that_is_never_null_wipes_the_data(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/graphql", json={"query": "{ a: product { id } products(first: 0) { nodes { id } } tags { nodes { id } } }"}
    )
    assert answer.json()["data"] is None
    assert {tuple(e["path"]) for e in answer.json()["errors"]} == {("a",), ("products",)}


async def test_members_that_need_a_permission_are_refused(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    query = "{ products(first: 1) { nodes { id source } } }"
    assert (await errors_of(client, query))[0]["extensions"]["code"] == "unauthenticated"
    assert "source" in (await ask(staff, query))["products"]["nodes"][0]


async def test_arguments_are_named_in_graphqls_spelling(client: httpx.AsyncClient) -> None:
    fault = (await errors_of(client, '{ products(filter: {createdAtGte: "yesterday"}) { nodes { id } } }'))[0]
    assert fault["extensions"]["code"] == "invalid_parameter"
    assert fault["extensions"]["errors"][0]["parameter"] == "createdAtGte"
    assert "createdAtGte" in fault["message"]


async def test_sort_keys_are_named_in_graphqls_spelling(client: httpx.AsyncClient) -> None:
    message = (await errors_of(client, "{ products(sort: [NAME_ASC, NAME_DESC]) { nodes { id } } }"))[0]["message"]
    assert message.startswith("`NAME_DESC` is given twice. Allowed: CREATED_AT_ASC, CREATED_AT_DESC, ")


async def test_what_nobody_expected_is_logged_and_not_shown(
    app: TradepostApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(app.state.database.reads, "page", broken)
    with caplog.at_level(logging.ERROR, "tradepost.graphql"):
        answer = await by_plan(app, "{ tags { nodes { slug } } __typename }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "internal"
    assert answer["errors"][0]["extensions"]["request_id"] == "a-test"
    assert "1234" not in str(answer)
    assert "1234" in caplog.text


async def test_selections_that_go_too_deep_are_refused(client: httpx.AsyncClient) -> None:
    for root in ('category(slug: "x")', 'node(id: "x") { ... on Category'):
        text = "{ " + root + " { parent" * 11 + " { id }" + " }" * 11 + (" }" if "node" in root else "") + " }"
        text = text.replace("Category { parent", "Category { parent", 1)
        answer = await client.post("/graphql", json={"query": text})
        assert answer.status_code == 400, text
        assert answer.json()["errors"][0]["extensions"]["code"] == "too_deep"


async def test_documents_are_kept_and_go_one_by_one(app: TradepostApp, monkeypatch: pytest.MonkeyPatch) -> None:
    executor, context = executor_of(app), context_of(app)
    first = executor.prepare(RequestParameters("{ tags { nodes { slug } } }"), context)
    assert executor.prepare(RequestParameters("{ tags { nodes { slug } } }"), context).operation is first.operation
    kept: LRUCache[str, Document] = LRUCache(2)
    monkeypatch.setattr(executor, "documents", kept)
    for text in ("{ a: __typename }", "{ b: __typename }", "{ a: __typename }", "{ c: __typename }"):
        executor.prepare(RequestParameters(text), context)
    assert list(kept.entries) == ["{ a: __typename }", "{ c: __typename }"]
    assert kept.misses == 3


async def test_documents_with_faults_are_not_kept(app: TradepostApp) -> None:
    executor, context = executor_of(app), context_of(app)
    before = len(executor.documents.entries)
    with pytest.raises(RequestError):
        executor.prepare(RequestParameters("{ nothing }"), context)
    assert len(executor.documents.entries) == before


async def test_what_one_caller_may_ask_another_may_not_though_the_document_is_known(app: TradepostApp) -> None:
    text = "{ products(first: 1) { nodes { id source } } }"
    assert "errors" not in await by_plan(app, text, None, EDITOR)
    assert (await by_plan(app, text))["errors"][0]["extensions"]["code"] == "unauthenticated"
    assert "errors" not in await by_plan(app, text, None, EDITOR)


async def test_actions_are_the_mutations_that_are_open(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    query = "{ products(first: 1) { nodes { availableActions } } }"
    assert (await ask(client, query))["products"]["nodes"] == [{"availableActions": []}]
    actions: list[Json] = (await ask(staff, query))["products"]["nodes"]
    assert set(actions[0]["availableActions"]) >= {"productUpdate", "productDelete"}
