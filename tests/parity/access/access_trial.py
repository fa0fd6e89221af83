"""One cell of the access table: one operation by one caller, at both doors and in the service."""

import json
from dataclasses import replace
from typing import Any

import msgspec

from tests.parity.access.table import CALLERS, Outcome, Place
from tests.parity.case import Webhook, new_mark
from tests.parity.cases import FIRST_INPUTS, one_field
from tests.parity.door_writer import DELETED, DoorWriter
from tests.parity.fields import camel
from tests.parity.harness import ApiClient, DualDoorApp, Json, client_with_role, new_guest
from tests.parity.prepared_writes import PreparedWrite, new_owner, prepare_for
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import Problem
from tradepost.kit.query.records import Batch, Page
from tradepost.kit.rate_limit.meter import unlimited_meter
from tradepost.kit.resource.list_arguments import parse_list_query
from tradepost.kit.resource.resource import EmbeddedValue, Resource, Result
from tradepost.kit.resource.selection import Field, FieldSet, Selection
from tradepost.kit.schema.patch import MergePatch
from tradepost.kit.schema.validation import validate
from tradepost.kit.writes.call_context import CallContext

OUTCOMES = {"unauthenticated": Outcome.UNKNOWN, "forbidden": Outcome.FORBIDDEN, "not_found": Outcome.HIDDEN}


def select_field(name: str) -> Selection[Any]:
    """Return the selection of one member."""
    return Selection(FieldSet((Field(name),)))


ONLY_ID = select_field("id")


async def client_for(harness: DualDoorApp, caller: str) -> ApiClient:
    """Return a new caller of a kind."""
    kind = CALLERS[caller]
    if kind.has_cart:
        return new_guest(harness.app)
    return await client_with_role(harness, kind.role, None if kind.scopes is None else list(kind.scopes))


async def context_of(harness: DualDoorApp, client: ApiClient) -> CallContext:
    """Return the context of a call of a service by this caller, without a door."""
    state = harness.app.state
    caller = await state.credentials.identify(client.credential) if client.credential else ANONYMOUS
    identity = harness.app.pipeline.cart_identity
    if client.cart_token and identity is not None:
        caller = await identity.identify(caller, client.cart_token.encode(), "", unlimited_meter())
    return CallContext(caller, state.database, "access-table", door="test", dependencies=state.dependencies)


class SpareRows:
    """One row and body per write, for the calls that do not change it: those that are refused."""

    def __init__(self, harness: DualDoorApp) -> None:
        self.harness, self.prepared = harness, dict[str, PreparedWrite]()

    async def prepare(self, operation: str, client: ApiClient) -> PreparedWrite:
        """Return a call of a write by this caller, to whom the row does not belong."""
        if operation not in self.prepared:
            valid, mark, nobody = FIRST_INPUTS[operation], new_mark(), self.harness.anonymous
            owner = await new_owner(self.harness, valid.write, mark)
            self.prepared[operation] = await prepare_for(self.harness, valid, nobody, owner, mark)
        prepared = self.prepared[operation]
        token = prepared.caller.cart_token
        return replace(prepared, caller=client.with_cart_token(self.harness.app, token) if token else client)


