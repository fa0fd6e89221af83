"""Vulnerabilities of other servers, tried here. A test is named after the CVE elsewhere.

Those about budgets, sockets, logins and accounts are in the tests of these subjects.
"""

from typing import Any

import pytest

from tests.factories import variant_input
from tests.parity.harness import SECRET_WORD, DualDoorApp, Json
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.problems import Unauthenticated
from tradepost.kit.writes.call_context import CallContext


async def test_cve_2025_31481_node_applies_the_access_rules(harness: DualDoorApp, secret_products: Json) -> None:
    """API Platform: `node` returned rows without the access rules of their own operations."""
    draft = secret_products["draft"]
    entries = (await harness.staff.rest("GET", "/audit", params={"subject": draft["id"], "fields": "id"})).json()
    ids = [draft["id"], draft["variants"][0]["id"], entries["data"][0]["id"]]
    text = "query ($id: ID!, $ids: [ID!]!) { node(id: $id) { id } nodes(ids: $ids) { id } }"
    for id in ids:
        variables = {"id": id, "ids": ids}
        assert await harness.anonymous.data(text, variables) == {"node": None, "nodes": [None] * 3}
        assert await harness.staff.data(text, variables) == {"node": {"id": id}, "nodes": [{"id": i} for i in ids]}
    restricted = f'{{ node(id: "{secret_products["active"]["id"]}") {{ ... on Product {{ source }} }} }}'
    [error] = (await harness.anonymous.post(restricted))["errors"]
    assert error["extensions"]["code"] == "unauthenticated"


async def test_cve_2024_54151_a_call_without_a_caller_has_no_permissions(
    harness: DualDoorApp, secret_products: Json
) -> None:
    """Directus: a request without a principal ran with the permissions of an administrator."""
    assert (ANONYMOUS.id, ANONYMOUS.permissions, ANONYMOUS.is_authenticated) == (None, frozenset(), False)
    state = harness.app.state
    context = CallContext(Caller(), state.database, dependencies=state.dependencies)
    for name, operation in harness.registry.operations.items():
        if operation.access.permission:
            # The access rule is checked before the arguments, so there need not be any.
            with pytest.raises(Unauthenticated):
                await operation.__get__(operation.service(context), operation.service)()
            assert operation.access.check(caller_with(operation.access.permission)) is None, name
    draft = f"/products/{secret_products['draft']['id']}"
    for headers in (
        {},
        {"X-API-Key": ""},
        {"Authorization": ""},
        {"Authorization": "Bearer null"},
        {"X-User": "admin"},
        {"X-Cart-Token": "x"},
    ):
        for method, path in (("GET", "/audit"), ("POST", "/products"), ("GET", draft)):
            body = {"json": {"name": "x"}} if method == "POST" else {}
            answer = await harness.anonymous.rest(method, path, headers=headers, **body)
            # Invalid credentials are refused for the public read as well.
            allowed = (401, 404) if path == draft else (401,)
            assert answer.status_code in allowed, (headers, path)


def caller_with(permission: str) -> Caller:
    """Return a caller with one permission."""
    return Caller(id="01890a5d-ac96-774b-bcce-b302099a800a", role="staff", permissions=frozenset({permission}))


async def test_cve_2024_39895_a_repeated_field_is_read_once(harness: DualDoorApp, secret_products: Json) -> None:
    """Directus: a repeated field was computed each time, until the server stopped."""
    once = await data_and_statements(harness, "{ products(first: 2) { nodes { id variants { sku } } } }")
    repeated = "nodes { id variants { sku } } " * 50
    nested = "nodes { id " + "variants { sku sku sku } " * 50 + "} "
    for fields in (repeated, nested):
        assert await data_and_statements(harness, f"{{ products(first: 2) {{ {fields} }} }}") == once
    document = {"query": "{" + " products { nodes { id } }" * 100 + "}"}
    refused = await harness.anonymous.client.post("/graphql", json=document)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (400, "document_too_large")
    params = {"limit": "2", "fields": "id," + "variants{sku}," * 50}
    rest, statements = await harness.record(harness.anonymous.rest("GET", "/products", params=params))
    assert rest.status_code == 200
    assert len(statements) == once[1]


