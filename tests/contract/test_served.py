"""The contract documents over HTTP, for callers who may introspect."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import cache

import httpx
import msgspec
import pytest

from tests.app_client import AppClient
from tradepost.app import create_app
from tradepost.settings import Settings

# The documents do not depend on the database.
pytestmark = pytest.mark.once

DOCUMENTS = {
    "/openapi.json": ("openapi.json", "application/json"),
    "/v1/openapi.json": ("openapi.json", "application/json"),
    "/v2/openapi.json": ("openapi.v2.json", "application/json"),
    "/events.json": ("events.json", "application/json"),
    "/schema.graphql": ("schema.graphql", "application/graphql; charset=utf-8"),
}


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_a_document_is_served_byte_for_byte(
    path: str, client: httpx.AsyncClient, contract: Mapping[str, bytes]
) -> None:
    name, media = DOCUMENTS[path]
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, media, contract[name])
    assert (await client.get(path, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304
    assert (await client.head(path)).headers["etag"] == answer.headers["etag"]


async def test_the_version_can_be_named_by_a_header(client: httpx.AsyncClient, contract: Mapping[str, bytes]) -> None:
    assert (await client.get("/openapi.json", headers={"X-API-Version": "2"})).content == contract["openapi.v2.json"]


async def test_concurrent_first_requests_make_the_documents_once(settings: Settings) -> None:
    app = create_app(settings)
    make, made = app.state.contract.__wrapped__, list[str]()

    @cache
    def counted() -> Mapping[str, bytes]:
        made.append("documents")
        return make()

    app.state.contract = counted
    transport = httpx.ASGITransport(app=app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://tradepost.test") as visitor:
        answers = await asyncio.gather(*[visitor.get(path) for path in [*DOCUMENTS] * 2])
    assert {answer.status_code for answer in answers} == {200}
    assert made == ["documents"]


@pytest.fixture(scope="module")
async def closed(settings: Settings, anyio_backend: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app without introspection."""
    app = create_app(msgspec.structs.replace(settings, introspection=False))
    async with app.lifespan(), AppClient(app) as visitor:
        yield visitor


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_without_introspection_anonymous_callers_get_no_document(
    path: str, closed: httpx.AsyncClient, staff_key: str
) -> None:
    assert (await closed.get(path)).status_code == 404
    answer = await closed.get(path, headers={"X-API-Key": staff_key})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, max-age=300")
