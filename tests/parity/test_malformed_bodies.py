"""Bodies that cannot be decoded, or whose values no JSON document should have, at both doors."""

from typing import Any

import msgspec
import pytest

from tests.factories import unique
from tests.parity.harness import DualDoorApp

MUTATION = "mutation($input: ProductCreateInput!) { productCreate(input: $input) { name attributes } }"
# Words of Python, msgspec and graphql-core.
FOREIGN_WORDS = ("codec", "recursion", "$[", "sys.", "`str", "`int", "`object")


def graphql_body(value: bytes) -> bytes:
    """Return the body of a request whose variable `input` is a JSON text."""
    return b'{"query":"%b","variables":{"input":%b}}' % (MUTATION.encode(), value)


def nested(depth: int) -> bytes:
    """Return a product with lists nested this deep."""
    return b'{"name":"Deep","attributes":{"a":' + b"[" * depth + b"]" * depth + b"}}"


MALFORMED: dict[str, tuple[bytes, str]] = {
    "a text": (b'{"name":"ab\xff"}', "The body is not well-formed JSON: a text in it is not UTF-8 (byte {11})."),
    "a key": (b'{"na\xffme":"ab"}', "The body is not well-formed JSON: a text in it is not UTF-8 (byte {4})."),
    "half a letter": (
        b'{"name":"\xe2\x82"}',
        "The body is not well-formed JSON: a text in it is not UTF-8 (byte {9}).",
    ),
    "100,000 lists": (nested(100_000), "The body is nested deeper than 32 levels."),
    "1e400": (b'{"name":"x","attributes":{"a":1e400}}', "The body is not well-formed JSON: Number out of range."),
    "5,000 digits": (
        b'{"name":"x","attributes":{"a":' + b"9" * 5000 + b"}}",
        "The body is not well-formed JSON: Integer value out of range.",
    ),
    "the second half of a surrogate pair": (
        b'{"name":"x \\uD83D\\uDE00 \\udc00"}',
        "The body is not well-formed JSON: half of a surrogate pair in a text (byte {24}).",
    ),
    "the first half of a surrogate pair": (
        b'{"name":"\\ud800"}',
        "The body is not well-formed JSON: half of a surrogate pair in a text (byte {9}).",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_body_has_the_same_plain_message_at_both_doors(harness: DualDoorApp, case: str) -> None:
    body, text = MALFORMED[case]
    offset = len(graphql_body(b"")) - 2
    headers = {"Content-Type": "application/json"}
    client = harness.staff.client
    rest = await client.post("/v1/products", content=body, headers=headers)
    graphql = await client.post("/graphql", content=graphql_body(body), headers=headers)
    before, brace, after = text.partition("{")
    position, _, after = after.partition("}")
    details = [f"{before}{int(position) + start}{after}" for start in (0, offset)] if brace else [text, text]
    assert (rest.status_code, rest.json()["code"], rest.json()["detail"]) == (400, "malformed", details[0])
    [error] = graphql.json()["errors"]
    assert (graphql.status_code, error["extensions"]["code"], error["message"]) == (400, "malformed", details[1])
    assert not any(word in rest.text + graphql.text for word in FOREIGN_WORDS)


MSGPACK_BODIES = [
    b"\x81\xa4name\xa2a\xff",
    b"\x81\xa2a\xff\x01",
    b"\x82\xa4name\xa1x\xaaattributes\x81\xa1a" + b"\x91" * 100_000 + b"\x01",
    b"\xdd\xff\xff\xff\xff\x01",
    b"\xc1",
    b"\x82\xa4name\xa1x\xaaattributes\x81\xa1a\xca\x7f\xc0\x00\x00",
    b"\x81\x01\x01",
    b"",
]


@pytest.mark.parametrize("body", MSGPACK_BODIES, ids=range(len(MSGPACK_BODIES)))
async def test_malformed_messagepack_has_a_plain_message(harness: DualDoorApp, body: bytes) -> None:
    answer = await harness.staff.client.post(
        "/v1/products", content=body, headers={"Content-Type": "application/msgpack"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
    assert not any(word in answer.text for word in FOREIGN_WORDS), answer.text


@pytest.mark.parametrize("depth", [30, 31, 500])
async def test_attributes_may_be_nested_32_levels_deep(harness: DualDoorApp, depth: int) -> None:
    headers = {"Content-Type": "application/json"}
    client = harness.staff.client
    rest = await client.post("/v1/products", content=nested(depth), headers=headers)
    graphql = await client.post("/graphql", content=graphql_body(nested(depth)), headers=headers)
    document = msgspec.json.encode(
        {
            "query": 'mutation { productCreate(input: {name: "x", attributes: {a: '
            + "[" * depth
            + "]" * depth
            + "}}) { id } }"
        }
    )
    literal = await client.post("/graphql", content=document, headers=headers)
    if depth == 30:
        assert (rest.status_code, "errors" in graphql.json(), "errors" in literal.json()) == (201, False, False)
        return
    assert rest.json()["detail"].startswith("The body is nested deeper than 32 levels at `/attributes/a/0/0")
    assert graphql.json()["errors"][0]["message"] == rest.json()["detail"]
    assert "nested" in literal.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ products(first: " + "9" * 5000 + ") { nodes { id } } }", "the number has too many digits"),
        ("{ products(filter: " + "[" * 900 + "]" * 900 + ") { nodes { id } } }", "nested too deeply"),
        ("{ a" * 600 + "}" * 600, "nested too deeply"),
        ("query($a: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }", "nested too deeply"),
    ],
    ids=["digits", "lists", "fields", "types"],
)
async def test_a_document_beyond_the_parser_has_a_plain_message(harness: DualDoorApp, query: str, message: str) -> None:
    answer = await harness.anonymous.client.post("/graphql", json={"query": query})
    [error, *_] = answer.json()["errors"]
    assert message in error["message"]
    assert not any(word in error["message"] for word in FOREIGN_WORDS)
    assert len(error["message"]) <= 1000


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", 'The body is not a GraphQL request: it must be an object such as `{"query": "{ __typename }"}`.'),
        (
            b'"{ __typename }"',
            'The body is not a GraphQL request: it must be an object such as `{"query": "{ __typename }"}`.',
        ),
        (b'{"query": 5}', "The body is not a GraphQL request: `query` must be a string."),
        (b'{"query": "{ a }", "variables": [1]}', "The body is not a GraphQL request: `variables` must be an object."),
        (
            b'{"query": "{ a }", "operationName": {}}',
            "The body is not a GraphQL request: `operationName` must be a string.",
        ),
    ],
)
async def test_a_body_that_is_no_graphql_request_is_named(harness: DualDoorApp, body: bytes, detail: str) -> None:
    answer = await harness.anonymous.client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, detail)


