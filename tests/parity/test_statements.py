"""SQL statements of reads: one per to-many level and total, for any number of rows."""

from dataclasses import replace
from typing import Any

import pytest

from tests.parity.access.table import Outcome
from tests.parity.case import CaseContext, EntityCase, new_mark
from tests.parity.cases import ACCESS, ENTITIES, READS, REGISTRY
from tests.parity.fields import camel, graphql_fields
from tests.parity.harness import ApiClient, DualDoorApp, client_with_role
from tests.parity.sample_rows import SampleRows
from tradepost.kit.resource.resource import Resource

type Statement = tuple[str, str, int]

ALL: list[Statement] = [(n, fields, count) for n, read in READS.items() for fields, count in read.statements.items()]
LISTS = [s for s in ALL if REGISTRY.operations[s[0]].kind == "list"]
ONES = [s for s in ALL if s not in LISTS and isinstance(REGISTRY.operations[s[0]].result, Resource)]
VALUES = [s for s in ALL if not isinstance(REGISTRY.operations[s[0]].result, Resource)]
ROWS, ROWS_PER_PAGE = 101, (1, 50, 100)


@pytest.fixture(scope="module")
async def owner(harness: DualDoorApp) -> ApiClient:
    """A customer to whom more than a page of rows of each resource belongs."""
    return await client_with_role(harness, "customer")


@pytest.fixture(scope="module", params=["anonymous", "staff", "owner"])
def caller(harness: DualDoorApp, owner: ApiClient, request: pytest.FixtureRequest) -> ApiClient:
    """An anonymous caller, staff, and the owner of the rows that belong to a user."""
    return owner if request.param == "owner" else harness.callers[request.param]


@pytest.fixture(scope="module")
async def keys(harness: DualDoorApp, sample_rows: SampleRows, owner: ApiClient) -> dict[str, str]:
    """For each resource the key of a row, with more than a page of rows below it."""
    keys: dict[str, str] = {}
    context = CaseContext(harness.app, harness.staff, owner.user)
    for name, entity in ENTITIES.items():
        keys[name] = await create_many(entity, replace(context, keys=dict(keys)))
    return keys


async def create_many(entity: EntityCase, context: CaseContext) -> str:
    """Create more than a page of rows and return the key of one."""
    if entity.many_rows is not None:
        return await entity.many_rows(context)
    assert entity.row is not None, f"{entity.name} needs `many_rows=` or `row=`"
    rows = [await entity.row(replace(context, mark=new_mark())) for _ in range(ROWS)]
    return rows[0]


def key_of(harness: DualDoorApp, operation: str, keys: dict[str, str]) -> tuple[str, str]:
    """Return the key of a read, and the GraphQL argument that takes it; two empty texts if none."""
    declaration = harness.operation(operation)
    if not declaration.path_parameters:
        return "", ""
    key = keys[declaration.path_resource.name]
    [(name, _)] = harness.key_arguments(operation, key).items()
    return key, f'{name}: "{key}"'


@pytest.mark.parametrize(("operation", "fields", "count"), LISTS)
async def test_a_list_takes_as_many_statements_for_100_rows_as_for_50(
    harness: DualDoorApp, keys: dict[str, str], caller: ApiClient, operation: str, fields: str, count: int
) -> None:
    key, argument = key_of(harness, operation, keys)
    declaration = harness.operation(operation)
    if not declaration.access.allows(caller.permissions):
        return await assert_refused_without_a_statement(harness, caller, operation, key)
    counts: dict[int, set[int]] = {}
    arguments = ", ".join([a for a in (argument, "first: $limit") if a])
    nodes = f"nodes {{ {graphql_fields(declaration.result, fields)} }}"
    text = f"query ($limit: Int!) {{ r: {harness.root(operation).name}({arguments}) {{ {nodes} }} }}"
    for limit in ROWS_PER_PAGE:
        params = {"fields": fields, "limit": str(limit)}
        answer, statements = await harness.record(caller.rest("GET", harness.path(operation, key), params=params))
        # A list below a row that the caller does not see is not found.
        is_found = not key or sees_rows(harness, caller, operation)
        assert answer.status_code == (200 if is_found else 404), answer.text
        data, more = await harness.record(caller.data(text, {"limit": limit}))
        assert (data["r"] is not None) is is_found
        assert bool(data["r"] and data["r"]["nodes"]) == sees_rows(harness, caller, operation)
        counts[limit] = {len(statements), len(more)}
    # A level without parents is not read at all.
    assert counts[50] == counts[100] == ({count} if sees_rows(harness, caller, operation) else {1})
    assert max(counts[1]) <= count
    assert len(counts[1]) == 1
    return None


@pytest.mark.parametrize(("operation", "fields", "count"), ONES)
async def test_a_single_read_takes_one_statement_per_level(
    harness: DualDoorApp, keys: dict[str, str], caller: ApiClient, operation: str, fields: str, count: int
) -> None:
    key, argument = key_of(harness, operation, keys)
    declaration = harness.operation(operation)
    if not declaration.access.allows(caller.permissions):
        return await assert_refused_without_a_statement(harness, caller, operation, key)
    path, params = harness.path(operation, key), {"fields": fields}
    answer, statements = await harness.record(caller.rest("GET", path, params=params))
    expected = (200, count) if sees_rows(harness, caller, operation) else (404, 1)
    assert (answer.status_code, len(statements)) == expected
    call = harness.root(operation).name + (f"({argument})" if argument else "")
    selection = graphql_fields(declaration.result, fields)
    data, statements = await harness.record(caller.data(f"{{ r: {call} {{ {selection} }} }}"))
    assert (200 if data["r"] else 404, len(statements)) == expected
    return None


