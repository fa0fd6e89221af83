"""The audit log: one entry per event, with caller, operation and door."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.events import count_entries, count_events, entries_of, events_of
from tests.factories import make_category, make_product, read, unique, variant_input
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

BATCH = "mutation ($items: [ProductBatchItemInput!]!) { productBatch(input: {items: $items}) { results { status } } }"


async def calls_about(app: "TradepostApp", subject: str) -> list[tuple[str, str, str]]:
    """Return door, operation and type of the entries about a row, which must match its events."""
    entries = await entries_of(app, subject)
    assert [(e.type, e.data) for e in entries] == await events_of(app, subject)
    return [(e.door, e.operation, e.type) for e in entries]


async def graphql(staff: httpx.AsyncClient, text: str, **variables: Any) -> Any:
    """Run a document that must succeed and return its data."""
    body = (
        await staff.post(
            "/graphql", json={"query": text, "variables": variables}, headers={"X-Request-Id": "by-graphql"}
        )
    ).json()
    assert "errors" not in body, body
    return body["data"]


async def test_an_entry_records_caller_role_door_operation_and_request(
    app: "TradepostApp", staff: httpx.AsyncClient, staff_key: str
) -> None:
    caller = await app.state.credentials.identify(staff_key)
    body = {"name": "Lamp", "slug": unique("lamp")}
    created = (await staff.post("/v1/products", json=body, headers={"X-Request-Id": "by-rest"})).json()
    await graphql(
        staff, 'mutation ($id: ID!) { productUpdate(id: $id, patch: {name: "Light"}) { id } }', id=created["id"]
    )
    first, second = await entries_of(app, created["id"])
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
    assert await calls_about(app, created["id"]) == [
        ("rest", "product_create", "product.created"),
        ("graphql", "product_update", "product.updated"),
    ]


async def test_entries_of_indirect_changes_record_the_operation_that_caused_them(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, variants=[variant_input(100)])
    [variant] = (await read(staff, f"/v1/products/{product['id']}/variants"))["data"]
    await staff.patch(f"/v1/variants/{variant['id']}", json={"price": {"amount": 50, "currency": "EUR"}})
    assert await calls_about(app, variant["id"]) == [("rest", "variant_update", "variant.updated")]
    assert await calls_about(app, product["id"]) == [
        ("rest", "product_create", "product.created"),
        ("rest", "variant_update", "product.updated"),
    ]


async def test_an_item_of_a_batch_is_recorded_as_the_batch_operation(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    item = {"op": "update", "id": product["id"], "patch": {"description": "By REST"}}
    assert (await staff.post("/v1/products/batch", json={"items": [item]})).status_code == 200
    await graphql(staff, BATCH, items=[{"op": "UPDATE", "id": product["id"], "patch": {"description": "By GraphQL"}}])
    assert (await calls_about(app, product["id"]))[1:] == [
        ("rest", "product_batch", "product.updated"),
        ("graphql", "product_batch", "product.updated"),
    ]


async def test_an_upsert_is_recorded_once_per_changed_product(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    item = {
        "op": "upsert",
        "input": {"name": "Lamp", "external_reference": unique("ref"), "variants": [variant_input(100)]},
    }
    changed = {"op": "upsert", "input": item["input"] | {"name": "Light"}}
    ids: list[str] = []
    for change, status in ((item, 201), (item, 200), (changed, 200)):
        [result] = (await staff.post("/v1/products/batch", json={"items": [change]}, params={"fields": "id"})).json()[
            "results"
        ]
        assert result["status"] == status
        ids.append(result["data"]["id"])
    [id] = set(ids)
    assert await calls_about(app, id) == [
        ("rest", "product_batch", "product.created"),
        ("rest", "product_batch", "product.updated"),
    ]


async def test_each_mutation_of_a_document_is_recorded_under_its_own_operation(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product, category = await make_product(staff), await make_category(staff)
    text = """mutation ($p: ID!, $c: ID!) {
      a: productUpdate(id: $p, patch: {name: "A"}) { id }
      b: categoryDelete(id: $c) { id }
      c: productDelete(id: $p) { id }
    }"""
    await graphql(staff, text, p=product["id"], c=category["id"])
    assert (await calls_about(app, product["id"]))[1:] == [
        ("graphql", "product_update", "product.updated"),
        ("graphql", "product_delete", "product.deleted"),
    ]
    assert (await calls_about(app, category["id"]))[1:] == [("graphql", "category_delete", "category.deleted")]


async def test_unchanged_and_refused_writes_leave_no_entry(
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


async def test_a_failed_item_leaves_no_entry_and_other_items_keep_theirs(
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
    assert await calls_about(app, product["id"]) == [
        ("rest", "product_create", "product.created"),
        ("rest", "product_batch", "product.updated"),
    ]


async def test_an_entry_is_rolled_back_with_its_transaction(app: "TradepostApp", staff_key: str) -> None:
    database = app.state.database
    context = CallContext(await app.state.credentials.identify(staff_key), database, "a-test", door="cli")
    before = await count_entries(app), await count_events(app)

    async def fail() -> None:
        async with database.transaction() as session:
            context.work.session = session
            context.emit("product.updated", "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02", changed=["name"])
            await session.flush()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await fail()
    assert (await count_entries(app), await count_events(app)) == before
