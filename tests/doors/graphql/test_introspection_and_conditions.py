"""The plans execute every document; graphql-core executes `__schema` and `__type` in it.

A null in @skip or @include is an error of the root field above it, or of the request.
"""

import ast
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest
from graphql import GraphQLInterfaceType, get_introspection_query, get_named_type, is_leaf_type, is_non_null_type

from tests.doors.graphql.compare_executors import ExecutorRequest, assert_same_response
from tests.doors.graphql.graphql_app import (
    EDITOR,
    Json,
    context_of,
    execute_by_plan,
    executor_of,
    schema,
)
from tests.doors.graphql.value_strategies import fill_placeholders, json_value, to_literal
from tests.factories import unique
from tests.servers import ROOT
from tradepost.app import TradepostApp
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.graphql.plan.root_plans import NullConditionRoot
from tradepost.doors.graphql.plan.schema_plan import SchemaRoot
from tradepost.kit.auth.caller import ANONYMOUS, Caller

SCHEMA = schema()
ROOTS = [
    (kind, name)
    for kind, root in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type))
    if root is not None
    for name in root.fields
]


def everything_of(parent: Any, depth: int) -> str:
    """Return a selection of all fields of a type, `depth` levels deep, with fragments."""
    parts = [
        "__typename",
        *[field(name, f, depth) for name, f in parent.fields.items() if depth or is_leaf_type(get_named_type(f.type))],
    ]
    if isinstance(parent, GraphQLInterfaceType):
        parts += [
            f"... on {type.name} {everything_of(type, 0).replace('status', type.name.lower() + ': status', 1)}"
            for type in SCHEMA.get_possible_types(parent)[:2]
        ]
    return "{ " + " ".join(parts) + " }"


def field(name: str, definition: Any, depth: int) -> str:
    """Return a field with its required arguments, and `first: 1` if it is a page."""
    child = get_named_type(definition.type)
    types = {n: a.type for n, a in definition.args.items() if is_non_null_type(a.type) or n == "first"}
    values = {
        n: "1"
        if n == "first"
        else to_literal(fill_placeholders(json_value(Random(name), n, t, ""), lambda *_: None), t)
        for n, t in types.items()
    }
    arguments = f"({', '.join([f'{n}: {v}' for n, v in values.items()])})" if values else ""
    return f"{name}{arguments}" if is_leaf_type(child) else f"{name}{arguments} {everything_of(child, depth - 1)}"


@pytest.mark.parametrize(("kind", "name"), ROOTS)
async def test_no_operation_needs_graphql_core(
    app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient, kind: str, name: str
) -> None:
    root: Any = SCHEMA.query_type if kind == "query" else SCHEMA.mutation_type
    text = f"{kind} {{ {field(name, root.fields[name], 3)} {'' if kind == 'mutation' else '__typename'} }}"
    # Mutations are run anonymously, so that they change nothing: the plan refuses them too.
    body: Json = (await (client if kind == "mutation" else staff).post("/graphql", json={"query": text})).json()
    assert "data" in body, f"{body}\n{text}"
    ready = executor_of(app).prepare(RequestParameters(text), context_of(app, EDITOR))
    assert not [root for root in ready.roots if isinstance(root, SchemaRoot | NullConditionRoot)]


EXECUTORS = {"graphql", "graphql_sync", "subscribe", "Executor"}
VALUES = "graphql.execution.values"
"""The coercion of arguments and variables, which is not execution."""