class AccessTrial:
    """One operation, called by one kind of caller in each of the three ways."""

    def __init__(self, harness: DualDoorApp, operation: str, kind: str, client: ApiClient) -> None:
        self.harness, self.operation, self.kind, self.client = harness, harness.operation(operation), kind, client

    async def read(self, place: Place) -> dict[str, Outcome]:
        """Return the outcome of a read, by the way of the call."""
        if not isinstance(self.operation.result, Resource):
            return await self.read_value(self.operation.result, place)
        return {
            "service": await self.served(self.service_read(place)),
            "rest": await self.rest_read(place),
            "graphql": await self.graphql_read(place),
        }

    async def read_value(self, result: Result[Any], place: Place) -> dict[str, Outcome]:
        """Return the same of a result without a table. One of its members is selected."""
        member = next(n for n, m in result.members.items() if not isinstance(m, EmbeddedValue))
        keys = [place.key] if place.key else []
        inputs = [validate(input_type(self.operation), dict(place.body))] if self.operation.input else []
        called = self.called(*keys, *inputs, select_field(member))
        request: Json = {"params": {"fields": member}} | ({"json": place.body} if self.operation.input else {})
        name = self.operation.name
        path = self.harness.path(name, place.key)
        answer = await self.client.rest(self.harness.method(name), path, **request)
        assert answer.status_code != 200 or list(answer.json()) == [member]
        values = self.harness.key_arguments(name, place.key) | {camel(n): v for n, v in place.body.items()}
        arguments = ", ".join([f"{n}: {json.dumps(v)}" for n, v in values.items()])
        field = self.harness.root(self.operation.name).name + (f"({arguments})" if arguments else "")
        document = await self.client.post(f"{{ it: {field} {{ {camel(member)} }} }}")
        return {
            "service": await self.served(self.answered(called)),
            "rest": Outcome.ALLOWED if answer.status_code == 200 else OUTCOMES[answer.json()["code"]],
            "graphql": value_outcome(document),
        }

    async def called(self, *arguments: Any) -> Any:
        """Call the operation. That of a read is refused before it is awaited."""
        return await (await self.method())(*arguments)

    async def answered(self, call: Any) -> Outcome:
        """Assert that a call of a service returns an answer."""
        assert (await call).body is not None
        return Outcome.ALLOWED

    async def write(self, spare: SpareRows | None = None) -> dict[str, Outcome]:
        """Return the outcome of a write, by the way of the call. Each call has a row of its own.

        spare: rows for calls that are refused.
        """
        if (webhook := FIRST_INPUTS[self.operation.name].write.webhook) is not None:
            return await self.write_webhook(webhook())
        if self.operation.exclusive_to:
            return await self.write_form()
        outcomes: dict[str, Outcome] = {}
        for way in ("service", "rest", "graphql"):
            prepared = await self.prepared(spare)
            if way == "service":
                outcomes[way] = await self.served(self.service_write(prepared))
                continue
            writer = DoorWriter(self.harness, prepared.caller, self.operation.name)
            outcome = await writer.write(way, one_field(self.operation.name), prepared.keys, prepared.body)
            if self.operation.kind == "batch" and isinstance(outcome, dict):
                assert [item["status"] for item in outcome["results"]] == self.batch_statuses, outcome
            assert outcome == DELETED or isinstance(outcome, (dict, tuple))
            outcomes[way] = OUTCOMES[outcome[0]] if isinstance(outcome, tuple) else Outcome.ALLOWED
        return outcomes

    async def write_form(self) -> dict[str, Outcome]:
        """Return the same of a write that REST alone has and that takes a form (RFC 6749, 4.3.2).

        The form identifies the caller, so REST is called without another credential.
        """
        assert self.operation.exclusive_to == "rest"
        prepared = await self.prepared()
        assert prepared.body is not None
        selection = select_field(one_field(self.operation.name))
        called = self.called(validate(input_type(self.operation), prepared.body), selection)
        path = self.harness.path(self.operation.name)
        answer = await self.harness.anonymous.rest("POST", path, data=prepared.body)
        return {
            "service": await self.served(self.answered(called)),
            "rest": Outcome.ALLOWED if answer.status_code == 200 else Outcome.FORBIDDEN,
        }

    async def write_webhook(self, webhook: Webhook) -> dict[str, Outcome]:
        """Return the same of a webhook, which REST alone has."""
        name = self.operation.name
        called = self.called(webhook.key, webhook.body, webhook.headers, select_field(one_field(name)))
        path = self.harness.path(name, webhook.key)
        answer = await self.client.rest("POST", path, content=webhook.body, headers=dict(webhook.headers))
        return {
            "service": await self.served(self.answered(called)),
            "rest": Outcome.ALLOWED if answer.status_code == 200 else OUTCOMES[answer.json()["code"]],
        }

    @property
    def batch_statuses(self) -> list[int]:
        """The statuses of the items of the batch that is sent."""
        return list(FIRST_INPUTS[self.operation.name].batch_statuses)

    async def prepared(self, spare: SpareRows | None = None) -> PreparedWrite:
        """Prepare a row and a body. The row belongs to the caller if that is the customer or guest.

        Writes of users may end the caller's session, so each call has a caller of its own, except
        those of `spare` rows.
        """
        valid, mark = FIRST_INPUTS[self.operation.name], new_mark()
        is_owner = self.kind == "customer" and valid.write.role == "customer"
        if spare is not None and not is_owner:
            return await spare.prepare(self.operation.name, self.client)
        if valid.write.role != "staff":
            self.client = await client_for(self.harness, self.kind)
        owner = self.client.user if is_owner else await new_owner(self.harness, valid.write, mark)
        for_guest = self.kind == "guest" and valid.write.for_guests
        prepared = await prepare_for(self.harness, valid, self.client, owner, mark, for_guest=for_guest)
        self.client = prepared.caller
        return prepared

    async def rest_read(self, place: Place) -> Outcome:
        params = {"fields": "id"} | (dict([place.filter]) if place.filter else {})
        answer = await self.client.rest("GET", self.harness.path(self.operation.name, place.key), params=params)
        if answer.status_code != 200:
            return OUTCOMES[answer.json()["code"]]
        rows = answer.json()["data"] if self.operation.kind == "list" else [answer.json()]
        return visibility([row["id"] for row in rows], place)

    async def graphql_read(self, place: Place) -> Outcome:
        field, is_list = self.harness.root(self.operation.name), self.operation.kind == "list"
        keys = self.harness.key_arguments(self.operation.name, place.key)
        arguments = [f'{name}: "{value}"' for name, value in keys.items()]
        arguments += [f'filter: {{{camel(place.filter[0])}: "{place.filter[1]}"}}'] if place.filter else []
        call = f"{field.name}({', '.join(arguments)})" if arguments else field.name
        document = await self.client.post(f"{{ it: {call} {'{ nodes { id } }' if is_list else '{ id }'} }}")
        if "errors" in document:
            assert not (document["data"] or {}).get("it")
            return OUTCOMES[document["errors"][0]["extensions"]["code"]]
        value = document["data"]["it"]
        rows = [] if value is None else value["nodes"] if is_list else [value]
        return visibility([row["id"] for row in rows], place)

    async def service_read(self, place: Place) -> Outcome:
        key, permissions = [place.key] if place.key else [], CALLERS[self.kind].permissions
        method = await self.method()
        if self.operation.kind == "get":
            return visibility([(await method(*key, ONLY_ID)).id], place)
        arguments = {"filter": dict([place.filter])} if place.filter else {}
        list_query = parse_list_query(self.operation.resource, arguments, permissions)
        page: Page[Any] = await method(*key, list_query, ONLY_ID)
        return visibility([record["id"] for record in page_rows(page)], place)

    async def service_write(self, prepared: PreparedWrite) -> Outcome:
        selection = select_field(one_field(self.operation.name))
        values: Json = {"expected": None, "atomic": True, "selection": selection}
        values |= dict(zip(self.operation.path_parameters, prepared.keys, strict=True))
        if self.operation.kind == "update":
            values["patch"] = MergePatch(prepared.body or {})
        names = [n for n in self.operation.signature.parameters if n != "self"]
        for name in [n for n in names if n not in values]:
            # The only other parameter is the body.
            values[name] = validate(input_type(self.operation), prepared.body)
        answer = await (await self.method())(*[values[n] for n in names])
        assert not isinstance(answer, Batch) or [item.status for item in answer.items] == self.batch_statuses
        return Outcome.ALLOWED

    async def method(self) -> Any:
        """Return the operation on a service of this caller."""
        service = self.operation.service(await context_of(self.harness, self.client))
        if self.operation.requires_idempotency_key:
            service.context.idempotency.key = f"long-enough-for-anybody-{new_mark()}"
        return self.operation.__get__(service, self.operation.service)

    async def served(self, call: Any) -> Outcome:
        """Return the outcome of a call of a service."""
        try:
            return await call
        except Problem as problem:
            return OUTCOMES[problem.code]


def visibility(ids: list[str], place: Place) -> Outcome:
    """Return ALLOWED if the row is among those returned, else HIDDEN."""
    return Outcome.ALLOWED if place.seeks in ids else Outcome.HIDDEN


def value_outcome(document: Json) -> Outcome:
    """Return the outcome of a read of a result without a table: null if its row is hidden."""
    if "errors" in document:
        return OUTCOMES[document["errors"][0]["extensions"]["code"]]
    return Outcome.HIDDEN if document["data"]["it"] is None else Outcome.ALLOWED


def input_type(operation: Operation[Any, ..., Any]) -> type[Any]:
    """Return the type of an operation's body."""
    assert operation.input is not None
    return operation.input


def page_rows(page: Page[Any]) -> list[dict[str, Any]]:
    """Return the rows of a page."""
    return msgspec.json.decode(msgspec.json.encode(page.body))
