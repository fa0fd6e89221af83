"""No cache stores personal data: at both doors an answer that contains some is `no-store`.

It still has an entity tag.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.factories import make_product
from tests.guests import guest_client
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PUBLIC, PRIVATE = "public, max-age=60, stale-while-revalidate=300", "private, no-cache"


@pytest.fixture
async def app_with_personal_categories(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator["TradepostApp"]:
    """An app whose categories are personal data, although everyone may read them."""
    from tradepost.app import create_app
    from tradepost.areas.catalog.resource import categories

    monkeypatch.setattr(categories, "personal", True)
    app = create_app(msgspec.structs.replace(settings, redis_url=None))
    async with app.lifespan():
        yield app


@pytest.fixture
async def visitor(app_with_personal_categories: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client of that app, without a credential."""
    transport = httpx.ASGITransport(app=app_with_personal_categories)
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        yield client


async def cache_control(client: httpx.AsyncClient, path: str, **params: str) -> str:
    """Return the Cache-Control of an answer, which also has an entity tag that gets a 304."""
    whole = await client.get(path, params=params)
    assert whole.status_code == 200, whole.text
    unchanged = await client.get(path, params=params, headers={"if-none-match": whole.headers["etag"]})
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, whole.headers["etag"])
    assert whole.headers["cache-control"] == unchanged.headers["cache-control"]
    return whole.headers["cache-control"]


async def test_an_answer_with_audit_entries_is_not_stored(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    entry = (await staff.get("/v1/audit", params={"subject": product["id"]})).json()["data"][0]["id"]
    assert await cache_control(staff, "/v1/audit") == "no-store"
    assert await cache_control(staff, f"/v1/audit/{entry}", fields="id") == "no-store"
    for text in (
        "{ audit(first: 2) { nodes { id } } }",
        f'{{ auditEntry(id: "{entry}") {{ id }} }}',
        f'{{ node(id: "{entry}") {{ id }} }}',
        f'{{ nodes(ids: ["{product["id"]}", "{entry}"]) {{ id }} }}',
        "{ products(first: 1) { nodes { id } } audit(first: 2) { nodes { type } } }",
    ):
        assert await cache_control(staff, "/graphql", query=text) == "no-store", text


async def test_an_answer_without_personal_data_may_be_stored(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = (await make_product(staff))["id"]
    for caller, expected in ((client, PUBLIC), (staff, PRIVATE)):
        assert await cache_control(caller, "/v1/products", limit="2", fields="id,category{id}") == expected
        for text in (
            "{ products(first: 1) { nodes { id category { id } } } }",
            f'{{ node(id: "{product}") {{ id ... on AuditEntry {{ type }} }} }}',
            f'{{ nodes(ids: ["{product}", "nothing"]) {{ id }} }}',
        ):
            assert await cache_control(caller, "/graphql", query=text) == expected, text


async def test_a_relation_to_personal_data_makes_the_whole_answer_no_store(visitor: httpx.AsyncClient) -> None:
    one = (await visitor.get("/v1/products", params={"limit": "1", "fields": "id"})).json()["data"][0]["id"]
    assert await cache_control(visitor, f"/v1/products/{one}") == PUBLIC
    assert await cache_control(visitor, f"/v1/products/{one}", fields="id,category{id}") == "no-store"
    assert await cache_control(visitor, "/v1/tags", fields="id,products{categories{id}}") == "no-store"
    assert await cache_control(visitor, "/v1/categories") == "no-store"
    for below, expected in (
        ("id", PUBLIC),
        ("id category { id }", "no-store"),
        ("id variants { product { categories { id } } }", "no-store"),
    ):
        for text in (
            f"{{ products(first: 1) {{ nodes {{ {below} }} }} }}",
            f'{{ product(id: "{one}") {{ {below} }} }}',
        ):
            assert await cache_control(visitor, "/graphql", query=text) == expected, text
        tag = "... on Tag { products { nodes { category { id } } } }"
        text = f'{{ node(id: "{one}") {{ ... on Product {{ {below} }} {tag} }} }}'
        assert await cache_control(visitor, "/graphql", query=text) == expected, text


async def test_a_guest_gets_personal_data_that_is_not_stored_and_other_data_that_is_not_shared(
    app_with_personal_categories: "TradepostApp",
) -> None:
    document = "{{ {} {{ nodes {{ id }} }} }}"
    async with guest_client(app_with_personal_categories) as guest:
        for name, expected in (("categories", "no-store"), ("brands", PRIVATE)):
            assert await cache_control(guest, f"/v1/{name}") == expected
            assert await cache_control(guest, "/graphql", query=document.format(name)) == expected


async def test_personal_data_is_not_looked_up_in_the_read_cache(
    app_with_personal_categories: "TradepostApp", visitor: httpx.AsyncClient
) -> None:
    one = (await visitor.get("/v1/products", params={"limit": "1", "fields": "id"})).json()["data"][0]["id"]
    for fields, below, is_looked_up in (("id", "id", True), ("id,category{id}", "id category { id }", False)):
        texts = [
            f"{{ products(first: 1) {{ nodes {{ {below} }} }} }}",
            f'{{ product(id: "{one}") {{ {below} }} }}',
            f'{{ node(id: "{one}") {{ ... on Product {{ {below} }} }} }}',
            f'{{ nodes(ids: ["{one}"]) {{ ... on Product {{ {below} }} }} }}',
        ]
        reads = [(f"/v1/products/{one}", {"fields": fields}), *[("/graphql", {"query": text}) for text in texts]]
        for path, params in reads:
            before = app_with_personal_categories.state.cache.misses
            assert (await visitor.get(path, params=params)).status_code == 200
            assert (app_with_personal_categories.state.cache.misses > before) is is_looked_up, (path, params)


async def test_an_answer_with_an_error_is_not_stored(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/graphql",
        params={
            "query": "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            "variables": '{"ids": [' + '"x",' * 100 + '"x"]}',
        },
    )
    assert "errors" in answer.json()
    assert answer.headers["cache-control"] == "no-store"
