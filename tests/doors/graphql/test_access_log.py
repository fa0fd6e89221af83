"""The access log names the operation, the root fields and the problems of GraphQL requests."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from tradepost.app import TradepostApp
from tradepost.doors.http.access_log import AccessLog


@pytest.fixture
async def log(app: TradepostApp) -> AsyncIterator[AccessLog]:
    """The app's access log, kept in memory."""
    log, before = AccessLog("json"), app.pipeline.access_log
    app.pipeline.access_log = log
    yield log
    app.pipeline.access_log = before


async def entries_of(log: AccessLog, client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[Any, str]:
    """Send a GraphQL request. Return its entry as JSON, and the end of its line of text."""
    await client.post("/graphql", json=body, headers={"X-Request-ID": "r1"})
    [entry] = log.entries
    written: list[bytes] = []
    log.write = written.append
    log.flush()
    text = AccessLog("text", written.append)
    text.add(msgspec.structs.replace(entry, time=1767225600.5))
    text.flush()
    as_json, as_text = written
    caller = f" r1 {entry.caller or '-'}"
    return msgspec.json.decode(as_json).get("graphql"), as_text.decode().rstrip("\n").partition(caller)[2]


LONG = "N" * 5000
CASES: list[tuple[dict[str, Any], Any, str]] = [
    (
        {"query": "query Shop { products(first: 1) { nodes { id } } it: product(slug: \"none\") { id } }"},
        {"type": "query", "operation": "Shop", "fields": ["products", "product"]},
        " query Shop {products,product}",
    ),
    ({"query": "{ __typename }"}, {"type": "query", "fields": ["__typename"]}, " query {__typename}"),
    (
        {"query": "{ a: products(first: 1) { nodes { id } } b: products(first: 1) { nodes { id } } }"},
        {"type": "query", "fields": ["products"]},
        " query {products}",
    ),
    (
        {"query": 'mutation { productDelete(id: "01924560-6c00-7d4b-bb5e-72fc1f750d02") { id } }'},
        {"type": "mutation", "fields": ["productDelete"], "codes": ["unauthenticated"]},
        " mutation {productDelete} [unauthenticated]",
    ),
    ({"query": "{ nothing }"}, {"codes": ["invalid_document"]}, " [invalid_document]"),
    ({"query": "{ products {"}, {"codes": ["invalid_document"]}, " [invalid_document]"),
    (
        {"query": "query A { __typename } query B { __typename }", "operationName": "C\n[2026] GET /forged 200"},
        {"codes": ["unknown_operation"]},
        " [unknown_operation]",
    ),
    (
        {"query": f"query {LONG} {{ products(first: 1) {{ nodes {{ id }} }} }}"},
        {"type": "query", "operation": "N" * 59 + "…", "fields": ["products"]},
        f" query {'N' * 59}… {{products}}",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "as_json", "as_text"), CASES, ids=range(len(CASES)))
async def test_a_graphql_request_is_logged_with(
    log: AccessLog, client: httpx.AsyncClient, body: dict[str, Any], as_json: Any, as_text: str
) -> None:
    assert await entries_of(log, client, body) == (as_json, as_text)


async def test_a_repeated_request_has_its_own_codes(log: AccessLog, client: httpx.AsyncClient) -> None:
    body = {"query": 'query One { product(slug: "none") { id source } }'}
    for _ in range(3):
        as_json, _ = await entries_of(log, client, body)
        assert as_json["codes"] == ["unauthenticated"]


async def test_a_rest_request_has_no_such_entry(log: AccessLog, client: httpx.AsyncClient) -> None:
    await client.get("/v1/products?limit=1")
    written: list[bytes] = []
    log.write = written.append
    log.flush()
    assert "graphql" not in msgspec.json.decode(written[0])


async def test_many_root_fields_are_cut_at_10(log: AccessLog, client: httpx.AsyncClient) -> None:
    lists = ("products", "categories", "brands", "tags")
    singles = ("product", "category", "brand", "tag")
    fields = [f"{name}(first: 1) {{ nodes {{ slug }} }}" for name in lists]
    fields += [f'{name}(slug: "none") {{ slug }}' for name in singles]
    fields += ['node(id: "x") { id }', 'nodes(ids: ["x"]) { id }', "rateLimit { limit }"]
    as_json, _ = await entries_of(log, client, {"query": f"{{ {' '.join(fields)} }}"})
    assert as_json["fields"] == [*lists, *singles, "node", "nodes"]
