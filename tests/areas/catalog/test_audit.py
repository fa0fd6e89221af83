"""The audit: one entry beside each event, which says who called what through which door; none where nothing was changed."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import count_entries, count_events, entries_of, events_of
from tests.factories import make_category, make_product, read, unique, variant_input
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

BATCH = "mutation ($items: [ProductBatchItemInput!]!) { productBatch(input: {items: $items}) { results { status } } }"


async def told(app: "TradepostApp", subject: str) -> list[tuple[str, str, str]]:
    """Door, operation and type of the entries about a row; their types and data are those of its events."""
    entries = await entries_of(app, subject)
    assert [(e.type, e.data) for e in entries] == await events_of(app, subject)
    return [(e.door, e.operation, e.type) for e in entries]


async def graphql(staff: httpx.AsyncClient, text: str, **variables: Any) -> Any:
    """The data of a document that must succeed."""
    body = (
        await staff.post(
            "/graphql", json={"query": text, "variables": variables}, headers={"X-Request-Id": "by-graphql"}
        )
    ).json()
    assert "errors" not in body, body
    return body["data"]


async def test_an_entry_says_who_called_what_and_in_which_request(
    app: "TradepostApp", staff: httpx.AsyncClient, staff_key: str
) -> None:
    caller = await app.state.credentials.identify(staff_key)
    body = {"name": "Lamp", "slug": unique("lamp")}
    made = (await staff.post("/v1/products", json=body, headers={"X-Request-Id": "by-rest"})).json()
    await graphql(staff, 'mutation ($id: ID!) { productUpdate(id: $id, patch: {name: "Light"}) { id } }', id=made["id"])
    first, second = await entries_of(app, made["id"])
    assert (first.caller_id, first.role, first.door, first.operation, first.request_id) == (
        caller.id,
        "staff",
        "rest",
        "product_create",
        "by-rest",
    )
    assert (second.caller_id, second.role, second.door, second.operation) == (
        caller.id,
        "staff",
        "graphql",
        "product_update",
    )
    assert (second.request_id, second.type, second.data) == ("by-graphql", "product.updated", {"changed": ["name"]})
    assert await told(app, made["id"]) == [
        ("rest", "product_create", "product.created"),
        ("graphql", "product_update", "product.updated"),
    ]


async def test_what_follows_from_a_call_names_that_call(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, variants=[variant_input(100)])
    [variant] = (await read(staff, f"/v1/products/{product['id']}/variants"))["data"]
    await staff.patch(f"/v1/variants/{variant['id']}", json={"price": {"amount": 50, "currency": "EUR"}})
    assert await told(app, variant["id"]) == [
        ("rest", "product_create", "variant.created"),
        ("rest", "variant_update", "variant.updated"),
    ]
    assert await told(app, product["id"]) == [
        ("rest", "product_create", "product.created"),
        ("rest", "variant_update", "product.updated"),
    ]


async def test_an_item_of_a_batch_is_told_as_the_batch(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    item = {"op": "update", "id": product["id"], "patch": {"description": "By REST"}}
    assert (await staff.post("/v1/products/batch", json={"items": [item]})).status_code == 200
    await graphql(staff, BATCH, items=[{"op": "UPDATE", "id": product["id"], "patch": {"description": "By GraphQL"}}])
    assert (await told(app, product["id"]))[1:] == [
        ("rest", "product_batch", "product.updated"),
        ("graphql", "product_batch", "product.updated"),
    ]


async def test_an_upsert_is_told_once_for_a_product(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    item = {
        "op": "upsert",
        "input": {"name": "Lamp", "external_reference": unique("ref"), "variants": [variant_input(100)]},
    }
    changed = {"op": "upsert", "input": item["input"] | {"name": "Light"}}
    ids: list[str] = []
    for given, status in ((item, 201), (item, 200), (changed, 200)):
        [result] = (await staff.post("/v1/products/batch", json={"items": [given]}, params={"fields": "id"})).json()[
            "results"
        ]
        assert result["status"] == status
        ids.append(result["data"]["id"])
    [id] = set(ids)
    assert await told(app, id) == [
        ("rest", "product_batch", "product.created"),
        ("rest", "product_batch", "product.updated"),
    ]


async def test_each_mutation_of_a_document_is_told_by_its_own_name(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product, category = await make_product(staff), await make_category(staff)
    text = 'mutation ($p: ID!, $c: ID!) { a: productUpdate(id: $p, patch: {name: "A"}) { id } b: categoryDelete(id: $c) { id } c: productDelete(id: $p) { id } }'
    await graphql(staff, text, p=product["id"], c=category["id"])
    assert (await told(app, product["id"]))[1:] == [
        ("graphql", "product_update", "product.updated"),
        ("graphql", "product_delete", "product.deleted"),
    ]
    assert (await told(app, category["id"]))[1:] == [("graphql", "category_delete", "category.deleted")]


async def test_nothing_is_told_of_what_changed_nothing_or_was_refused(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product, other = await make_product(staff), await make_product(staff)
    path, before = f"/v1/products/{product['id']}", (await count_entries(app), await count_events(app))
    assert (await staff.patch(path, json={"name": product["name"]})).status_code == 200
    assert (await staff.patch(path, json={"slug": other["slug"]})).status_code == 409
    assert (await staff.patch(path, json={"name": "x"}, headers={"If-Match": '"99.x"'})).status_code == 412
    assert (await client.patch(path, json={"name": "x"})).status_code == 401
    items = [
        {"op": "update", "id": product["id"], "patch": {"name": "Undone"}},
        {"op": "create", "input": {"name": "x", "slug": other["slug"]}},
    ]
    assert (await staff.post("/v1/products/batch", json={"items": items}, params={"atomic": "true"})).status_code == 409
    assert (await count_entries(app), await count_events(app)) == before


async def test_a_failed_item_leaves_no_entry_and_its_neighbours_keep_theirs(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product, other, before = await make_product(staff), await make_product(staff), await count_entries(app)
    items = [
        {"op": "create", "input": {"name": "x", "slug": other["slug"]}},
        {"op": "update", "id": product["id"], "patch": {"name": "Kept"}},
    ]
    results = (await staff.post("/v1/products/batch", json={"items": items})).json()["results"]
    assert [r["status"] for r in results] == [409, 200]
    assert await count_entries(app) == before + 1
    assert await told(app, product["id"]) == [
        ("rest", "product_create", "product.created"),
        ("rest", "product_batch", "product.updated"),
    ]


async def test_an_entry_goes_with_its_rolled_back_transaction(app: "TradepostApp", staff_key: str) -> None:
    database = app.state.database
    context = CallContext(await app.state.credentials.identify(staff_key), database, "a-test", door="cli")
    before = await count_entries(app), await count_events(app)

    async def stumble() -> None:
        async with database.transaction() as session:
            context.work.session = session
            context.emit("product.updated", "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02", changed=["name"])
            await session.flush()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await stumble()
    assert (await count_entries(app), await count_events(app)) == before
