"""The rules that know which nodes they look at find what graphql-core's own find."""

import pytest
from graphql import MaxIntrospectionDepthRule, parse, specified_rules, validate

from tests.doors.graphql.graphql_app import schema
from tradepost.doors.graphql.execution.parsing import VALIDATION_RULES
from tradepost.doors.graphql.plan.idempotent_directive import IdempotentOnMutationsRule

RULES = (*specified_rules, MaxIntrospectionDepthRule, IdempotentOnMutationsRule)


@pytest.mark.parametrize(
    "text",
    [
        "{ products { nodes { id } } } { tags { nodes { id } } }",
        "query A { tags { nodes { id } } } query A { tags { nodes { id } } }",
        "query ($a: Nothing, $a: Int, $b: Int) { tags(first: $c) { nodes { id } } }",
        "query ($n: String) { products(first: $n) { nodes { id { x } variants } } }",
        "{ product(id: 1, id: 2, nothing: 3) { idd ...F ...G }} fragment F on Product { ...F } fragment H on Tag {id}",
        "{ product { ... on Tag { id } ... on Nothing { id } a: id a: name } } fragment F on Int { id }",
        '{ products(filter: {price: "x", tag: "a", tag: "b"}) { nodes { id @skip @nothing @skip(if: true) } } }',
        "mutation { brandDelete { id } } query Q @include(if: true) { node(id: [1]) { id } }",
        "subscription { products } type T { a: Int } { __schema { types { fields { type { fields { name } } } } } }",
        "query Q @idempotent(key: 1) { tags { nodes { id } } } mutation M @idempotent { x: logout { status } }",
    ],
)
def test_the_errors_of_invalid_documents_are_the_same(text: str) -> None:
    expected, found = [
        [str(error) for error in validate(schema(), parse(text), rules)] for rules in (RULES, VALIDATION_RULES)
    ]
    assert found == expected
    assert expected
