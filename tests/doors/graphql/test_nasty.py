"""No client input causes an internal error: nasty texts and numbers at every place of a request."""

from typing import Any

import httpx
import pytest

NASTY = [
    "\x00",
    "a\x00b",
    "\ud7ff\uffff",
    "'; DROP TABLE product; --",
    "%",
    "_",
    "\\",
    "x" * 5000,
    "\u202e",
    "é" * 300,
    "",
    " ",
    "\U0001d518",
    "{}",
    "NaN",
    "1e999",
    "\x7f",
]
NUMBERS = [0, -1, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30, 1.5, 1e308, True]

TEXTS = [
    "query ($v: String) { product(slug: $v) { id } }",
    "query ($v: ID) { product(id: $v) { id } }",
    "query ($v: ID!) { node(id: $v) { id } nodes(ids: [$v]) { id } productVariants(productId: $v) { nodes { id } } }",
    "query ($v: String) { products(after: $v) { nodes { id } } }",
    "query ($v: String) { categories(before: $v) { nodes { id children(after: $v) { nodes { id } } } } }",
    "query ($v: String) { products(filter: {q: $v}) { nodes { id } } }",
    "query ($v: String) { products(filter: {slug: $v, category: $v, tag: $v, externalReference: $v}) "
    "{ nodes { id } totalCount } }",
    "query ($v: ID) { categories(filter: {parentId: $v}) { nodes { id } } }",
    "query ($v: DateTime) { products(filter: {createdAtGte: $v, updatedAtLt: $v}) { nodes { id } } }",
    "query ($v: String) { products(first: 1) { nodes { variants(filter: {sku: $v, barcode: $v}) { id } } } }",
    "query ($v: Int) { products(first: $v) { nodes { id } } }",
    "query ($v: BigInt) { products(filter: {priceGte: $v, priceLt: $v}) { nodes { id } } }",
    "mutation ($v: ID!) { productDelete(id: $v) { id } }",
    'mutation ($v: String) { productCreate(input: {name: "Nasty", slug: $v, externalReference: $v, description: $v}) '
    "{ id } }",
    "mutation ($v: String!) { productCreate(input: {name: $v}) { id } }",
    'mutation ($v: JSON) { productCreate(input: {name: "Nasty", attributes: $v, source: $v}) { id } }',
    'mutation ($v: [String!]) { productCreate(input: {name: "Nasty", tags: $v}) { id } }',
    'mutation ($v: BigInt!) { productCreate(input: {name: "Nasty", '
    'variants: [{sku: "n", price: {amount: $v, currency: "EUR"}}]}) { id } }',
    'mutation ($v: Int) { categoryCreate(input: {name: "Nasty", position: $v}) { id } }',
    'mutation ($v: ID) { categoryCreate(input: {name: "Nasty", parentId: $v}) { id } }',
    'mutation ($v: JSON) { productUpdate(id: "x", jsonPatch: [{op: "add", path: "/name", value: $v}]) { id } }',
    'mutation ($v: Int) { productDelete(id: "x", expectedVersion: $v) { id } }',
]


@pytest.mark.parametrize("text", TEXTS)
async def test_no_value_of_a_variable_causes_an_internal_error(staff: httpx.AsyncClient, text: str) -> None:
    values: list[Any] = [*NASTY, *NUMBERS, None, [], {}, ["\x00"], {"\x00": "\x00"}, {"a": {"b": [None, "\x00"]}}]
    for value in values:
        answer = await staff.post("/graphql", json={"query": text, "variables": {"v": value}})
        assert answer.status_code == 200, (value, answer.text)
        codes = [e["extensions"]["code"] for e in answer.json().get("errors", [])]
        assert "internal" not in codes, (value, answer.text)


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": "{__typename}", "variables": {"a": "\\ud800"}}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"query": "\\ud800"}',
        b"null",
        b"1e400",
    ],
)
async def test_no_body_causes_an_internal_error(staff: httpx.AsyncClient, body: bytes) -> None:
    answer = await staff.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400), answer.text


DOCUMENTS = [
    "{" * 900,
    "{ a " * 900,
    "# " * 5000,
    '{ product(slug: "\\uD800") { id } }',
    "query ($a: [[[[[Int]]]]] = [[[[[1]]]]]) { __typename }",
    "\ufeff{ __typename }",
    "{ __typename } { __typename }",
]


@pytest.mark.parametrize("text", DOCUMENTS)
async def test_no_document_causes_an_internal_error(client: httpx.AsyncClient, text: str) -> None:
    answer = await client.post(
        "/graphql", json={"query": text}, headers={"accept": "application/graphql-response+json"}
    )
    assert answer.status_code in (200, 400), answer.text