async def data_and_statements(harness: DualDoorApp, text: str) -> tuple[Any, int]:
    """Return the data of a document, and the number of SQL statements."""
    data, statements = await harness.record(harness.anonymous.data(text))
    return data, len(statements)


async def test_cve_2025_30352_a_search_does_not_look_into_hidden_members(
    harness: DualDoorApp, secret_products: Json
) -> None:
    """Directus: a search looked into members that the caller may not read."""
    cost = secret_products["active"]["source"]["cost"]
    for caller in (harness.anonymous, harness.staff):
        for word in (SECRET_WORD, cost, cost.split("-")[-1]):
            listed = (await caller.rest("GET", "/products", params={"q": word, "fields": "id"})).json()["data"]
            data = await caller.data(f'{{ products(filter: {{q: "{word}"}}) {{ nodes {{ id }} }} }}')
            assert (listed, data["products"]["nodes"]) == ([], []), word
    shown, hidden = secret_products["active"], secret_products["draft"]
    for word in (hidden["name"].split()[1], hidden["variants"][0]["sku"]):
        assert (await harness.anonymous.rest("GET", "/products", params={"q": word})).json()["data"] == []
    params = {"q": shown["variants"][0]["sku"], "fields": "id"}
    assert (await harness.anonymous.rest("GET", "/products", params=params)).json()["data"] == [{"id": shown["id"]}]


@pytest.mark.parametrize(
    "fields",
    [
        "source",
        "a: source",
        "name: source",
        "x: source, name",
        "variants{sku: source}",
        "variants{product{p: source}}",
    ],
)
async def test_cve_2024_34708_an_alias_does_not_reveal_a_restricted_member(
    harness: DualDoorApp, secret_products: Json, fields: str
) -> None:
    """Directus: a value that was redacted under its own name was returned under an alias."""
    id = secret_products["active"]["id"]
    answer = await harness.anonymous.rest("GET", f"/products/{id}", params={"fields": fields})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert SECRET_WORD not in answer.text
    selection = fields.replace("{", " { ").replace("}", " } ").replace(",", " ")
    document = f'{{ product(id: "{id}") {{ {selection} }} node(id: "{id}") {{ ... on Product {{ {selection} }} }} }}'
    fragment = f"{document} fragment F on Product {{ a: source }}".replace(selection, f"{selection} ...F", 1)
    for text in (document, fragment):
        graphql = await harness.anonymous.client.post("/graphql", json={"query": text})
        assert "unauthenticated" in graphql.text, text
        assert SECRET_WORD not in graphql.text


async def test_cve_2026_33756_a_batch_over_100_items_is_refused(harness: DualDoorApp) -> None:
    """A batch took any number of documents or items, each as expensive as a request."""
    one = {"query": "{ __typename }"}
    for documents in ([], [one], [one] * 1000):
        answer = await harness.anonymous.client.post("/graphql", json=documents)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "malformed")
    item = {"op": "create", "input": {"name": "One of many"}}
    before = await product_count(harness)
    answer = await harness.staff.rest("POST", "/products/batch", json={"items": [item] * 101})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
    text = (
        "mutation ($items: [ProductBatchItemInput!]!) { productBatch(input: {items: $items}) { results { status } } }"
    )
    [error] = (await harness.staff.post(text, {"items": [item | {"op": "CREATE"}] * 101}))["errors"]
    assert error["extensions"]["code"] == "validation"
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    [error] = (await harness.anonymous.post(text, {"ids": ["x"] * 101}))["errors"]
    assert error["extensions"]["code"] == "invalid_parameter"
    body = {"name": "Many", "variants": [variant_input() for _ in range(101)]}
    assert (await harness.staff.rest("POST", "/products", json=body)).status_code == 422
    assert await product_count(harness) == before


async def product_count(harness: DualDoorApp) -> int:
    """Return the number of products."""
    return (await harness.staff.rest("GET", "/products", params={"include": "total", "limit": "1"})).json()["total"]
