"""Replays: the outcome as it was, at either door and in any selection, whatever has become of the row."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.factories import make_category, make_product, make_variant, unique, variant_input
from tests.parity.test_account_replays import KEYED
from tests.reliability.client import DualDoorClient, problem_in, records, replayed_fields

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.usefixtures("no_claims_left")

type Write = tuple[str, str, Any, str, Any]
"""Method and path, the body in REST, the GraphQL field with its arguments, and the `input` or `patch` in GraphQL where its names are others."""


async def product(mine: DualDoorClient) -> str:
    category = await make_category(mine.client)
    return (await make_product(mine.client, category_id=category["id"], tags=["old"], variants=[variant_input()]))["id"]


async def category(mine: DualDoorClient) -> str:
    return (await make_category(mine.client, parent_id=(await make_category(mine.client))["id"]))["id"]


async def variant(mine: DualDoorClient) -> str:
    return (
        await make_variant(
            mine.client, (await make_product(mine.client))["id"], compare_at_price={"amount": 5000, "currency": "EUR"}
        )
    )["id"]


async def nothing(mine: DualDoorClient) -> str:
    return ""


def variant_change() -> Any:
    return variant_input(attributes={"free_key": [1.5, True, None]})


# Operation: the row that it needs, method and path, body, arguments in GraphQL; `$body` stands for the body, which both doors spell alike.
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
# What each door is asked for besides; deep enough to have every kind of place in a row.
ASKED = {
    "product": ("id,a:name,links,price_from{currency},p:price_from,category{name,links},variants{sku,price},version,tags,attributes",
                "id a: name availableActions priceFrom { currency } category { name } variants { sku price { amount } } version tags attributes status"),
    "category": ("id,slug,parent{slug,links},children(first:2){id},version,links", "id slug parent { slug } children(first: 2) { nodes { id } } version"),
    "variant": ("id,options,price,compare_at_price{currency},c:compare_at_price,product{slug,links},links,barcode,attributes",
                "id options price { amount } compareAtPrice { currency } product { slug } version weightGrams attributes"),
}  # fmt: skip


def document(operation: str, arguments: str, key: str, asked: str) -> str:
    """The mutation of an operation."""
    kind, verb = operation.split("_")
    given = INPUTS.get(operation, f"{kind.title()}Input")
    head = f"mutation($body: {given}!)" if "$body" in arguments else "mutation"
    return f'{head} {{ {kind}{verb.title()}({arguments}) @idempotent(key: "{key}") {{ {asked} }} }}'


def shown(answer: httpx.Response) -> Any:
    """The bytes of REST, the data of GraphQL."""
    return answer.json()["data"] if "data" in (answer.json() if answer.content else {}) else answer.content


def test_every_write_is_replayed_here(app: "TradepostApp") -> None:
    # Those of the accounts, whose callers differ, are replayed in tests/parity/test_account_replays.py.
    assert {*WRITES, "product_batch", *KEYED} == {n for n, o in app.state.registry.operations.items() if o.accepts_idempotency_key}


@pytest.mark.parametrize("operation", WRITES)
async def test_a_write_is_replayed_at_both_doors(operation: str, app: "TradepostApp", mine: DualDoorClient) -> None:
    make, method, path, body, arguments = WRITES[operation]
    kind, verb = operation.split("_")
    for first_door in ("rest", "graphql"):
        id, key, given = await make(mine), unique("key"), body()
        fields, asked = ASKED[kind]
        if verb == "delete":
            # What was below it is gone with it, so its to-many relations are read anew as empty.
            fields, asked = "", asked.replace("variants { sku price { amount } }", "")
        text = document(operation, arguments.replace("{0}", id), key, asked)

        async def rest(key: str = key, given: Any = given, id: str = id, fields: str = fields) -> httpx.Response:
            return await mine.rest(method, path.format(id), key, given, query={"fields": fields} if fields else None)

        async def graphql(text: str = text, given: Any = given) -> httpx.Response:
            return await mine.graphql(text, **({"body": given} if given is not None else {}))

        calls = [rest, graphql] if first_door == "rest" else [graphql, rest]
        first, other, again, twice = [await c() for c in (calls[0], calls[1], calls[0], calls[1])]
        assert "idempotent-replayed" not in first.headers, first.text
        assert problem_in(first) is None, first.text
        for answer in (other, again, twice):
            assert answer.headers.get("idempotent-replayed") == "true", answer.text
            assert problem_in(answer) is None
        assert again.status_code == first.status_code
        assert shown(other) == shown(twice)
        name = f"{kind}{verb.title()}"
        if first_door == "rest":
            assert again.content == first.content
            assert {n: again.headers.get(n) for n in ("etag", "location")} == {
                n: first.headers.get(n) for n in ("etag", "location")
            }
            said, theirs = first.json() if first.content else {}, other.json()["data"][name]
        else:
            assert again.json()["data"] == first.json()["data"]
            said, theirs = other.json() if other.content else {}, first.json()["data"][name]
        if verb != "delete":
            assert theirs["id"] == said["id"]
        assert len(await records(app, key)) == 1


async def test_scalars_are_those_of_then_and_relations_those_of_now(mine: DualDoorClient) -> None:
    shelf = await make_category(mine.client, name="Before")
    name, key = unique("then"), unique("key")
    body = {"name": name, "category_id": shelf["id"], "variants": [variant_input()]}
    asked = {"fields": "id,name,version,category{name},variants{sku}"}
    first = (await mine.rest("POST", "/products", key, body, query=asked)).json()
    await mine.rest("PATCH", f"/categories/{shelf['id']}", None, {"name": "After"})
    await mine.rest("PATCH", f"/products/{first['id']}", None, {"name": "Another"})
    more = await make_variant(mine.client, first["id"])
    await mine.rest("PATCH", f"/products/{first['id']}", None, {"category_id": None})
    again = (await mine.rest("POST", "/products", key, body, query=asked)).json()
    assert again == first | {"category": {"name": "After"}, "variants": [*first["variants"], {"sku": more["sku"]}]}
    whole = (await mine.rest("POST", "/products", key, body)).json()
    assert (whole["name"], whole["version"], whole["category_id"]) == (name, 1, shelf["id"])


async def test_a_row_that_is_gone_is_answered_as_it_was(mine: DualDoorClient) -> None:
    key, body = (
        unique("key"),
        {
            "name": unique("gone"),
            "variants": [variant_input()],
            "category_id": (await make_category(mine.client))["id"],
        },
    )
    first = await mine.rest("POST", "/products", key, body)
    await mine.rest("DELETE", f"/products/{first.json()['id']}", None)
    again = await mine.rest("POST", "/products", key, body)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == f"/v1/products/{first.json()['id']}"
    asked = {"fields": "id,name,price_from,links,variants{sku},category{name}"}
    said = (await mine.rest("POST", "/products", key, body, query=asked)).json()
    assert said == {n: first.json()[n] for n in ("id", "name", "price_from", "links")} | {
        "variants": [],
        "category": {"name": "Shelf"},
    }


async def test_a_replay_comes_in_the_media_type_that_is_asked_for(mine: DualDoorClient) -> None:
    key, body = unique("key"), {"name": unique("packed")}
    first = await mine.rest("POST", "/products", key, body)
    packed = await mine.client.post(
        "/v1/products",
        content=msgspec.msgpack.encode(body),
        headers={"Content-Type": "application/msgpack", "Accept": "application/msgpack", "Idempotency-Key": key},
    )
    assert packed.headers["idempotent-replayed"] == "true"
    assert msgspec.msgpack.decode(packed.content) == first.json()


async def test_a_precondition_counts_when_the_write_runs_and_not_at_its_replay(mine: DualDoorClient) -> None:
    made, key = await make_product(mine.client), unique("key")
    path = f"/products/{made['id']}"
    first = await mine.rest("PATCH", path, key, {"name": "Two"}, If_Match='"1.anything"')
    assert first.status_code == 200
    again = await mine.rest("PATCH", path, key, {"name": "Two"}, If_Match='"1.of-another-representation"')
    assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, first.headers["etag"])
    text = 'mutation($id: ID!) { productUpdate(id: $id, patch: {name: "Two"}, expectedVersion: 1) { version } }'
    assert (await mine.graphql(text, header=key, id=made["id"])).json()["data"] == {"productUpdate": {"version": 2}}
    # Another version, or none, is another input.
    for headers in ({"If_Match": '"2.x"'}, {}):
        other = await mine.rest("PATCH", path, key, {"name": "Two"}, **headers)
        assert (problem_in(other) or {})["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    "kind", ["already_exists", "not_found", "precondition_failed", "conflict", "patch_test_failed"]
)
async def test_a_refusal_of_the_rules_is_an_outcome_too(kind: str, mine: DualDoorClient, app: "TradepostApp") -> None:
    key, taken = unique("key"), await make_product(mine.client)
    full = await make_category(mine.client)
    await make_product(mine.client, category_id=full["id"])
    calls: dict[str, tuple[str, str, Any, dict[str, str], str, dict[str, Any]]] = {
        "already_exists": ("POST", "/products", {"name": "x", "slug": taken["slug"]}, {},
                           "mutation($i: ProductCreateInput!) { productCreate(input: $i) { id } }", {"i": {"name": "x", "slug": taken["slug"]}}),
        "not_found": ("DELETE", f"/products/{full['id']}", None, {}, "mutation($i: ID!) { productDelete(id: $i) { id } }", {"i": full["id"]}),
        "precondition_failed": ("DELETE", f"/products/{taken['id']}", None, {"If_Match": '"7.x"'},
                                "mutation($i: ID!) { productDelete(id: $i, expectedVersion: 7) { id } }", {"i": taken["id"]}),
        "conflict": ("DELETE", f"/categories/{full['id']}", None, {}, "mutation($i: ID!) { categoryDelete(id: $i) { id } }", {"i": full["id"]}),
        "patch_test_failed": ("PATCH", f"/products/{taken['id']}", [{"op": "test", "path": "/name", "value": "Nobody"}],
                              {"Content_Type": "application/json-patch+json"},
                              'mutation($i: ID!) { productUpdate(id: $i, jsonPatch: [{op: "test", path: "/name", value: "Nobody"}]) { id } }',
                              {"i": taken["id"]}),
    }  # fmt: skip
    method, path, body, headers, text, variables = calls[kind]
    first = await mine.rest(method, path, key, body, **headers)
    assert (problem_in(first) or {})["code"] == kind
    # What stood in the way is gone; the outcome stays.
    await mine.rest("PATCH", f"/products/{taken['id']}", None, {"slug": unique("free"), "name": "Nobody"})
    again = await mine.rest(method, path, key, body, **headers)
    other = await mine.graphql(text, header=key, **variables)
    assert [a.headers.get("idempotent-replayed") for a in (first, again, other)] == [None, "true", "true"]
    said = {n: v for n, v in first.json().items() if n not in ("request_id", "title", "instance")}
    assert {n: v for n, v in again.json().items() if n not in ("request_id", "title", "instance")} == said
    [error] = other.json()["errors"]
    assert {n: v for n, v in error["extensions"].items() if n != "request_id"} == said
    assert error["extensions"]["request_id"] == other.headers["x-request-id"]
    assert replayed_fields(other) == error["path"]
    assert len(await records(app, key)) == 1