@pytest.mark.parametrize(("operation", "fields", "count"), VALUES)
async def test_a_read_without_a_table_takes_the_statements_of_its_case(
    harness: DualDoorApp, keys: dict[str, str], caller: ApiClient, operation: str, fields: str, count: int
) -> None:
    declaration, body = harness.operation(operation), READS[operation].body
    key, argument = key_of(harness, operation, keys)
    if not declaration.access.allows(caller.permissions):
        return await assert_refused_without_a_statement(harness, caller, operation, key)
    method, path = harness.method(operation), harness.path(operation, key)
    answer, statements = await harness.record(caller.rest(method, path, json=body, params={"fields": fields}))
    expected = (200, count) if sees_rows(harness, caller, operation) else (404, 1)
    assert (answer.status_code, len(statements)) == expected
    values = [f'{camel(name)}: "{value}"' for name, value in (body or {}).items()]
    arguments = ", ".join([a for a in (argument, *values) if a])
    call = harness.root(operation).name + (f"({arguments})" if arguments else "")
    text = f"{{ r: {call} {{ {graphql_fields(declaration.result, fields)} }} }}"
    data, statements = await harness.record(caller.data(text))
    assert (200 if data["r"] else 404, len(statements)) == expected
    return None


def sees_rows(harness: DualDoorApp, caller: ApiClient, operation: str) -> bool:
    """Whether a read shows the created rows to a caller who may call it, by its rule."""
    kind = next((name for name, client in harness.callers.items() if client is caller), "customer")
    return ACCESS[operation].shown.of(kind) is Outcome.ALLOWED


async def assert_refused_without_a_statement(harness: DualDoorApp, caller: ApiClient, operation: str, key: str) -> None:
    """Assert that a caller without the permission is refused before the database is read."""
    answer, statements = await harness.record(caller.rest("GET", harness.path(operation, key)))
    assert (answer.status_code, statements) == (403 if caller.permissions else 401, [])


@pytest.mark.parametrize(("params", "field"), [({"include": "total"}, "totalCount"), ({"page": "1"}, None)])
async def test_a_total_takes_one_statement_more(
    harness: DualDoorApp, keys: dict[str, str], params: dict[str, str], field: str | None
) -> None:
    _, statements = await harness.record(harness.staff.rest("GET", "/products", params={"fields": "id", **params}))
    assert len(statements) == 2
    if field:
        _, statements = await harness.record(harness.staff.data(f"{{ products {{ nodes {{ id }} {field} }} }}"))
        assert len(statements) == 2


async def test_node_takes_the_statements_of_its_own_read_and_nodes_their_sum(
    harness: DualDoorApp, keys: dict[str, str], caller: ApiClient
) -> None:
    """A kind that the caller may not read takes none; a row that is hidden from the caller, one."""
    fragments: list[str] = []
    counts: dict[str, int] = {}
    shown: set[str] = set()
    for name, key in keys.items():
        getter = harness.registry.getter(harness.registry.resources[name])
        if getter is None:  # only a relation returns these rows
            counts[name] = 0
            continue
        fields, count = max(READS[getter.name].statements.items(), key=lambda item: item[1])
        selection = graphql_fields(getter.result, fields, prefix=f"{name}_")
        fragments.append(f"... on {name} {{ {selection} }}")
        permitted = getter.access.allows(caller.permissions)
        is_shown = permitted and sees_rows(harness, caller, getter.name)
        counts[name] = count if is_shown else 1 if permitted else 0
        shown |= {key} if is_shown else set()
    inner = f"{{ id {' '.join(fragments)} }}"
    for name, key in keys.items():
        data, statements = await harness.record(caller.data(f'{{ node(id: "{key}") {inner} }}'))
        assert (data["node"] is not None and data["node"]["id"] == key) == (key in shown), name
        assert len(statements) == counts[name], name
    ids: list[Any] = [*keys.values(), *keys.values()]
    data, statements = await harness.record(
        caller.data(f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {inner} }}", {"ids": ids})
    )
    assert [node and node["id"] for node in data["nodes"]] == [id if id in shown else None for id in ids]
    assert len(statements) == sum(counts.values())


@pytest.mark.parametrize(
    "text",
    ['{ node(id: "nothing") { id } }', '{ node(id: "01924560-6c00-7d4b-bb5e-72fc1f750dff") { id } }', "{ __typename }"],
)
async def test_an_id_of_no_resource_takes_no_statement(harness: DualDoorApp, text: str) -> None:
    data, statements = await harness.record(harness.staff.data(text))
    assert statements == []
    assert not data.get("node")


async def test_an_invalid_request_takes_no_statement(harness: DualDoorApp) -> None:
    answer, statements = await harness.record(harness.anonymous.rest("GET", "/products", params={"sort": "nope"}))
    assert (answer.status_code, statements) == (400, [])
    document, statements = await harness.record(harness.anonymous.post("{ products(first: 0) { nodes { id } } }"))
    assert (document["errors"][0]["extensions"]["code"], statements) == ("invalid_parameter", [])
