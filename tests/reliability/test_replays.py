"""Replays: the stored outcome, at both doors, with any selection, even if the row has changed."""

from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.factories import make_category, make_product, make_variant, unique, variant_input
from tests.parity.cases import ENTITIES, FIRST_INPUTS, REGISTRY, TWO_DOOR_WRITES
from tests.parity.door_writer import DoorWriter
from tests.parity.fields import graphql_fields
from tests.parity.harness import DualDoorApp
from tests.parity.prepared_writes import PreparedWrite, prepare
from tests.parity.test_replays import KEYED
from tests.reliability.client import DualDoorClient, problem_in, records, replayed_fields

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.usefixtures("no_claims_left")

BY_STAFF = [
    write.operation
    for write in TWO_DOOR_WRITES
    if write.role == "staff" and write.operation in KEYED and REGISTRY.operations[write.operation].kind != "batch"
]
"""The writes whose responses are compared byte by byte; tests/parity/test_replays.py has all."""


@pytest.fixture
async def harness(app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient) -> DualDoorApp:
    """Both doors, and their callers."""
    return await DualDoorApp.create(app, client, staff)


def replayed_selection(operation: str) -> str:
    """Return the fields that a replay selects, with every kind of member and relation."""
    entity = ENTITIES[REGISTRY.operations[operation].result.name]
    return entity.replayed or f"id,{entity.answer}"


async def send(writer: DoorWriter, prepared: PreparedWrite, door: str, key: str) -> httpx.Response:
    """Send a write with an idempotency key: in a header of REST, in a directive of GraphQL."""
    operation, client = writer.operation, writer.caller.client
    fields = replayed_selection(operation.name)
    if door == "rest":
        writer.headers = {"Idempotency-Key": key}
        method, path, request = writer.rest_request(fields, prepared.key, prepared.body)
        return await client.request(method, f"/v1{path}", **request)
    # To-many relations are read when replayed, and are empty after a deletion.
    selection = graphql_fields(operation.result, fields, with_lists=operation.kind != "delete")
    directive = f'@idempotent(key: "{key}")'
    text, variables = writer.document(selection, prepared.key, prepared.body, directive=directive)
    return await client.post("/graphql", json={"query": text, "variables": variables})


def content(answer: httpx.Response) -> Any:
    """Return the bytes of a REST response, or the data of a GraphQL response."""
    return answer.json()["data"] if "data" in (answer.json() if answer.content else {}) else answer.content


@pytest.mark.parametrize("first_door", ["rest", "graphql"])
@pytest.mark.parametrize("operation", BY_STAFF)
async def test_a_write_is_replayed_at_both_doors(
    harness: DualDoorApp, app: "TradepostApp", operation: str, first_door: str
) -> None:
    prepared, key = await prepare(harness, FIRST_INPUTS[operation]), unique("key")
    writer = DoorWriter(harness, harness.staff, operation)
    doors = ("rest", "graphql") if first_door == "rest" else ("graphql", "rest")
    first, other, again, other_again = [await send(writer, prepared, door, key) for door in (*doors, *doors)]
    assert "idempotent-replayed" not in first.headers, first.text
    assert problem_in(first) is None, first.text
    for answer in (other, again, other_again):
        assert answer.headers.get("idempotent-replayed") == "true", answer.text
        assert problem_in(answer) is None
    assert again.status_code == first.status_code
    assert content(other) == content(other_again)
    by_rest, by_graphql = (first, other) if first_door == "rest" else (other, first)
    if first_door == "rest":
        assert again.content == first.content
        for name in ("etag", "location"):
            assert again.headers.get(name) == first.headers.get(name)
    else:
        assert again.json()["data"] == first.json()["data"]
    if writer.operation.kind != "delete":
        assert by_graphql.json()["data"]["it"]["id"] == by_rest.json()["id"]
    assert len(await records(app, key)) == 1


async def test_a_replay_has_the_stored_members_and_the_current_relations(caller: DualDoorClient) -> None:
    category = await make_category(caller.client, name="Before")
    name, key = unique("then"), unique("key")
    body = {"name": name, "category_id": category["id"], "variants": [variant_input()]}
    query = {"fields": "id,name,version,category{name},variants{sku}"}
    first = (await caller.rest("POST", "/products", key, body, query=query)).json()
    await caller.rest("PATCH", f"/categories/{category['id']}", None, {"name": "After"})
    await caller.rest("PATCH", f"/products/{first['id']}", None, {"name": "Another"})
    variant = await make_variant(caller.client, first["id"])
    await caller.rest("PATCH", f"/products/{first['id']}", None, {"category_id": None})
    again = (await caller.rest("POST", "/products", key, body, query=query)).json()
    assert again == first | {"category": {"name": "After"}, "variants": [*first["variants"], {"sku": variant["sku"]}]}
    unselected = (await caller.rest("POST", "/products", key, body)).json()
    assert (unselected["name"], unselected["version"], unselected["category_id"]) == (name, 1, category["id"])


