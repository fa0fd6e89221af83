"""Every operation is at both doors under its name, with the same input and the same effect."""

from typing import Any

import msgspec
import pytest
from graphql import GraphQLInputObjectType, get_named_type, is_non_null_type

from tests.areas.catalog.case.product_rows import complete_product
from tests.factories import unique
from tests.parity.case import new_mark
from tests.parity.cases import ENTITIES, INPUTS, READS, WRITES, WriteInput, answer_fields
from tests.parity.door_writer import METHODS, DoorWriter, events_of_request
from tests.parity.fields import camel, graphql_fields, graphql_input, mask, normalize_answer, problem_summary
from tests.parity.harness import DualDoorApp, Json, assert_same
from tests.parity.prepared_writes import prepare
from tradepost.areas.catalog.schemas import ProductBatch
from tradepost.kit.operations.operation import Operation

# GraphQL fields that are not operations: they lead to the operations that read one row.
NO_OPERATION = {"node", "nodes"}


def graphql_name(operation: Operation[Any, ..., Any]) -> str:
    """Return the name of a GraphQL field: that of the operation, or the noun of a read."""
    if operation.kind == "list":
        if operation.parent_relation:
            parent, relation = operation.parent_relation
            return camel(f"{parent.operation_prefix}_{relation}")
        return camel(ENTITIES[operation.result.name].plural)
    if operation.kind == "get" and "key" in operation.signature.parameters:
        return camel(operation.result.operation_prefix)
    return camel(operation.name)


def rest_path(operation: Operation[Any, ..., Any]) -> str:
    """Return the REST path: that of the case, or of the collection, an item or a list below it."""
    if (path := (READS | WRITES)[operation.name].path) is not None:
        return path
    if operation.parent_relation:
        parent, relation = operation.parent_relation
        return f"{ENTITIES[parent.name].collection_path}/{{0}}/{relation}"
    collection = ENTITIES[operation.result.name].collection_path
    if operation.kind == "batch":
        return f"{collection}/batch"
    return collection + ("/{0}" if operation.kind in ("get", "replace", "update", "delete") else "")


def rest_method(operation: Operation[Any, ..., Any]) -> str:
    """Return the HTTP method: that of the case, or of its kind."""
    return (READS | WRITES)[operation.name].method or METHODS[operation.kind]


def test_every_operation_has_a_route_and_a_field_of_its_name(harness: DualDoorApp) -> None:
    schema = harness.executor.schema
    for name, operation in harness.registry.operations.items():
        if operation.is_exposed_at("rest"):
            endpoint = harness.endpoints[name]
            assert (endpoint.method, endpoint.path) == (rest_method(operation), rest_path(operation)), name
        if operation.is_exposed_at("graphql"):
            assert harness.root(name).name == graphql_name(operation)
            parent = schema.mutation_type if operation.is_write else schema.query_type
            assert graphql_name(operation) in parent.fields


def test_no_door_has_more_than_the_registry(harness: DualDoorApp) -> None:
    operations = harness.registry.operations
    assert set(harness.endpoints) == {n for n, o in operations.items() if o.is_exposed_at("rest")}
    schema = harness.executor.schema
    fields = {*schema.query_type.fields, *schema.mutation_type.fields}
    assert fields == {graphql_name(o) for o in operations.values() if o.is_exposed_at("graphql")} | NO_OPERATION


def test_inputs_have_the_same_members_at_both_doors(harness: DualDoorApp) -> None:
    openapi = msgspec.json.decode(harness.app.state.contract()["openapi.json"])
    schemas, schema = openapi["components"]["schemas"], harness.executor.schema
    compared = 0
    for name, operation in harness.registry.operations.items():
        if operation.input is None or operation.kind == "update" or operation.exclusive_to:
            continue
        endpoint = harness.endpoints[name]
        content = openapi["paths"][f"/v1{endpoint.template}"][endpoint.method.lower()]["requestBody"]["content"]
        body = content["application/json"]["schema"]
        if operation.kind == "query":
            # GraphQL has an argument for each member of the body.
            members = schemas[body["$ref"].rpartition("/")[2]]["properties"]
            assert {camel(n) for n in members} == set(schema.query_type.fields[camel(name)].args)
            continue
        argument = schema.mutation_type.fields[camel(name)].args["input"]
        compared += compare_input(schemas, body, get_named_type(argument.type), name)
    assert compared >= 40


def compare_input(schemas: Json, shape: Json, type: Any, path: str, seen: frozenset[str] = frozenset()) -> int:
    """Compare the members of an input at both doors, at all depths, and return their number."""
    while "$ref" in shape or "anyOf" in shape or shape.get("type") == "array" or "items" in shape:
        if "$ref" in shape:
            shape = schemas[shape["$ref"].rpartition("/")[2]]
        elif "anyOf" in shape:
            shape = next(b for b in shape["anyOf"] if b.get("type") != "null")
        else:
            shape = shape["items"]
    if not isinstance(type, GraphQLInputObjectType) or type.name in seen or "properties" not in shape:
        return 0
    names = {camel(n) for n in shape["properties"]}
    assert names == set(type.fields), path
    required = {n for n, f in type.fields.items() if is_non_null_type(f.type)}
    assert {camel(n) for n in shape.get("required", ())} == required, path
    counts = [
        compare_input(schemas, s, get_named_type(type.fields[camel(n)].type), f"{path}.{n}", seen | {type.name})
        for n, s in shape["properties"].items()
    ]
    return len(names) + sum(counts)


