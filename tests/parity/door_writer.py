"""One write at one door, and its outcome in a form that both doors share."""

from typing import Any

import msgspec
from sqlalchemy import select

from tests.factories import unique
from tests.parity.case import Keys
from tests.parity.fields import camel, graphql_fields, graphql_input, mask, problem_summary
from tests.parity.harness import ApiClient, DualDoorApp, Json
from tradepost.kit.ids import parse_id
from tradepost.kit.writes.outbox import OutboxEvent

METHODS = {"get": "GET", "list": "GET", "replace": "PUT", "update": "PATCH", "delete": "DELETE"} | dict.fromkeys(
    ("create", "batch", "query", "command"), "POST"
)
DELETED = "deleted"
"""The outcome of a write that REST answers with 204."""


class DoorWriter:
    """Calls one write operation, by either door.

    `fields` are always those of REST; a batch selects them of the rows in its results.
    headers: sent with every request. A write that requires an idempotency key gets a new one.
    """

    def __init__(self, harness: DualDoorApp, caller: ApiClient, operation: str) -> None:
        self.harness, self.caller, self.operation = harness, caller, harness.operation(operation)
        self.headers = dict[str, str]()

    async def write(self, door: str, fields: str, key: Keys = "", body: Any = None, **more: Any) -> Any:
        """Call the operation by the door `rest` or `graphql` and return its outcome."""
        return await (self.rest if door == "rest" else self.graphql)(fields, key, body, **more)

    def request_headers(self) -> dict[str, str]:
        """Return the headers of one request."""
        required = {"Idempotency-Key": unique("required")} if self.operation.requires_idempotency_key else {}
        return required | self.headers

    async def rest(
        self, fields: str, key: Keys = "", body: Any = None, version: int | None = None, json_patch: Any = None
    ) -> Any:
        """Call the operation by REST and return a body, the summary of a problem, or DELETED."""
        method, path, request = self.rest_request(fields, key, body, version, json_patch)
        answer = await self.caller.rest(method, path, **request)
        if answer.status_code == 204:
            return DELETED
        if answer.headers["content-type"] == "application/problem+json":
            return problem_summary(answer.json())
        return answer.json()

    def rest_request(
        self, fields: str, key: Keys = "", body: Any = None, version: int | None = None, json_patch: Any = None
    ) -> tuple[str, str, Json]:
        """Return the method, the path and the rest of the request."""
        headers = self.request_headers() | ({"If-Match": f'"{version}.x"'} if version is not None else {})
        headers["Content-Type"] = "application/json" if json_patch is None else "application/json-patch+json"
        sent = body if json_patch is None else json_patch
        content = None if sent is None else msgspec.json.encode(sent)
        params = {"fields": fields} if fields and self.operation.status != 204 else {}
        path = self.harness.path(self.operation.name, key)
        return (
            self.harness.method(self.operation.name),
            path,
            {"params": params, "content": content, "headers": headers},
        )

    async def graphql(
        self, fields: str, key: Keys = "", body: Any = None, version: int | None = None, json_patch: Any = None
    ) -> Any:
        """Call the operation by GraphQL and return its outcome, as `rest` does."""
        selection = graphql_fields(self.operation.result, fields)
        if self.operation.kind == "batch":
            selection = f"results {{ status data {{ {selection} }} }}"
        text, variables = self.document(selection, key, body, version, json_patch)
        answer = await self.caller.post(text, variables, self.request_headers())
        if "errors" in answer:
            assert answer.get("data", {"it": None}) == {"it": None}
            [error] = answer["errors"]
            return problem_summary(error["extensions"])
        return DELETED if self.operation.status == 204 else answer["data"]["it"]

    def document(
        self,
        selection: str,
        key: Keys = "",
        body: Any = None,
        version: int | None = None,
        json_patch: Any = None,
        directive: str = "",
    ) -> tuple[str, Json]:
        """Return the document that calls the operation as `it`, and its variables."""
        name = camel(self.operation.name)
        definition = self.harness.executor.schema.mutation_type.fields[name]
        variables: Json = {"expectedVersion": version} if version is not None else {}
        variables |= self.harness.key_arguments(self.operation.name, key)
        if json_patch is not None:
            variables["jsonPatch"] = json_patch
        elif body is not None:
            assert self.operation.input is not None
            argument = "patch" if self.operation.kind == "update" else "input"
            variables[argument] = graphql_input(self.operation.input, body)
        declared = ", ".join([f"${n}: {definition.args[n].type}" for n in variables])
        arguments = ", ".join([f"{n}: ${n}" for n in variables])
        declared, arguments = [f"({text})" if text else "" for text in (declared, arguments)]
        return f"mutation {declared} {{ it: {name}{arguments} {directive} {{ {selection} }} }}", variables


async def events_of_request(harness: DualDoorApp, request_id: str, mark: str) -> list[Any]:
    """Return the events of one request in order, without ids and marks, which differ by row."""
    async with harness.app.state.database.session_factory() as session:
        query = select(OutboxEvent).where(OutboxEvent.request_id == request_id).order_by(OutboxEvent.id)
        rows = (await session.scalars(query)).all()
        # The mark of an e-mail is a digest of the password hash. Numbers of orders count up.
        data = [{name: v for name, v in row.data.items() if name != "mark"} for row in rows]
        data = [members | ({"number": "NUMBER"} if "number" in members else {}) for members in data]
        return [(row.type, _without_ids(mask(members, mark))) for row, members in zip(rows, data, strict=True)]


def _without_ids(value: Any) -> Any:
    """Return a value with `id` in place of each id, at any depth."""
    match value:
        case dict():
            return {name: _without_ids(v) for name, v in value.items()}
        case list():
            return [_without_ids(v) for v in value]
        case str() if parse_id(value) is not None:
            return "id"
        case _:
            return value