async def test_a_replay_of_a_deleted_row_has_the_stored_members_and_empty_relations(caller: DualDoorClient) -> None:
    category_id = (await make_category(caller.client, name="Seats"))["id"]
    key, body = unique("key"), {"name": unique("gone"), "variants": [variant_input()], "category_id": category_id}
    first = await caller.rest("POST", "/products", key, body)
    await caller.rest("DELETE", f"/products/{first.json()['id']}", None)
    again = await caller.rest("POST", "/products", key, body)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == f"/v1/products/{first.json()['id']}"
    query = {"fields": "id,name,price_from,links,variants{sku},category{name}"}
    selected = (await caller.rest("POST", "/products", key, body, query=query)).json()
    assert selected == {n: first.json()[n] for n in ("id", "name", "price_from", "links")} | {
        "variants": [],
        "category": {"name": "Seats"},
    }


async def test_a_replay_has_the_requested_media_type(caller: DualDoorClient) -> None:
    key, body = unique("key"), {"name": unique("packed")}
    first = await caller.rest("POST", "/products", key, body)
    replay = await caller.client.post(
        "/v1/products",
        content=msgspec.msgpack.encode(body),
        headers={"Content-Type": "application/msgpack", "Accept": "application/msgpack", "Idempotency-Key": key},
    )
    assert replay.headers["idempotent-replayed"] == "true"
    assert msgspec.msgpack.decode(replay.content) == first.json()


async def test_a_precondition_is_checked_at_the_write_and_not_at_its_replay(caller: DualDoorClient) -> None:
    product, key = await make_product(caller.client), unique("key")
    path = f"/products/{product['id']}"
    first = await caller.rest("PATCH", path, key, {"name": "Two"}, If_Match='"1.anything"')
    assert first.status_code == 200
    again = await caller.rest("PATCH", path, key, {"name": "Two"}, If_Match='"1.of-another-representation"')
    assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, first.headers["etag"])
    text = 'mutation($id: ID!) { productUpdate(id: $id, patch: {name: "Two"}, expectedVersion: 1) { version } }'
    assert (await caller.graphql(text, header=key, id=product["id"])).json()["data"] == {
        "productUpdate": {"version": 2}
    }
    # Another version, or no version, is another input.
    other_versions: list[dict[str, Any]] = [{"If_Match": '"2.x"'}, {}]
    for headers in other_versions:
        other = await caller.rest("PATCH", path, key, {"name": "Two"}, **headers)
        assert (problem_in(other) or {})["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    "kind", ["already_exists", "not_found", "precondition_failed", "conflict", "patch_test_failed"]
)
async def test_a_problem_of_the_business_rules_is_replayed(
    kind: str, caller: DualDoorClient, app: "TradepostApp"
) -> None:
    key, taken = unique("key"), await make_product(caller.client)
    full = await make_category(caller.client)
    await make_product(caller.client, category_id=full["id"])
    calls: dict[str, tuple[str, str, Any, dict[str, Any], str, dict[str, Any]]] = {
        "already_exists": (
            "POST",
            "/products",
            {"name": "x", "slug": taken["slug"]},
            {},
            "mutation($i: ProductCreateInput!) { productCreate(input: $i) { id } }",
            {"i": {"name": "x", "slug": taken["slug"]}},
        ),
        "not_found": (
            "DELETE",
            f"/products/{full['id']}",
            None,
            {},
            "mutation($i: ID!) { productDelete(id: $i) { id } }",
            {"i": full["id"]},
        ),
        "precondition_failed": (
            "DELETE",
            f"/products/{taken['id']}",
            None,
            {"If_Match": '"7.x"'},
            "mutation($i: ID!) { productDelete(id: $i, expectedVersion: 7) { id } }",
            {"i": taken["id"]},
        ),
        "conflict": (
            "DELETE",
            f"/categories/{full['id']}",
            None,
            {},
            "mutation($i: ID!) { categoryDelete(id: $i) { id } }",
            {"i": full["id"]},
        ),
        "patch_test_failed": (
            "PATCH",
            f"/products/{taken['id']}",
            [{"op": "test", "path": "/name", "value": "Other"}],
            {"Content_Type": "application/json-patch+json"},
            "mutation($i: ID!) "
            '{ productUpdate(id: $i, jsonPatch: [{op: "test", path: "/name", value: "Other"}]) { id } }',
            {"i": taken["id"]},
        ),
    }
    method, path, body, headers, text, variables = calls[kind]
    first = await caller.rest(method, path, key, body, **headers)
    assert (problem_in(first) or {})["code"] == kind
    # The cause is removed; the outcome remains.
    await caller.rest("PATCH", f"/products/{taken['id']}", None, {"slug": unique("free"), "name": "Other"})
    again = await caller.rest(method, path, key, body, **headers)
    other = await caller.graphql(text, header=key, **variables)
    assert [a.headers.get("idempotent-replayed") for a in (first, again, other)] == [None, "true", "true"]
    problem = {n: v for n, v in first.json().items() if n not in ("request_id", "title", "instance")}
    assert {n: v for n, v in again.json().items() if n not in ("request_id", "title", "instance")} == problem
    [error] = other.json()["errors"]
    assert {n: v for n, v in error["extensions"].items() if n != "request_id"} == problem
    assert error["extensions"]["request_id"] == other.headers["x-request-id"]
    assert replayed_fields(other) == error["path"]
    assert len(await records(app, key)) == 1
