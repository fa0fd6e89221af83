"""Documents that cannot be planned are run by graphql-core and counted; no operation needs that."""

from random import Random
from typing import Any

import httpx
import pytest
from graphql import GraphQLInterfaceType, get_named_type, is_leaf_type, is_non_null_type

from tests.doors.graphql.graphql_app import EDITOR, Json, execute_by_core, execute_by_plan, executor_of, schema
from tests.doors.graphql.value_strategies import fill_placeholders, json_value, to_literal
from tests.doors.pages.test_operations import metric_value
from tradepost.app import TradepostApp

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


async def handover_count(staff: httpx.AsyncClient, reason: str) -> float:
    """Return the metric of the documents that graphql-core ran for this reason."""
    text = (await staff.get("/metrics")).text
    assert f'tradepost_graphql_handovers_total{{reason="{reason}",' in text
    return metric_value(text, "tradepost_graphql_handovers_total", reason=reason)


@pytest.mark.parametrize(("kind", "name"), ROOTS)
async def test_no_operation_needs_graphql_core(
    app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient, kind: str, name: str
) -> None:
    root: Any = SCHEMA.query_type if kind == "query" else SCHEMA.mutation_type
    before = dict(executor_of(app).fallbacks)
    text = f"{kind} {{ {field(name, root.fields[name], 3)} {'' if kind == 'mutation' else '__typename'} }}"
    # Mutations are run anonymously, so that they change nothing: the plan refuses them too.
    body: Json = (await (client if kind == "mutation" else staff).post("/graphql", json={"query": text})).json()
    assert "data" in body, f"{body}\n{text}"
    assert executor_of(app).fallbacks == before


INTROSPECTION = [
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Product") { name } products(first: 1) { nodes { id n: name ...F } } } '
    "fragment F on Node { __typename }",
]


@pytest.mark.parametrize("text", INTROSPECTION)
async def test_a_document_with_introspection_is_run_by_graphql_core(
    app: TradepostApp, staff: httpx.AsyncClient, text: str
) -> None:
    before = await handover_count(staff, "introspection"), await handover_count(staff, "null_condition")
    assert "errors" not in await execute_by_plan(app, text, None, EDITOR)
    assert (await handover_count(staff, "introspection"), await handover_count(staff, "null_condition")) == (
        before[0] + 1,
        before[1],
    )


async def test_skipped_introspection_does_not_need_graphql_core(app: TradepostApp) -> None:
    before = dict(executor_of(app).fallbacks)
    assert await execute_by_plan(app, "{ __schema @skip(if: true) { __typename } __typename }") == {
        "data": {"__typename": "Query"}
    }
    assert executor_of(app).fallbacks == before


async def test_a_null_condition_is_run_by_graphql_core_and_is_an_error_of_its_field(
    app: TradepostApp, staff: httpx.AsyncClient
) -> None:
    """The variable may be null, as it has a default (GraphQL, 5.8.5); then 6.3.2 has no Boolean."""
    text = (
        'query ($on: Boolean = true) { product(slug: "none") { id name @include(if: $on) } '
        "tags(first: 1) { __typename } }"
    )
    before = await handover_count(staff, "null_condition")
    answer = await execute_by_plan(app, text, {"on": None})
    assert answer["data"] == {"product": None, "tags": {"__typename": "TagConnection"}}
    assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [(["product"], "invalid_parameter")]
    assert await handover_count(staff, "null_condition") == before + 1
    assert answer == await execute_by_core(app, text, {"on": None})
    assert (await execute_by_plan(app, text, {"on": False}))["data"]["product"] is None
    assert await handover_count(staff, "null_condition") == before + 1
