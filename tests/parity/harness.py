"""Both doors of one app side by side, and a reader that records the SQL statements."""

import json
import os
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, seed, settings

from tests.figures import scaled
from tests.guests import guest_client
from tests.users import ShopUser, create_user, http_client
from tradepost.app import TradepostApp
from tradepost.areas.accounts.policy import ROLES
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.rest.query_string import Query, fields_text
from tradepost.kit.auth.caller import Caller
from tradepost.kit.auth.credential_headers import CART_TOKEN
from tradepost.kit.ids import parse_id
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

type Json = dict[str, Any]
type Statements = list[tuple[str, tuple[Any, ...]]]

STAFF, CUSTOMER = ROLES["staff"], ROLES["customer"]
UNKNOWN_ID, UNKNOWN_SLUG = "01924560-6c00-7d4b-bb5e-72fc1f750d02", "no-such-thing"
SECRET_WORD = "Vqzeltor"
"""A word in restricted members, which no answer to other callers may contain."""
# Statements that look up a caller's credential contain one of these; no other statement does.
CREDENTIAL_MARKS = ("secret_hash", "FROM session", "token_hash =")


def hypothesis_settings(examples: int) -> Any:
    """Return the settings of a drawn test: so many examples, or three times as many by torture.

    PARITY_SEED=number repeats a run; PARITY_TIMES=3 draws three times as many examples.
    """
    times = float(os.environ.get("PARITY_TIMES", "1"))
    fixed_seed = os.environ.get("PARITY_SEED")
    configured = settings(
        max_examples=max(int(scaled(3 * examples, 3) * times), 1),
        deadline=None,
        database=None,
        # A failure shows the request and the document, which are short. Shrinking would send
        # hundreds of further requests.
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    return (lambda test: seed(int(fixed_seed))(configured(test))) if fixed_seed else configured


def key_tuple(key: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the parameters of a path: none if the key is empty."""
    return key if isinstance(key, tuple) else (key,) if key else ()


def assert_same(rest: Any, graphql: Any) -> None:
    """Assert that two answers are equal. Pytest's own report on large trees takes minutes."""
    if rest != graphql:
        raise AssertionError(f"REST\n{rest!r}\nGraphQL\n{graphql!r}"[:4000])


class Recorder:
    """A reader that records every statement with its arguments, and passes it to the real reader.

    Statements that look up the caller's credential are not recorded.
    """

    def __init__(self, reader: Any) -> None:
        self.reader, self.recorded = reader, list[tuple[str, tuple[Any, ...]]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    @property
    def statement_count(self) -> int:
        return self.reader.statement_count

    @statement_count.setter
    def statement_count(self, value: int) -> None:
        self.reader.statement_count = value

    def record(self, statement: Any, arguments: list[Any]) -> None:
        """Record one statement."""
        if not any(mark in statement.sql for mark in CREDENTIAL_MARKS):
            self.recorded.append((statement.sql, tuple([str(a) if isinstance(a, list) else a for a in arguments])))

    async def fetch_one(self, statement: Any, arguments: list[Any]) -> Any:
        self.record(statement, arguments)
        return await self.reader.fetch_one(statement, arguments)

    async def fetch_all(self, statement: Any, arguments: list[Any], inline: bool = True) -> Any:
        self.record(statement, arguments)
        return await self.reader.fetch_all(statement, arguments, inline=inline)


@dataclass(frozen=True, repr=False)
class ApiClient:
    """One caller at both doors: its HTTP client, its permissions, and its user if it has one."""

    name: str
    client: httpx.AsyncClient
    permissions: frozenset[str]
    credential: str | None = None
    person: ShopUser | None = None

    @property
    def cart_token(self) -> str:
        """The token of a cart that it sends, or an empty text."""
        return self.client.headers.get(CART_TOKEN, "")

    def with_cart_token(self, app: TradepostApp, token: str) -> "ApiClient":
        """Return the same caller with the token of a cart."""
        client = http_client(app)
        client.headers.update(self.client.headers)
        client.headers[CART_TOKEN] = token
        return replace(self, client=client)

    @property
    def user(self) -> ShopUser:
        """The user of a caller that has one."""
        assert self.person is not None, f"{self.name} has no account"
        return self.person

    async def rest(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to the REST door."""
        return await self.client.request(method, f"/v1{path}", **more)

    async def post(self, text: str, variables: Json | None = None, headers: dict[str, str] | None = None) -> Json:
        """Return the GraphQL door's response to a document."""
        answer = await self.client.post("/graphql", json={"query": text, "variables": variables or {}}, headers=headers)
        assert answer.status_code == 200, f"{answer.text}\n{text}"
        return answer.json()

    async def data(self, text: str, variables: Json | None = None) -> Json:
        """Return the data of a response without errors."""
        answer = await self.post(text, variables)
        assert "errors" not in answer, f"{answer['errors']}\n{text}\n{json.dumps(variables)}"
        return answer["data"]


@dataclass(repr=False)
class DualDoorApp:
    """An app, its callers, and the parts of its doors.

    oracle_connection: the oracle's own connection to PostgreSQL, once it has opened it.
    """

    app: TradepostApp
    anonymous: ApiClient
    staff: ApiClient
    customer: ApiClient
    guest: ApiClient
    oracle_connection: Any = None
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.app.state.database.reader)

    @classmethod
    async def create(cls, app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> "DualDoorApp":
        """Create the callers: anonymous, a staff API key, a new customer and a guest."""
        person = await create_user(app)
        return cls(
            app,
            ApiClient("anonymous", client, frozenset()),
            ApiClient("staff", staff, STAFF),
            ApiClient("customer", person.client(), CUSTOMER, person.token, person),
            new_guest(app),
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("harness")

    @property
    def registry(self) -> Registry:
        return self.app.state.registry

    @property
    def executor(self) -> Any:
        return self.app.state.graphql.executor

    @property
    def endpoints(self) -> Any:
        """The REST endpoints by operation."""
        return self.app.state.rest.links[1].endpoints

    @property
    def callers(self) -> dict[str, ApiClient]:
        return {"anonymous": self.anonymous, "staff": self.staff, "customer": self.customer, "guest": self.guest}

    async def record[T](self, call: Awaitable[T]) -> tuple[T, Statements]:
        """Return the result of a call and its SQL statements. The read cache is emptied before."""
        if (cache := self.app.state.cache) is not None:
            cache.clear()
        self.recorder.recorded = []
        result = await call
        return result, self.recorder.recorded

    def operation(self, name: str) -> Operation[Any, ..., Any]:
        """Return the operation with this name."""
        return self.registry.operations[name]

    def path(self, operation: str, key: str | tuple[str, ...] = "") -> str:
        """Return the REST path of an operation, without the version."""
        return self.endpoints[operation].fill(key_tuple(key))

    def method(self, operation: str) -> str:
        """Return the HTTP method of an operation."""
        return self.endpoints[operation].method

    def key_arguments(self, operation: str, key: str | tuple[str, ...]) -> dict[str, str]:
        """Return the parameters of an operation's path as arguments of its GraphQL field."""
        names, keys = list(self.root(operation).parameters), key_tuple(key)
        second = self.operation(operation).path_resource.key_columns[-1] if keys else ""
        if second in names and second != "id" and parse_id(keys[0]) is None:
            return {second: keys[0]}
        return dict(zip(names[: len(self.operation(operation).path_parameters)], keys, strict=True))

    def root(self, operation: str) -> Any:
        """Return the GraphQL root field of an operation."""
        return next(f for f in self.executor.fields.values() if f.operation.name == operation)

    def rest_query(self, operation: str, params: Json, permissions: frozenset[str]) -> Query:
        """Return what the REST door compiles a query string to."""
        text = str(httpx.QueryParams(params)).encode()
        declared = self.operation(operation)
        selection_key = (declared.result.name, fields_text(text), permissions, 1)
        return self.app.state.rest.cached_query(declared, (declared.name, text, permissions, 1), selection_key)

    def graphql_query(
        self, text: str, variables: Json, permissions: frozenset[str]
    ) -> tuple[Selection[Any], ListQuery]:
        """Return what the GraphQL door compiles a document with one root field to."""
        prepared = self.prepare(text, variables, permissions)
        [root] = prepared.roots
        arguments = getattr(root, "list_arguments", None)
        list_query = arguments.bind(prepared.variables, permissions) if arguments else DEFAULT_LIST_QUERY
        return root.selection.bind(prepared.variables, permissions), list_query

    def prepare(self, text: str, variables: Json, permissions: frozenset[str]) -> Any:
        """Return a document prepared for a caller with these permissions."""
        caller = Caller(id="a-test" if permissions else None, permissions=permissions)
        return self.executor.prepare(RequestParameters(text, variables), CallContext(caller, self.app.state.database))


def new_guest(app: TradepostApp) -> ApiClient:
    """Return a new guest: an anonymous caller with the token of a cart that is in no table."""
    return ApiClient("guest", guest_client(app), frozenset())


async def client_with_role(
    harness: DualDoorApp, role: str, scopes: list[str] | None = None, mark: str = ""
) -> ApiClient:
    """Return a new caller: a logged-in user with this role, or an API key of one with `scopes`."""
    if role == "anonymous":
        return harness.anonymous
    person = await create_user(harness.app, role, **({"email": f"{mark}@shop.example"} if mark else {}))
    credential = person.token if scopes is None else (await person.key(scopes=scopes))["secret"]
    permissions = ROLES[role] if scopes is None else frozenset(scopes)
    return ApiClient(role, http_client(harness.app, credential), permissions, credential, person)
