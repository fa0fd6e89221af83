"""Both doors of one shop side by side, and a reader that keeps the SQL that runs through it."""

import json
import os
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, seed, settings

from tests.users import ShopUser
from tradepost.app import TradepostApp
from tradepost.areas.accounts.policy import ROLES
from tradepost.doors.rest.query_string import Query
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import Selection

type Json = dict[str, Any]
type Statements = list[tuple[str, tuple[Any, ...]]]


def hypothesis_settings(examples: int) -> Any:
    """Settings of a drawn test. PARITY_SEED=number repeats a run, PARITY_TIMES=3 draws three times as many examples."""
    times = float(os.environ.get("PARITY_TIMES", "1"))
    fixed = os.environ.get("PARITY_SEED")
    known = settings(
        max_examples=max(int(examples * times), 1),
        deadline=None,
        database=None,
        # A failure shows the request and the document, which are short; making them shorter would ask hundreds of questions more.
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    return (lambda test: seed(int(fixed))(known(test))) if fixed else known


def assert_same(mine: Any, theirs: Any) -> None:
    """Fails where two answers differ, and shows them; a report of pytest's on large trees takes minutes."""
    if mine != theirs:
        raise AssertionError(f"REST\n{mine!r}\nGraphQL\n{theirs!r}"[:4000])


# What the statements have in them that look up a caller's credential; no answer has a member of it.
CREDENTIALS = ("secret_hash", "FROM session")


class Recorder:
    """A reader that keeps every statement and its arguments, in front of the real one. Looking up a caller's credential is no part of a read."""

    def __init__(self, reader: Any) -> None:
        self.reader, self.kept = reader, list[tuple[str, tuple[Any, ...]]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    @property
    def statement_count(self) -> int:
        return self.reader.statement_count

    @statement_count.setter
    def statement_count(self, value: int) -> None:
        self.reader.statement_count = value

    def keep(self, statement: Any, arguments: list[Any]) -> None:
        if not any(mark in statement.sql for mark in CREDENTIALS):
            self.kept.append((statement.sql, tuple([str(a) if isinstance(a, list) else a for a in arguments])))

    async def fetch_one(self, statement: Any, arguments: list[Any]) -> Any:
        self.keep(statement, arguments)
        return await self.reader.fetch_one(statement, arguments)

    async def fetch_all(self, statement: Any, arguments: list[Any], inline: bool = True) -> Any:
        self.keep(statement, arguments)
        return await self.reader.fetch_all(statement, arguments, inline=inline)


@dataclass(frozen=True, repr=False)
class ApiClient:
    """One kind of caller: a client that is it, and what it may."""

    name: str
    client: httpx.AsyncClient
    permissions: frozenset[str]
    credential: str | None = None
    person: ShopUser | None = None

    async def rest(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request to the REST door."""
        return await self.client.request(method, f"/v1{path}", **more)

    async def post(self, text: str, variables: Json | None = None, headers: dict[str, str] | None = None) -> Json:
        """The answer of the GraphQL door to a document."""
        answer = await self.client.post("/graphql", json={"query": text, "variables": variables or {}}, headers=headers)
        assert answer.status_code == 200, f"{answer.text}\n{text}"
        return answer.json()

    async def data(self, text: str, variables: Json | None = None) -> Json:
        """The data of an answer without errors."""
        answer = await self.post(text, variables)
        assert "errors" not in answer, f"{answer['errors']}\n{text}\n{json.dumps(variables)}"
        return answer["data"]


@dataclass(repr=False)
class DualDoorApp:
    """A shop, its callers, and what its doors are made of."""

    app: TradepostApp
    anonymous: ApiClient
    staff: ApiClient
    customer: ApiClient
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.app.state.database.reader)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("harness")

    @property
    def registry(self) -> Registry:
        return self.app.state.registry

    @property
    def executor(self) -> Any:
        return self.app.state.graphql.executor

    @property
    def visitors(self) -> dict[str, ApiClient]:
        return {"anonymous": self.anonymous, "staff": self.staff, "customer": self.customer}

    async def recorded[T](self, call: Awaitable[T]) -> tuple[T, Statements]:
        """What a call returned, and the statements that it took; nothing was kept of an earlier one."""
        if (cache := self.app.state.cache) is not None:
            cache.clear()
        self.recorder.kept = []
        made = await call
        return made, self.recorder.kept

    def operation(self, name: str) -> Operation[Any, ..., Any]:
        """The operation of a name."""
        return self.registry.operations[name]

    def path(self, operation: str, key: str = "") -> str:
        """Where an operation is, without the version."""
        return self.app.state.rest.links[1].endpoints[operation].path.replace("{0}", key)

    def root(self, operation: str) -> Any:
        """The GraphQL field of an operation."""
        return next(f for f in self.executor.fields.values() if f.operation.name == operation)

    def rest_reads(self, operation: str, params: Json, permissions: frozenset[str]) -> Query:
        """What the REST door makes of a query string."""
        text = str(httpx.QueryParams(params)).encode()
        return self.app.state.rest.cached_query(self.operation(operation), text, permissions, 1)

    def graphql_reads(
        self, text: str, variables: Json, permissions: frozenset[str]
    ) -> tuple[Selection[Any], ListQuery]:
        """What the GraphQL door makes of a document with one root field."""
        from tradepost.doors.graphql.execution.executor import RequestParameters
        from tradepost.kit.auth.caller import Caller
        from tradepost.kit.writes.call_context import CallContext

        caller = Caller(id="a-test" if permissions else None, permissions=permissions)
        ready = self.executor.prepare(RequestParameters(text, variables), CallContext(caller, self.app.state.database))
        [root] = ready.roots
        window = getattr(root, "list_arguments", None)
        return root.selection.bind(ready.variables, permissions), window.bind(
            ready.variables, permissions
        ) if window else DEFAULT_LIST_QUERY


STAFF, CUSTOMER = ROLES["staff"], ROLES["customer"]
