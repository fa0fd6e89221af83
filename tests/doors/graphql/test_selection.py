"""A document and a `fields` parameter with the same members compile to equal Selections."""

from typing import Any

import pytest

from tests.doors.graphql.graphql_app import Json, graphql_door
from tradepost.app import load_modules
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.graphql.plan.root_plans import ObjectRoot, PageRoot
from tradepost.doors.rest.fields_parameter import compile_fields
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

NO_PERMISSIONS = frozenset[str]()
PRODUCTS = Registry.collect(load_modules("resource", "service")).resources["Product"]


def selection_of(text: str, variables: Json | None = None) -> Selection[Any]:
    """Return the Selection of a document's first root field."""
    context = CallContext(ANONYMOUS, None)  # type: ignore[arg-type]  # nothing is read
    ready = graphql_door().executor.prepare(RequestParameters(text, variables), context)
    root = ready.roots[0]
    assert isinstance(root, ObjectRoot | PageRoot)
    return root.selection.bind(ready.variables, NO_PERMISSIONS)


EQUAL = [
    ("id name", "id name", {}),
    ("id, n: name", "id n: name", {}),
    ("created_at, price_from{amount}", "createdAt priceFrom { amount }", {}),
    ("links", "availableActions", {}),
    ("category{id, parent{slug}}", "category { id parent { slug } }", {}),
    ("variants(first: 3){sku, price{amount, currency}}", "variants(first: 3) { sku price { amount currency } }", {}),
    ("variants(first: 3){sku}", "variants(first: $n) { sku }", {"n": 3}),
    ('variants(sort: "-price,sku"){sku}', "variants(sort: [PRICE_DESC, SKU_ASC]) { sku }", {}),
    ('variants(filter: {sku: "x"}){sku}', 'variants(filter: {sku: "x"}) { sku }', {}),
    (
        "category{products(first: 2, total: true){id}}",
        "category { products(first: 2) { nodes { id } totalCount } }",
        {},
    ),
    (
        "category{products(first: 2){id, name}}",
        "category { products(first: 2) { edges { cursor node { id } } nodes { name } pageInfo { endCursor } } }",
        {},
    ),
    (
        "a: variants(first: 1){id}, b: variants(first: 2){id}",
        "a: variants(first: 1) { id } b: variants(first: 2) { id }",
        {},
    ),
    ("id, name", "id __typename ...F id ... on Node { id }", {}),
    ("id", "id name @skip(if: $on) slug @include(if: false)", {"on": True}),
    ("id, name", "id name @skip(if: $on)", {"on": False}),
]


@pytest.mark.parametrize(("fields", "selections", "variables"), EQUAL)
def test_both_doors_compile_equal_selections(fields: str, selections: str, variables: Json) -> None:
    declared = {"n": "$n: Int", "on": "$on: Boolean!"}
    head = f"({', '.join([declared[n] for n in variables])})" if variables else ""
    tail = " fragment F on Product { name id }" if "...F" in selections else ""
    expected = compile_fields(PRODUCTS, fields, NO_PERMISSIONS)
    assert selection_of(f'query Q{head} {{ product(slug: "x") {{ {selections} }} }}{tail}', variables) == expected
    assert selection_of(f"query Q{head} {{ products {{ nodes {{ {selections} }} }} }}{tail}", variables) == expected


def test_equal_requests_reuse_the_selection_object() -> None:
    text = '{ product(slug: "x") { id variants(first: 2) { sku } } }'
    assert selection_of(text) is selection_of(text)


def test_a_fragment_is_compiled_once_even_if_it_is_spread_often() -> None:
    chain = " ".join([f"fragment F{i} on Category {{ ...F{i + 1} ...F{i + 1} name }}" for i in range(60)])
    text = f'{{ category(slug: "x") {{ ...F0 ...F0 }} }} {chain} fragment F60 on Category {{ id }}'
    assert [f.name for f in selection_of(text).field_set.fields] == ["id", "name"]
