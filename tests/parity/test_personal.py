"""No cache keeps personal data: what is somebody's own is `no-store` at both doors, wherever in an answer it stands; known tags still get 304."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.factories import make_product
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PUBLIC, PRIVATE = "public, max-age=60, stale-while-revalidate=300", "private, no-cache"


@pytest.fixture
async def own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["TradepostApp"]:
    """A shop whose categories are personal, although whoever comes may read them."""
    from tradepost.app import create_app
    from tradepost.areas.catalog.resource import categories

    monkeypatch.setattr(categories, "personal", True)
    shop = create_app(msgspec.structs.replace(settings, redis_url=None))
    async with shop.lifespan():
        yield shop


@pytest.fixture
async def visitor(own: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A visitor of that shop."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=own), base_url=HERE) as client:
        yield client


async def keeping(client: httpx.AsyncClient, path: str, **params: str) -> str:
    """Who may keep an answer, which also has a tag and knows it again."""
    whole = await client.get(path, params=params)
    assert whole.status_code == 200, whole.text
    again = await client.get(path, params=params, headers={"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (304, whole.headers["etag"])
    assert whole.headers["cache-control"] == again.headers["cache-control"]
    return whole.headers["cache-control"]


async def test_the_audit_is_kept_by_no_cache(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    entry = (await staff.get("/v1/audit", params={"subject": product["id"]})).json()["data"][0]["id"]
    assert await keeping(staff, "/v1/audit") == "no-store"
    assert await keeping(staff, f"/v1/audit/{entry}", fields="id") == "no-store"
    for text in (
        "{ audit(first: 2) { nodes { id } } }",
        f'{{ auditEntry(id: "{entry}") {{ id }} }}',
        f'{{ node(id: "{entry}") {{ id }} }}',
        f'{{ nodes(ids: ["{product["id"]}", "{entry}"]) {{ id }} }}',
        "{ products(first: 1) { nodes { id } } audit(first: 2) { nodes { type } } }",
    ):
        assert await keeping(staff, "/graphql", query=text) == "no-store", text


async def test_what_is_not_personal_is_kept_as_before(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    product = (await make_product(staff))["id"]
    for caller, kept in ((client, PUBLIC), (staff, PRIVATE)):
        assert await keeping(caller, "/v1/products", limit="2", fields="id,category{id}") == kept
        for text in (
            "{ products(first: 1) { nodes { id category { id } } } }",
            f'{{ node(id: "{product}") {{ id ... on AuditEntry {{ type }} }} }}',
            f'{{ nodes(ids: ["{product}", "nothing"]) {{ id }} }}',
        ):
            assert await keeping(caller, "/graphql", query=text) == kept, text


async def test_a_relation_to_what_is_personal_makes_the_whole_answer_so(visitor: httpx.AsyncClient) -> None:
    one = (await visitor.get("/v1/products", params={"limit": "1", "fields": "id"})).json()["data"][0]["id"]
    assert await keeping(visitor, f"/v1/products/{one}") == PUBLIC
    assert await keeping(visitor, f"/v1/products/{one}", fields="id,category{id}") == "no-store"
    assert await keeping(visitor, "/v1/tags", fields="id,products{categories{id}}") == "no-store"
    assert await keeping(visitor, "/v1/categories") == "no-store"
    for below, kept in (
        ("id", PUBLIC),
        ("id category { id }", "no-store"),
        ("id variants { product { categories { id } } }", "no-store"),
    ):
        for text in (
            f"{{ products(first: 1) {{ nodes {{ {below} }} }} }}",
            f'{{ product(id: "{one}") {{ {below} }} }}',
        ):
            assert await keeping(visitor, "/graphql", query=text) == kept, text
        text = f'{{ node(id: "{one}") {{ ... on Product {{ {below} }} ... on Tag {{ products {{ nodes {{ category {{ id }} }} }} }} }} }}'
        assert await keeping(visitor, "/graphql", query=text) == kept, text


async def test_nor_is_it_looked_for_in_our_own_cache(own: "TradepostApp", visitor: httpx.AsyncClient) -> None:
    one = (await visitor.get("/v1/products", params={"limit": "1", "fields": "id"})).json()["data"][0]["id"]
    for fields, below, asks in (("id", "id", True), ("id,category{id}", "id category { id }", False)):
        texts = [
            f"{{ products(first: 1) {{ nodes {{ {below} }} }} }}", f'{{ product(id: "{one}") {{ {below} }} }}',
            f'{{ node(id: "{one}") {{ ... on Product {{ {below} }} }} }}', f'{{ nodes(ids: ["{one}"]) {{ ... on Product {{ {below} }} }} }}',
        ]  # fmt: skip
        reads = [(f"/v1/products/{one}", {"fields": fields}), *[("/graphql", {"query": text}) for text in texts]]
        for path, params in reads:
            before = own.state.cache.misses
            assert (await visitor.get(path, params=params)).status_code == 200
            assert (own.state.cache.misses > before) is asks, (path, params)


async def test_a_fault_is_kept_by_no_cache_either(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/graphql",
        params={
            "query": "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            "variables": '{"ids": [' + '"x",' * 100 + '"x"]}',
        },
    )
    assert "errors" in answer.json()
    assert answer.headers["cache-control"] == "no-store"
