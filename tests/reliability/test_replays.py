"""Replays: the stored outcome, at both doors, with any selection, even if the row has changed."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.factories import make_category, make_product, make_variant, unique, variant_input
from tests.parity.test_replays import KEYED
from tests.reliability.client import DualDoorClient, problem_in, records, replayed_fields

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.usefixtures("no_claims_left")


async def product(caller: DualDoorClient) -> str:
    """Create a product with a category and a variant, and return its id."""
    category = await make_category(caller.client)
    return (await make_product(caller.client, category_id=category["id"], tags=["old"], variants=[variant_input()]))[
        "id"
    ]


async def category(caller: DualDoorClient) -> str:
    """Create a category with a parent, and return its id."""
    return (await make_category(caller.client, parent_id=(await make_category(caller.client))["id"]))["id"]


async def variant(caller: DualDoorClient) -> str:
    """Create a variant with every price, and return its id."""
    product_id = (await make_product(caller.client))["id"]
    compare_at_price = {"amount": 5000, "currency": "EUR"}
    return (await make_variant(caller.client, product_id, compare_at_price=compare_at_price))["id"]


async def nothing(caller: DualDoorClient) -> str:
    """Create no row."""
    return ""


def variant_change() -> Any:
    """Return the body of a variant with attributes."""
    return variant_input(attributes={"free_key": [1.5, True, None]})


# By operation: the row that it needs, method, path, body and GraphQL arguments. `$body` is the
# body, which is the same at both doors.
WRITES: dict[str, tuple[Callable[[DualDoorClient], Awaitable[str]], str, str, Callable[[], Any], str]] = {
    "category_create": (nothing, "POST", "/categories", lambda: {"name": unique("new")}, "input: $body"),
    "category_replace": (category, "PUT", "/categories/{0}", lambda: {"name": "New"}, 'id: "{0}", input: $body'),
    "category_update": (category, "PATCH", "/categories/{0}", lambda: {"name": "New"}, 'id: "{0}", patch: $body'),
    "category_delete": (category, "DELETE", "/categories/{0}", lambda: None, 'id: "{0}"'),
    "product_create": (
        nothing,
        "POST",
        "/products",
        lambda: {"name": "New", "variants": [variant_input()]},
        "input: $body",
    ),
    "product_replace": (
        product,
        "PUT",
        "/products/{0}",
        lambda: {"name": "New", "attributes": {"a_b": {"c": 1}}},
        'id: "{0}", input: $body',
    ),
    "product_update": (
        product,
        "PATCH",
        "/products/{0}",
        lambda: {"name": "New", "description": None},
        'id: "{0}", patch: $body',
    ),
    "product_delete": (product, "DELETE", "/products/{0}", lambda: None, 'id: "{0}"'),
    "variant_replace": (variant, "PUT", "/variants/{0}", variant_change, 'id: "{0}", input: $body'),
    "variant_update": (
        variant,
        "PATCH",
        "/variants/{0}",
        lambda: {"price": {"amount": 7}, "barcode": None},
        'id: "{0}", patch: $body',
    ),
    "variant_delete": (variant, "DELETE", "/variants/{0}", lambda: None, 'id: "{0}"'),
    "variant_create": (product, "POST", "/products/{0}/variants", variant_input, 'productId: "{0}", input: $body'),
}
INPUTS = {
    "product_create": "ProductCreateInput",
    "product_update": "ProductPatch",
    "category_update": "CategoryPatch",
    "variant_update": "VariantPatch",
}
# The `fields` of REST and the selection of GraphQL, with every kind of member and relation.
SELECTIONS = {
    "product": (
        "id,a:name,links,price_from{currency},p:price_from,category{name,links},variants{sku,price},"
        "version,tags,attributes",
        "id a: name availableActions priceFrom { currency } category { name } variants { sku price { amount } } "
        "version tags attributes status",
    ),
    "category": (
        "id,slug,parent{slug,links},children(first:2){id},version,links",
        "id slug parent { slug } children(first: 2) { nodes { id } } version",
    ),
    "variant": (
        "id,options,price,compare_at_price{currency},c:compare_at_price,product{slug,links},links,barcode,attributes",
        "id options price { amount } compareAtPrice { currency } product { slug } version weightGrams attributes",
    ),
}


def document(operation: str, arguments: str, key: str, selection: str) -> str:
    """Return the mutation of an operation."""
    kind, verb = operation.split("_")
    input_type = INPUTS.get(operation, f"{kind.title()}Input")
    head = f"mutation($body: {input_type}!)" if "$body" in arguments else "mutation"
    return f'{head} {{ {kind}{verb.title()}({arguments}) @idempotent(key: "{key}") {{ {selection} }} }}'


def content(answer: httpx.Response) -> Any:
    """Return the bytes of a REST response, or the data of a GraphQL response."""
    return answer.json()["data"] if "data" in (answer.json() if answer.content else {}) else answer.content


def test_every_write_that_accepts_a_key_is_in_a_replay_test(app: "TradepostApp") -> None:
    # tests/parity/test_replays.py repeats the writes of every area that both doors have.
    operations = app.state.registry.operations
    assert {*WRITES, "product_batch", *KEYED} == {n for n, o in operations.items() if o.accepts_idempotency_key}


@pytest.mark.parametrize("operation", WRITES)
async def test_a_write_is_replayed_at_both_doors(operation: str, app: "TradepostApp", caller: DualDoorClient) -> None:
    create_row, method, path, create_body, arguments = WRITES[operation]
    kind, verb = operation.split("_")
    for first_door in ("rest", "graphql"):
        id, key, body = await create_row(caller), unique("key"), create_body()
        fields, selection = SELECTIONS[kind]
        if verb == "delete":
            # To-many relations are read when replayed, and are empty after the deletion.
            fields, selection = "", selection.replace("variants { sku price { amount } }", "")
        text = document(operation, arguments.replace("{0}", id), key, selection)

        async def rest(key: str = key, body: Any = body, id: str = id, fields: str = fields) -> httpx.Response:
            return await caller.rest(method, path.format(id), key, body, query={"fields": fields} if fields else None)

        async def graphql(text: str = text, body: Any = body) -> httpx.Response:
            return await caller.graphql(text, **({"body": body} if body is not None else {}))

        calls = [rest, graphql] if first_door == "rest" else [graphql, rest]
        first, other, again, twice = [await call() for call in (calls[0], calls[1], calls[0], calls[1])]
        assert "idempotent-replayed" not in first.headers, first.text
        assert problem_in(first) is None, first.text
        for answer in (other, again, twice):
            assert answer.headers.get("idempotent-replayed") == "true", answer.text
            assert problem_in(answer) is None
        assert again.status_code == first.status_code
        assert content(other) == content(twice)
        name = f"{kind}{verb.title()}"
        if first_door == "rest":
            assert again.content == first.content
            assert {n: again.headers.get(n) for n in ("etag", "location")} == {
                n: first.headers.get(n) for n in ("etag", "location")
            }
            by_rest, by_graphql = first, other
        else:
            assert again.json()["data"] == first.json()["data"]
            by_rest, by_graphql = other, first
        if verb != "delete":
            assert by_graphql.json()["data"][name]["id"] == by_rest.json()["id"]
        assert len(await records(app, key)) == 1


async def test_a_replay_has_the_stored_members_and_the_current_relations(caller: DualDoorClient) -> None:
    category = await make_category(caller.client, name="Before")
    name, key = unique("then"), unique("key")
    body = {"name": name, "category_id": category["id"], "variants": [variant_input()]}
    query = {"fields": "id,name,version,category{name},variants{sku}"}
    first = (await caller.rest("POST", "/products", key, body, query=query)).json()
    await caller.rest("PATCH", f"/categories/{category['id']}", None, {"name": "After"})
    await caller.rest("PATCH", f"/products/{first['id']}", None, {"name": "Another"})
    variant = await make_variant(caller.client, first["id"])
    await caller.rest("PATCH", f"/products/{first['id']}", None, {"category_id": None})
    again = (await caller.rest("POST", "/products", key, body, query=query)).json()
    assert again == first | {"category": {"name": "After"}, "variants": [*first["variants"], {"sku": variant["sku"]}]}
    unselected = (await caller.rest("POST", "/products", key, body)).json()
    assert (unselected["name"], unselected["version"], unselected["category_id"]) == (name, 1, category["id"])


async def test_a_replay_of_a_deleted_row_has_the_stored_members_and_empty_relations(caller: DualDoorClient) -> None:
    category_id = (await make_category(caller.client, name="Seats"))["id"]
    key, body = unique("key"), {"name": unique("gone"), "variants": [variant_input()], "category_id": category_id}
    first = await caller.rest("POST", "/products", key, body)
    await caller.rest("DELETE", f"/products/{first.json()['id']}", None)
    again = await caller.rest("POST", "/products", key, body)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == f"/v1/products/{first.json()['id']}"
    query = {"fields": "id,name,price_from,links,variants{sku},category{name}"}
    selected = (await caller.rest("POST", "/products", key, body, query=query)).json()
    assert selected == {n: first.json()[n] for n in ("id", "name", "price_from", "links")} | {
        "variants": [],
        "category": {"name": "Seats"},
    }


async def test_a_replay_has_the_requested_media_type(caller: DualDoorClient) -> None:
    key, body = unique("key"), {"name": unique("packed")}
    first = await caller.rest("POST", "/products", key, body)
    replay = await caller.client.post(
        "/v1/products",
        content=msgspec.msgpack.encode(body),
        headers={"Content-Type": "application/msgpack", "Accept": "application/msgpack", "Idempotency-Key": key},
    )
    assert replay.headers["idempotent-replayed"] == "true"
    assert msgspec.msgpack.decode(replay.content) == first.json()


async def test_a_precondition_is_checked_at_the_write_and_not_at_its_replay(caller: DualDoorClient) -> None:
    product, key = await make_product(caller.client), unique("key")
    path = f"/products/{product['id']}"
    first = await caller.rest("PATCH", path, key, {"name": "Two"}, If_Match='"1.anything"')
    assert first.status_code == 200
    again = await caller.rest("PATCH", path, key, {"name": "Two"}, If_Match='"1.of-another-representation"')
    assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, first.headers["etag"])
    text = 'mutation($id: ID!) { productUpdate(id: $id, patch: {name: "Two"}, expectedVersion: 1) { version } }'
    assert (await caller.graphql(text, header=key, id=product["id"])).json()["data"] == {
        "productUpdate": {"version": 2}
    }
    # Another version, or no version, is another input.
    other_versions: list[dict[str, Any]] = [{"If_Match": '"2.x"'}, {}]
    for headers in other_versions:
        other = await caller.rest("PATCH", path, key, {"name": "Two"}, **headers)
        assert (problem_in(other) or {})["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    "kind", ["already_exists", "not_found", "precondition_failed", "conflict", "patch_test_failed"]
)
async def test_a_problem_of_the_business_rules_is_replayed(
    kind: str, caller: DualDoorClient, app: "TradepostApp"
) -> None:
    key, taken = unique("key"), await make_product(caller.client)
    full = await make_category(caller.client)
    await make_product(caller.client, category_id=full["id"])
    calls: dict[str, tuple[str, str, Any, dict[str, Any], str, dict[str, Any]]] = {
        "already_exists": (
            "POST",
            "/products",
            {"name": "x", "slug": taken["slug"]},
            {},
            "mutation($i: ProductCreateInput!) { productCreate(input: $i) { id } }",
            {"i": {"name": "x", "slug": taken["slug"]}},
        ),
        "not_found": (
            "DELETE",
            f"/products/{full['id']}",
            None,
            {},
            "mutation($i: ID!) { productDelete(id: $i) { id } }",
            {"i": full["id"]},
        ),
        "precondition_failed": (
            "DELETE",
            f"/products/{taken['id']}",
            None,
            {"If_Match": '"7.x"'},
            "mutation($i: ID!) { productDelete(id: $i, expectedVersion: 7) { id } }",
            {"i": taken["id"]},
        ),
        "conflict": (
            "DELETE",
            f"/categories/{full['id']}",
            None,
            {},
            "mutation($i: ID!) { categoryDelete(id: $i) { id } }",
            {"i": full["id"]},
        ),
        "patch_test_failed": (
            "PATCH",
            f"/products/{taken['id']}",
            [{"op": "test", "path": "/name", "value": "Other"}],
            {"Content_Type": "application/json-patch+json"},
            "mutation($i: ID!) "
            '{ productUpdate(id: $i, jsonPatch: [{op: "test", path: "/name", value: "Other"}]) { id } }',
            {"i": taken["id"]},
        ),
    }
    method, path, body, headers, text, variables = calls[kind]
    first = await caller.rest(method, path, key, body, **headers)
    assert (problem_in(first) or {})["code"] == kind
    # The cause is removed; the outcome remains.
    await caller.rest("PATCH", f"/products/{taken['id']}", None, {"slug": unique("free"), "name": "Other"})
    again = await caller.rest(method, path, key, body, **headers)
    other = await caller.graphql(text, header=key, **variables)
    assert [a.headers.get("idempotent-replayed") for a in (first, again, other)] == [None, "true", "true"]
    problem = {n: v for n, v in first.json().items() if n not in ("request_id", "title", "instance")}
    assert {n: v for n, v in again.json().items() if n not in ("request_id", "title", "instance")} == problem
    [error] = other.json()["errors"]
    assert {n: v for n, v in error["extensions"].items() if n != "request_id"} == problem
    assert error["extensions"]["request_id"] == other.headers["x-request-id"]
    assert replayed_fields(other) == error["path"]
    assert len(await records(app, key)) == 1