async def test_the_last_of_several_equal_keys_counts_as_in_other_json_apis(harness: DualDoorApp) -> None:
    first, last = unique("First"), unique("Last")
    body = f'{{"name":"{first}","name":"{last}","attributes":{{"a":1,"a":2}}}}'.encode()
    headers = {"Content-Type": "application/json"}
    rest = (await harness.staff.client.post("/v1/products", content=body, headers=headers)).json()
    answer = await harness.staff.client.post("/graphql", content=graphql_body(body), headers=headers)
    graphql = answer.json()["data"]["productCreate"]
    assert (rest["name"], rest["attributes"]) == (graphql["name"], graphql["attributes"]) == (last, {"a": 2})


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
async def test_a_number_over_64_bits_has_the_same_fault_at_both_doors(harness: DualDoorApp, number: int) -> None:
    body: dict[str, Any] = {"name": "x", "attributes": {"a": number}}
    headers = {"Content-Type": "application/json"}
    content = msgspec.json.encode(body)
    rest = (await harness.staff.client.post("/v1/products", content=content, headers=headers)).json()
    answer = await harness.staff.client.post("/graphql", content=graphql_body(content), headers=headers)
    fault = {"pointer": "/attributes/a", "code": "out_of_range", "detail": "The number does not fit into 64 bits."}
    assert rest["errors"] == answer.json()["errors"][0]["extensions"]["errors"] == [fault]
