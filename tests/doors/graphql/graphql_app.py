"""Helpers for tests of the GraphQL door: requests over HTTP, and calls of the executor."""

import json
from functools import cache
from typing import Any

import httpx
from graphql import GraphQLSchema

from tests.doors.graphql.core_executor import execute_with_core
from tradepost.app import TradepostApp, instances_of, load_modules
from tradepost.doors.graphql import GraphQLDoor, RootField
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.graphql.execution.executor import Executor
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.operations.registry import Registry
from tradepost.kit.writes.call_context import CallContext

EDITOR = Caller(id="key-of-the-tests", role="staff", permissions=frozenset({"catalog:write", "stock:read"}))

type Json = dict[str, Any]


@cache
def graphql_door() -> GraphQLDoor:
    """The GraphQL door with all areas and no database."""
    return GraphQLDoor(
        Registry.collect(load_modules("resource", "service")), instances_of(RootField, load_modules("graphql"))
    )


def schema() -> GraphQLSchema:
    """The schema of all areas."""
    return graphql_door().executor.schema


def executor_of(shop: TradepostApp) -> Executor:
    """Return the executor of an app."""
    return shop.state.graphql.executor


def context_of(shop: TradepostApp, caller: Caller = ANONYMOUS) -> CallContext:
    """Return a new call context."""
    return CallContext(caller, shop.state.database, "a-test")


async def execute_by_plan(
    shop: TradepostApp, text: str, variables: Json | None = None, caller: Caller = ANONYMOUS
) -> Json:
    """Return the response of the plan executor."""
    executor, context = executor_of(shop), context_of(shop, caller)
    ready = executor.prepare(RequestParameters(text, variables), context)
    return json.loads(await executor.execute(ready, context) + b"}")


async def execute_by_core(
    shop: TradepostApp, text: str, variables: Json | None = None, caller: Caller = ANONYMOUS
) -> Json:
    """Return the response of graphql-core."""
    executor, context = executor_of(shop), context_of(shop, caller)
    ast = executor.find_document(text, context.request_id, with_suggestions=True).parsed.ast
    return json.loads(await execute_with_core(executor, ast, RequestParameters(text, variables), context))


async def query_data(client: httpx.AsyncClient, query: str, **variables: Any) -> Json:
    """Return the data of a response, which must have no errors."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "errors" not in body, body["errors"]
    return body["data"]


async def query_errors(client: httpx.AsyncClient, query: str, **variables: Any) -> list[Json]:
    """Return the errors of a response."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    return answer.json()["errors"]


async def count_statements(
    shop: TradepostApp, text: str, variables: Json | None = None, caller: Caller = ANONYMOUS
) -> int:
    """Return the number of SQL statements of a document whose plans are cached."""
    await execute_by_plan(shop, text, variables, caller)
    shop.state.cache.clear()
    before = shop.state.database.reader.statement_count
    await execute_by_plan(shop, text, variables, caller)
    return shop.state.database.reader.statement_count - before
