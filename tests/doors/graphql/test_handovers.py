"""What the plans cannot do goes to graphql-core whole, and is counted; no operation of the shop needs that."""

from random import Random
from typing import Any

import httpx
import pytest
from graphql import GraphQLInterfaceType, get_named_type, is_leaf_type, is_non_null_type

from tests.doors.graphql.house import EDITOR, Json, by_plan, by_reference, executor_of, schema
from tests.doors.graphql.values import filled, plain, written
from tests.doors.pages.test_operations import figure
from tradepost.app import TradepostApp

SCHEMA = schema()
ROOTS = [
    (kind, name)
    for kind, root in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type))
    if root is not None
    for name in root.fields
]


def whole(of: Any, depth: int) -> str:
    """All that can be asked of a type, some levels deep, in fragments where it is an interface."""
    parts = [
        "__typename",
        *[field(name, f, depth) for name, f in of.fields.items() if depth or is_leaf_type(get_named_type(f.type))],
    ]
    if isinstance(of, GraphQLInterfaceType):
        parts += [
            f"... on {type.name} {whole(type, 0).replace('status', type.name.lower() + ': status', 1)}"
            for type in SCHEMA.get_possible_types(of)[:2]
        ]
    return "{ " + " ".join(parts) + " }"


def field(name: str, definition: Any, depth: int) -> str:
    """A field with the arguments that it needs, and a small page where it is one."""
    below = get_named_type(definition.type)
    given = {n: a.type for n, a in definition.args.items() if is_non_null_type(a.type) or n == "first"}
    values = {
        n: "1" if n == "first" else written(filled(plain(Random(name), n, t, ""), lambda *_: None), t)
        for n, t in given.items()
    }
    arguments = f"({', '.join([f'{n}: {v}' for n, v in values.items()])})" if values else ""
    return f"{name}{arguments}" if is_leaf_type(below) else f"{name}{arguments} {whole(below, depth - 1)}"


async def handed(staff: httpx.AsyncClient, reason: str) -> float:
    """How many were handed over for a reason, as operators see it."""
    text = (await staff.get("/metrics")).text
    assert f'tradepost_graphql_handovers_total{{reason="{reason}",' in text
    return figure(text, "tradepost_graphql_handovers_total", reason=reason)


@pytest.mark.parametrize(("kind", "name"), ROOTS)
async def test_no_operation_of_the_shop_is_handed_over(
    app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient, kind: str, name: str
) -> None:
    root: Any = SCHEMA.query_type if kind == "query" else SCHEMA.mutation_type
    before = dict(executor_of(app).fallbacks)
    text = f"{kind} {{ {field(name, root.fields[name], 3)} {'' if kind == 'mutation' else '__typename'} }}"
    # What changes something is asked by nobody in particular: where it is refused, that is by the plan as well.
    body: Json = (await (client if kind == "mutation" else staff).post("/graphql", json={"query": text})).json()
    assert "data" in body, f"{body}\n{text}"
    assert executor_of(app).fallbacks == before


LOOKS = [
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Product") { name } products(first: 1) { nodes { id n: name ...F } } } fragment F on Node { __typename }',
]


@pytest.mark.parametrize("text", LOOKS)
async def test_a_look_at_the_schema_is_handed_over_with_all_that_stands_beside_it(
    app: TradepostApp, staff: httpx.AsyncClient, text: str
) -> None:
    before = await handed(staff, "introspection"), await handed(staff, "null_condition")
    assert "errors" not in await by_plan(app, text, None, EDITOR)
    assert (await handed(staff, "introspection"), await handed(staff, "null_condition")) == (before[0] + 1, before[1])


async def test_a_look_that_is_skipped_is_not_handed_over(app: TradepostApp) -> None:
    before = dict(executor_of(app).fallbacks)
    assert await by_plan(app, "{ __schema @skip(if: true) { __typename } __typename }") == {
        "data": {"__typename": "Query"}
    }
    assert executor_of(app).fallbacks == before


async def test_a_condition_that_is_null_is_handed_over_and_is_a_fault_of_its_place(
    app: TradepostApp, staff: httpx.AsyncClient
) -> None:
    """Its variable may be null because it has a default (GraphQL, 5.8.5), and is no Boolean when it comes to collecting fields (6.3.2)."""
    text = 'query ($on: Boolean = true) { product(slug: "none") { id name @include(if: $on) } tags(first: 1) { __typename } }'
    before = await handed(staff, "null_condition")
    answer = await by_plan(app, text, {"on": None})
    assert answer["data"] == {"product": None, "tags": {"__typename": "TagConnection"}}
    assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [(["product"], "invalid_parameter")]
    assert await handed(staff, "null_condition") == before + 1
    assert answer == await by_reference(app, text, {"on": None})
    assert (await by_plan(app, text, {"on": False}))["data"]["product"] is None
    assert await handed(staff, "null_condition") == before + 1
