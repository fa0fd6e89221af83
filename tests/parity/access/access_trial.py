"""One cell of the access table tried: through REST, through GraphQL, and at the service by a CallContext of that caller."""

import json
from typing import Any

import msgspec

from tests.factories import unique
from tests.parity.access.table import CALLERS, Outcome, Place
from tests.parity.account_write_cases import ACTS, client_with_role
from tests.parity.harness import ApiClient, DualDoorApp, Json
from tests.parity.query_rendering import camel
from tests.parity.write_cases import METHODS, ONE_MEMBER, DoorWriter, write_case
from tests.users import PASSWORD, create_user
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import Problem
from tradepost.kit.query.records import Batch, Page
from tradepost.kit.resource import list_arguments as asking
from tradepost.kit.resource.resource import EmbeddedValue, Resource, Result
from tradepost.kit.resource.selection import Field, FieldSet, Selection
from tradepost.kit.schema.patch import MergePatch
from tradepost.kit.schema.validation import validate
from tradepost.kit.writes.call_context import CallContext

OUTCOMES = {"unauthenticated": Outcome.UNKNOWN, "forbidden": Outcome.FORBIDDEN, "not_found": Outcome.HIDDEN}
ONLY_ID: Selection[Any] = Selection(FieldSet((Field("id"),)))


def id_selection(of: Operation[Any, ..., Any]) -> Selection[Any]:
    """A selection of one member."""
    return Selection(FieldSet((Field(ONE_MEMBER.get(of.result.name, "id")),)))


async def client_for(harness: DualDoorApp, caller: str) -> ApiClient:
    """A new caller of a kind."""
    kind = CALLERS[caller]
    return await client_with_role(harness, kind.role, None if kind.scopes is None else list(kind.scopes))


async def context_of(harness: DualDoorApp, visitor: ApiClient) -> CallContext:
    """The surroundings of a call by this visitor, without a door."""
    state = harness.app.state
    who = await state.credentials.identify(visitor.credential) if visitor.credential else ANONYMOUS
    return CallContext(who, state.database, "access-table", door="test", dependencies=state.dependencies)


