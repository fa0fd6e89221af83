"""A document and `?fields=` that ask for the same are one Selection."""

from typing import Any

import pytest

from tests.doors.graphql.house import Json, door
from tradepost.app import load_modules
from tradepost.doors.graphql.execution.executor import RequestParameters
from tradepost.doors.graphql.plan.root_plans import ObjectRoot, PageRoot
from tradepost.doors.rest.fields_parameter import compile_fields
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

NOBODY = frozenset[str]()
PRODUCTS = Registry.collect(load_modules("resource", "service")).resources["Product"]


def asked(text: str, variables: Json | None = None) -> Selection[Any]:
    """The Selection of a document's first root field."""
    context = CallContext(ANONYMOUS, None)  # type: ignore[arg-type]  # nothing is read
    ready = door().executor.prepare(RequestParameters(text, variables), context)
    assert ready.roots is not None
    root = ready.roots[0]
    assert isinstance(root, ObjectRoot | PageRoot)
    return root.selection.bind(ready.variables, NOBODY)


SAME = [
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


@pytest.mark.parametrize(("fields", "written", "variables"), SAME)
def test_both_doors_write_one_selection(fields: str, written: str, variables: Json) -> None:
    declared = {"n": "$n: Int", "on": "$on: Boolean!"}
    head = f"({', '.join([declared[n] for n in variables])})" if variables else ""
    tail = " fragment F on Product { name id }" if "...F" in written else ""
    assert asked(f'query Q{head} {{ product(slug: "x") {{ {written} }} }}{tail}', variables) == compile_fields(
        PRODUCTS, fields, NOBODY
    )
    assert asked(f"query Q{head} {{ products {{ nodes {{ {written} }} }} }}{tail}", variables) == compile_fields(
        PRODUCTS, fields, NOBODY
    )


def test_the_same_values_give_the_same_selection_object_again() -> None:
    text = '{ product(slug: "x") { id variants(first: 2) { sku } } }'
    assert asked(text) is asked(text)


def test_a_fragment_is_read_once_however_often_it_is_spread() -> None:
    chain = " ".join([f"fragment F{i} on Category {{ ...F{i + 1} ...F{i + 1} name }}" for i in range(60)])
    text = f'{{ category(slug: "x") {{ ...F0 ...F0 }} }} {chain} fragment F60 on Category {{ id }}'
    assert [f.name for f in asked(text).field_set.fields] == ["id", "name"]