def test_every_problem_of_an_operation_is_documented(harness: DualDoorApp) -> None:
    openapi = msgspec.json.decode(harness.app.state.contract()["openapi.json"])
    for name, operation in harness.registry.operations.items():
        if operation.exclusive_to:
            continue
        endpoint = harness.endpoints[name]
        responses = openapi["paths"][f"/v1{endpoint.template}"][endpoint.method.lower()]["responses"]
        assert {str(p.status) for p in operation.problems} <= set(responses), name


@pytest.mark.parametrize("valid", INPUTS, ids=str)
async def test_a_write_has_the_same_result_and_events_at_either_door(harness: DualDoorApp, valid: WriteInput) -> None:
    """Each door writes a row of its own; the two rows differ only in their marks and ids."""
    operation, outcomes = valid.operation, list[Any]()
    for door in ("rest", "graphql"):
        prepared = await prepare(harness, valid)
        writer = DoorWriter(harness, prepared.caller, operation.name)
        writer.headers["X-Request-ID"] = request_id = unique("write")
        version = 1 if operation.takes_version else None
        fields = answer_fields(operation.name)
        outcome = await writer.write(door, fields, version=version, **prepared.arguments)
        assert not isinstance(outcome, tuple), outcome
        answer = normalize_answer(operation.result, outcome, prepared.mark)
        outcomes.append((answer, await events_of_request(harness, request_id, prepared.mark)))
    assert_same(*outcomes)
    if valid.write.leaves_traces:
        assert outcomes[0][1] or valid.body == {}, "only an empty change has no event"
    else:
        assert outcomes[0][1] == []


async def test_a_batch_has_the_same_outcomes_at_either_door(harness: DualDoorApp) -> None:
    outcomes = [await batch_outcomes(harness, door) for door in ("rest", "graphql")]
    for rest, graphql in zip(outcomes[0][0], outcomes[1][0], strict=True):
        assert_same(rest, graphql)
    assert_same(outcomes[0][1], outcomes[1][1])
    statuses = [status for status, *_ in outcomes[0][0]]
    assert statuses == [201, 422, 200, 200, 422, 412, 204, 404, 200, 200, 422, 409, 422, 409, 422]
    assert [changed for _, changed, *_ in outcomes[0][0]] == [n not in (3, 9) for n in range(15)]


async def batch_outcomes(harness: DualDoorApp, door: str) -> tuple[list[Any], list[Any]]:
    """Send a batch of all kinds of items by one door, and return their outcomes and the events."""
    mark, fields, request_id = new_mark(), answer_fields("product_batch"), unique("batch")
    create = {"params": {"fields": "id"}}
    key, deleted = [
        (await harness.staff.rest("POST", "/products", json=complete_product(m), **create)).json()["id"]
        for m in (mark, f"{mark}b")
    ]
    batch, headers = {"items": batch_items(mark, key, deleted)}, {"X-Request-ID": request_id}
    if door == "rest":
        answer = await harness.staff.rest(
            "POST", "/products/batch", json=batch, params={"fields": fields}, headers=headers
        )
        results = answer.json()["results"]
    else:
        data = graphql_fields(harness.registry.resources["Product"], fields)
        error = "type title status code detail errors { pointer code detail } members"
        text = (
            "mutation ($input: ProductBatchInput!) { productBatch(input: $input)"
            f" {{ results {{ status changed data {{ {data} }} error {{ {error} }} }} }} }}"
        )
        document = await harness.staff.post(text, {"input": graphql_input(ProductBatch, batch)}, headers)
        assert "errors" not in document, document
        results = document["data"]["productBatch"]["results"]
    product = harness.registry.resources["Product"]
    shown = [
        (
            item["status"],
            item.get("changed", True),
            normalize_answer(product, item.get("data"), mark),
            item.get("error") and problem_summary(mask(item["error"], mark)),
        )
        for item in results
    ]
    text = msgspec.json.encode(shown).decode().replace(key, "KEY").replace(deleted, "DELETED")
    return msgspec.json.decode(text), await events_of_request(harness, request_id, mark)


def batch_items(mark: str, key: str, deleted: str) -> list[Json]:
    """Return items of all kinds, valid and invalid."""
    changed = complete_product(mark) | {"description": "changed"}
    other_reference = complete_product(mark) | {"external_reference": f"other-{mark}"}
    patch = {"description": "x", "attributes": {"a_b": None, "snake_key": {"camelKey": 1}}}
    return [
        {"op": "create", "input": {"name": f"A {mark}"}},
        {"op": "create", "input": {"name": "", "slug": "No", "tags": ["T"]}},
        {"op": "update", "id": key, "patch": patch},
        {"op": "update", "id": key, "patch": {"name": f"Whole {mark}"}},
        {"op": "update", "id": key, "patch": {"name": ""}},
        {"op": "update", "id": key, "patch": {"name": "x"}, "expected_version": 99},
        {"op": "delete", "id": deleted},
        {"op": "delete", "id": deleted},
        {"op": "upsert", "input": changed},
        {"op": "upsert", "input": changed},
        {"op": "update"},
        {"op": "create", "input": other_reference},
        {"op": "delete", "id": key, "patch": {"name": "x"}},
        {"op": "create", "input": {"name": "x", "slug": f"whole-{mark}"}},
        {"op": "upsert", "input": {"name": f"U {mark}", "slug": f"u-{mark}"}, "expected_version": 1},
    ]