class AccessTrial:
    """One operation, called by one kind of caller in each way."""

    def __init__(self, harness: DualDoorApp, operation: str, caller: str, visitor: ApiClient) -> None:
        self.harness, self.of, self.caller, self.visitor = harness, harness.operation(operation), caller, visitor

    async def read(self, place: Place) -> dict[str, Outcome]:
        """What comes of a read, by the way it went."""
        if not isinstance(self.of.result, Resource):
            return await self.told(self.of.result, place)
        return {
            "service": await self.served(self.service_read(place)),
            "rest": await self.rest_read(place),
            "graphql": await self.graphql_read(place),
        }

    async def told(self, of: Result[Any], place: Place) -> dict[str, Outcome]:
        """The same of an answer that no row stands behind: one member of it is asked for, which comes or does not."""
        member = next(n for n, m in of.members.items() if not isinstance(m, EmbeddedValue))
        given = [validate(shape_of(self.of), dict(place.given))] if self.of.input else []
        method = await self.method()
        found = {"service": await self.served(self.spoken(method(*given, Selection(FieldSet((Field(member),))))))}
        body = {"json": place.given} if self.of.input else {}
        answer = await self.visitor.rest(
            METHODS[self.of.kind], self.harness.path(self.of.name), params={"fields": member}, **body
        )
        found["rest"] = Outcome.ALLOWED if answer.status_code == 200 else OUTCOMES[answer.json()["code"]]
        assert answer.status_code != 200 or list(answer.json()) == [member]
        arguments = (
            f"({', '.join([f'{camel(n)}: {json.dumps(v)}' for n, v in place.given.items()])})" if place.given else ""
        )
        said = await self.visitor.post(
            f"{{ it: {self.harness.root(self.of.name).name}{arguments} {{ {camel(member)} }} }}"
        )
        found["graphql"] = OUTCOMES[said["errors"][0]["extensions"]["code"]] if "errors" in said else Outcome.ALLOWED
        return found

    async def spoken(self, call: Any) -> Outcome:
        """That a call comes to an answer."""
        assert (await call).body is not None
        return Outcome.ALLOWED

    async def write(self) -> dict[str, Outcome]:
        """The same of a write. Each way has a row of its own, and where it is about the caller's own account, a caller of its own."""
        if self.of.exclusive_to:
            return await self.granted()
        found: dict[str, Outcome] = {}
        for way in ("service", "rest", "graphql"):
            key, body = await self.prepared()
            if way == "service":
                found[way] = await self.served(self.service_write(key, body))
                continue
            door = DoorWriter(self.harness, self.visitor, self.of.name)
            name = ONE_MEMBER.get(self.of.result.name, "id")
            fields = ("id", "results { status }") if self.of.kind == "batch" else (name, camel(name))
            made = await (door.rest(fields[0], key, body) if way == "rest" else door.graphql(fields[1], key, body))
            assert (
                not isinstance(made, dict) or "results" not in made or [r["status"] for r in made["results"]] == [201]
            ), made
            found[way] = OUTCOMES[made[0]] if isinstance(made, tuple) else Outcome.ALLOWED
        return found

    async def granted(self) -> dict[str, Outcome]:
        """The same of the token endpoint, which is on one door alone: there a form says all, and no other credential is taken along."""
        assert self.of.name == "token_grant"
        form = {"grant_type": "password", "username": (await create_user(self.harness.app)).email, "password": PASSWORD}
        called = (await self.method())(validate(shape_of(self.of), form), Selection(FieldSet((Field("scope"),))))
        answer = await self.harness.anonymous.client.post("/v1/auth/token", data=form)
        return {
            "service": await self.served(self.spoken(called)),
            "rest": Outcome.ALLOWED if answer.status_code == 200 else Outcome.FORBIDDEN,
        }

    async def prepared(self) -> tuple[str, Json | None]:
        """The key of a row and a body. A row that belongs to somebody belongs to the customer: who comes as one comes as its owner."""
        if (act := ACTS.get(self.of.name)) is None:
            key, body = await write_case(self.harness, self.of.name)
            return key, None if self.of.kind == "delete" else body
        self.visitor = await client_for(self.harness, self.caller)
        mine = self.caller == "customer" and act.role == "customer"
        owner = self.visitor.person if mine else await create_user(self.harness.app, status=act.status)
        assert owner is not None
        return await act.make(owner, unique("m").replace("-", ""))

    async def rest_read(self, place: Place) -> Outcome:
        params = {"fields": "id"} | ({place.filter[0]: place.filter[1]} if place.filter else {})
        answer = await self.visitor.rest("GET", self.harness.path(self.of.name, place.key), params=params)
        if answer.status_code != 200:
            return OUTCOMES[answer.json()["code"]]
        rows = answer.json()["data"] if self.of.kind == "list" else [answer.json()]
        return visibility([row["id"] for row in rows], place)

    async def graphql_read(self, place: Place) -> Outcome:
        field, page = self.harness.root(self.of.name), self.of.kind == "list"
        given = [f'{next(iter(field.parameters))}: "{place.key}"'] if place.key else []
        given += [f'filter: {{{camel(place.filter[0])}: "{place.filter[1]}"}}'] if place.filter else []
        arguments = f"({', '.join(given)})" if given else ""
        answer = await self.visitor.post(
            f"{{ it: {field.name}{arguments} {'{ nodes { id } }' if page else '{ id }'} }}"
        )
        if "errors" in answer:
            assert not (answer["data"] or {}).get("it")
            return OUTCOMES[answer["errors"][0]["extensions"]["code"]]
        found = answer["data"]["it"]
        rows = [] if found is None else found["nodes"] if page else [found]
        return visibility([row["id"] for row in rows], place)

    async def service_read(self, place: Place) -> Outcome:
        key, permissions = [place.key] if place.key else [], CALLERS[self.caller].permissions
        method = await self.method()
        if self.of.kind == "get":
            return visibility([(await method(*key, ONLY_ID)).id], place)
        window = asking.parse_list_query(
            self.of.result, {"filter": dict([place.filter])} if place.filter else {}, permissions
        )
        page: Page[Any] = await method(*key, window, ONLY_ID)
        return visibility([record["id"] for record in page_rows(page)], place)

    async def service_write(self, key: str, body: Json | None) -> Outcome:
        given: Json = {"key": key, "expected": None, "atomic": True, "selection": id_selection(self.of)}
        if self.of.kind == "update":
            given["patch"] = MergePatch(body)
        names = [n for n in self.of.signature.parameters if n != "self"]
        for name in [n for n in names if n not in given]:
            # What is left is the row that it begins at, or the body.
            given[name] = key if name.endswith("key") or name == "product" else validate(shape_of(self.of), body)
        made = await (await self.method())(*[given[n] for n in names])
        assert not isinstance(made, Batch) or [item.status for item in made.items] == [201]
        return Outcome.ALLOWED

    async def method(self) -> Any:
        """The operation on a service of this caller."""
        service = self.of.service(await context_of(self.harness, self.visitor))
        return self.of.__get__(service, self.of.service)

    async def served(self, call: Any) -> Outcome:
        """What a call of a service comes to."""
        try:
            return await call
        except Problem as problem:
            return OUTCOMES[problem.code]


def visibility(ids: list[str], place: Place) -> Outcome:
    """Whether the row was among those that came."""
    return Outcome.ALLOWED if place.seeks in ids else Outcome.HIDDEN


def shape_of(of: Operation[Any, ..., Any]) -> type[Any]:
    """The shape of an operation's body."""
    assert of.input is not None
    return of.input


def page_rows(page: Page[Any]) -> list[dict[str, Any]]:
    """The rows of a page; without a door they are all that it has."""
    return msgspec.json.decode(msgspec.json.encode(page.body))