def imported_executors(tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports from graphql-core to execute documents."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from [alias.name for alias in node.names if alias.name.partition(".")[0] == "graphql"]
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == "graphql":
            in_execution = (node.module or "").startswith("graphql.execution") and node.module != VALUES
            for alias in node.names:
                if in_execution or alias.name in EXECUTORS or "execute" in alias.name:
                    yield alias.name


def test_production_code_executes_only_introspection_with_graphql_core() -> None:
    source = ROOT / "src"
    imports = {
        str(path.relative_to(source)): names
        for path in source.rglob("*.py")
        if (names := sorted(imported_executors(ast.parse(path.read_text()))))
    }
    assert imports == {"tradepost/doors/graphql/plan/schema_plan.py": ["execute_sync"]}


@pytest.mark.parametrize(
    "text",
    [
        "from graphql import parse, execute",
        "from graphql import experimental_execute_incrementally",
        "from graphql.execution import default_field_resolver",
        "import graphql",
        "import graphql.execution",
    ],
)
def test_the_rule_finds_an_executor(text: str) -> None:
    assert list(imported_executors(ast.parse(text)))


INTROSPECTION: list[tuple[str, Json]] = [
    ("{ __schema { queryType { name } } }", {}),
    (get_introspection_query(), {}),
    ('{ a: __type(name: "Product") { name kind } b: __type(name: "Nothing") { name } }', {}),
    (
        '{ __type(name: "Product") { name } products(first: 1) { nodes { id n: name ...F } } } '
        "fragment F on Node { __typename }",
        {},
    ),
    (
        '{ ...Q __type(name: "Tag") { name } } '
        'fragment Q on Query { __type(name: "Tag") { kind } tags { totalCount } }',
        {},
    ),
    (
        "query ($name: String!, $old: Boolean = false, $first: Int = 2, $filter: ProductFilter) { "
        "__type(name: $name) { fields(includeDeprecated: $old) { ...Field } } "
        "products(first: $first, filter: $filter) { nodes { id } } } "
        "fragment Field on __Field { name type { ...Type } args { ...Input } } "
        "fragment Type on __Type { name ofType { name ofType { name } } } "
        "fragment Input on __InputValue { name type { ...Type } }",
        {"name": "Product", "old": True, "filter": {"status": "ACTIVE"}},
    ),
    (
        "query ($on: Boolean!) { __schema @include(if: $on) { description } "
        "...on Query @skip(if: $on) { __schema { types { name kind @include(if: $on) } } } __typename }",
        {"on": False},
    ),
    ("{ products(first: 0) { nodes { id } } __schema { __typename } }", {}),
    ('query ($on: String = "x") { __type(name: $on) { name } tags(first: 1) { __typename } }', {"on": None}),
    ("query ($on: Boolean = true) { __schema { types { name @skip(if: $on) } } __typename }", {"on": None}),
    (
        'query ($on: Boolean = true) { __type(name: "Product") { fields { name @include(if: $on) } } '
        "tags(first: 1) { __typename } }",
        {"on": None},
    ),
]


@pytest.mark.parametrize(("text", "variables"), INTROSPECTION)
@pytest.mark.parametrize("caller", [ANONYMOUS, EDITOR], ids=["anonymous", "editor"])
async def test_introspection_has_the_same_bytes_alone_and_mixed(
    app: TradepostApp, text: str, variables: Json, caller: Caller
) -> None:
    request = ExecutorRequest(app, text, variables, caller)
    plan, core = await request.by_plan(), await request.by_core()
    response = assert_same_response(plan, core, request)
    assert response.errors or plan == core


async def test_an_error_below_an_introspection_field_is_an_error_of_the_field(app: TradepostApp) -> None:
    """As with the other root fields."""
    text = (
        'query ($old: Boolean = true) { a: __type(name: "Product") { fields(includeDeprecated: $old) { name } } '
        'b: __type(name: "Product") { name } }'
    )
    answer = await execute_by_plan(app, text, {"old": None})
    assert answer["data"] == {"a": None, "b": {"name": "Product"}}
    assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [(["a"], "invalid_parameter")]


async def test_an_introspection_field_costs_5_points_and_the_other_fields_their_price(app: TradepostApp) -> None:
    text = (
        '{ __schema { description } products(first: 10) { nodes { id } } t: __type(name: "Tag") { name } __typename }'
    )
    ready = executor_of(app).prepare(RequestParameters(text), context := context_of(app))
    assert [price.points for price in ready.prices] == [5, 2, 5, 0]
    await executor_of(app).execute(ready, context)
    assert 11 <= context.meter.net <= 12


async def test_skipped_introspection_is_free(app: TradepostApp) -> None:
    text = "{ __schema @skip(if: true) { __typename } __typename }"
    ready = executor_of(app).prepare(RequestParameters(text), context_of(app))
    assert ready.points == 1
    assert await execute_by_plan(app, text) == {"data": {"__typename": "Query"}}


# A variable of a condition may be null, as it has a default (GraphQL, 5.8.5); then 6.3.2 has no
# Boolean.
BELOW_A_FIELD = [
    '{ product(slug: "none") { id name @include(if: $on) } tags(first: 1) { __typename } }',
    "{ products(first: 1) { nodes { id @skip(if: $on) } } tags(first: 1) { __typename } }",
    "{ products(first: 1) { pageInfo { endCursor @skip(if: $on) } } }",
    "{ products(first: 1) { nodes { category { parent { id ...F @skip(if: $on) } } } } } fragment F on Category { id }",
    "{ products(first: 0) { nodes { id } } tags(first: 1) { nodes { ...on Tag @include(if: $on) { id } } } }",
    '{ a: node(id: "none") { id @include(if: $on) } nodes(ids: []) { ... on Product { name @skip(if: $on) } } }',
    "{ audit(first: 1) { nodes { id @include(if: $on) } } __typename }",
    '{ product(id: "x", slug: "y") { id ...F } } fragment F on Product { variants { id @include(if: $on) } }',
]


@pytest.mark.parametrize("caller", [ANONYMOUS, EDITOR], ids=["anonymous", "editor"])
@pytest.mark.parametrize("selections", BELOW_A_FIELD)
async def test_a_null_condition_below_a_root_field_is_an_error_of_that_field(
    app: TradepostApp, selections: str, caller: Caller
) -> None:
    request = ExecutorRequest(app, f"query ($on: Boolean = true) {selections}", {"on": None}, caller)
    response = assert_same_response(await request.by_plan(), await request.by_core(), request)
    assert response.errors
    assert all(len(error["path"]) == 1 for error in response.errors)


async def test_the_error_names_the_argument_the_variable_and_the_place(app: TradepostApp) -> None:
    text = f"query ($on: Boolean = true) {BELOW_A_FIELD[0]}"
    for _ in range(2):
        answer = await execute_by_plan(app, text, {"on": None})
        assert answer["data"] == {"product": None, "tags": {"__typename": "TagConnection"}}
        [error] = answer["errors"]
        assert error["message"].startswith("Argument 'if' has invalid value: Expected variable '$on'")
        assert error["locations"] == [{"line": 1, "column": text.index("if: $on") + len("if: ") + 1}]
        assert (error["path"], error["extensions"]["code"]) == (["product"], "invalid_parameter")
    assert "errors" not in await execute_by_plan(app, text, {"on": False})


async def test_a_true_skip_wins_over_a_null_include(app: TradepostApp) -> None:
    for directives in ("@include(if: $on) @skip(if: true)", "@skip(if: true) @include(if: $on)"):
        text = f"query ($on: Boolean = true) {{ tags(first: 1) {directives} {{ __typename }} __typename }}"
        assert await execute_by_plan(app, text, {"on": None}) == {"data": {"__typename": "Query"}}


async def test_a_condition_of_another_operation_is_not_evaluated(app: TradepostApp) -> None:
    text = "query A ($on: Boolean!) { tags { __typename @skip(if: $on) } } query B { tags(first: 1) { __typename } }"
    executor, context = executor_of(app), context_of(app)
    ready = executor.prepare(RequestParameters(text, {}, "B"), context)
    assert await executor.execute(ready, context) + b"}" == b'{"data":{"tags":{"__typename":"TagConnection"}}}'


MEDIA_TYPES = [("application/json", 200), ("application/graphql-response+json", 400)]
"""The media types of responses, and the status of a request error under each."""


@pytest.mark.parametrize("media_type", [media_type for media_type, _ in MEDIA_TYPES])
async def test_a_mutation_with_a_null_condition_below_it_is_not_executed(
    staff: httpx.AsyncClient, media_type: str
) -> None:
    """Not even if the condition is on the errors of its items, which are known only afterwards."""
    skipped, created = unique("skipped"), unique("created")
    text = (
        "mutation ($on: Boolean = true, $skipped: String!, $created: String!) { "
        "batch: productBatch(input: {items: [{op: CREATE, input: {name: $skipped, slug: $skipped}}]}) "
        "{ results { status error { code @include(if: $on) } } } "
        "categoryCreate(input: {name: $created, slug: $created}) { slug } }"
    )
    variables: Json = {"on": None, "skipped": skipped, "created": created}
    answer = await staff.post("/graphql", json={"query": text, "variables": variables}, headers={"accept": media_type})
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert answer.json()["data"] == {"batch": None, "categoryCreate": {"slug": created}}
    assert [(e["path"], e["extensions"]["code"]) for e in answer.json()["errors"]] == [(["batch"], "invalid_parameter")]
    assert (await staff.get(f"/v1/products/{skipped}")).status_code == 404


AT_THE_ROOT = [
    "query ($on: Boolean = true) { tags(first: 1) @include(if: $on) { __typename } __typename }",
    "query ($on: Boolean = true) { __typename ...F } fragment F on Query { tags @skip(if: $on) { __typename } }",
    "query ($on: Boolean = true) { __schema @include(if: $on) { description } }",
    'mutation ($on: Boolean = true) { a: categoryCreate(input: {name: "never"}) { id } ... @skip(if: $on) '
    '{ b: categoryCreate(input: {name: "never"}) { id } } }',
]


@pytest.mark.parametrize("text", AT_THE_ROOT)
@pytest.mark.parametrize(("media_type", "status"), MEDIA_TYPES)
async def test_a_null_condition_of_a_root_field_is_an_error_of_the_request(
    app: TradepostApp, staff: httpx.AsyncClient, text: str, media_type: str, status: int
) -> None:
    answer = await staff.post(
        "/graphql", json={"query": text, "variables": {"on": None}}, headers={"accept": media_type}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (status, f"{media_type}; charset=utf-8")
    body: Json = answer.json()
    assert set(body) == {"errors", "extensions"}
    assert [e["extensions"]["code"] for e in body["errors"]] == ["invalid_variables"]
    request = ExecutorRequest(app, text, {"on": None}, EDITOR)
    assert await request.by_plan() == await request.by_core()


async def test_the_quote_of_a_document_with_a_null_condition_is_refused(staff: httpx.AsyncClient) -> None:
    for text in (AT_THE_ROOT[0], f"query ($on: Boolean = true) {BELOW_A_FIELD[0]}"):
        answer = await staff.post("/v1/price", json={"document": text, "variables": {"on": None}})
        assert answer.status_code == 422
