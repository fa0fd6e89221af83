"""Ways into the door for its tests: over HTTP, and straight to the executor."""

import json
from functools import cache
from typing import Any

import httpx
from graphql import GraphQLSchema

from tradepost.app import TradepostApp, instances_of, load_modules
from tradepost.doors.graphql import GraphQLDoor, RootField
from tradepost.doors.graphql.execution.executor import Executor, RequestParameters
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.operations.registry import Registry
from tradepost.kit.writes.call_context import CallContext

EDITOR = Caller(id="key-of-the-tests", role="staff", permissions=frozenset({"catalog:write", "stock:read"}))

type Json = dict[str, Any]


@cache
def door() -> GraphQLDoor:
    """A door of all rooms over no database."""
    return GraphQLDoor(
        Registry.collect(load_modules("resource", "service")), instances_of(RootField, load_modules("graphql"))
    )


def schema() -> GraphQLSchema:
    """The schema of all rooms."""
    return door().executor.schema


def executor_of(shop: TradepostApp) -> Executor:
    """The executor behind a shop's door."""
    return shop.state.graphql.executor


def context_of(shop: TradepostApp, caller: Caller = ANONYMOUS) -> CallContext:
    """A call's surroundings."""
    return CallContext(caller, shop.state.database, "a-test")


async def by_plan(shop: TradepostApp, text: str, variables: Json | None = None, caller: Caller = ANONYMOUS) -> Json:
    """The answer of the plan executor."""
    executor, context = executor_of(shop), context_of(shop, caller)
    ready = executor.prepare(RequestParameters(text, variables), context)
    assert ready.roots is not None, "this document has no plan"
    return json.loads(await executor.execute(ready, context) + b"}")


async def by_reference(
    shop: TradepostApp, text: str, variables: Json | None = None, caller: Caller = ANONYMOUS
) -> Json:
    """The answer of graphql-core."""
    executor, context = executor_of(shop), context_of(shop, caller)
    return json.loads(await executor.fallback(executor.prepare(RequestParameters(text, variables), context), context))


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Json:
    """The data of an answer without errors."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "errors" not in body, body["errors"]
    return body["data"]


async def errors_of(client: httpx.AsyncClient, query: str, **variables: Any) -> list[Json]:
    """The errors of an answer."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    return answer.json()["errors"]


async def statements(shop: TradepostApp, text: str, variables: Json | None = None, caller: Caller = ANONYMOUS) -> int:
    """How many SQL statements a document takes, once its plans are known."""
    await by_plan(shop, text, variables, caller)
    shop.state.cache.clear()
    before = shop.state.database.reader.count
    await by_plan(shop, text, variables, caller)
    return shop.state.database.reader.count - before
