"""Automatic persisted queries in a real Valkey: shared, bounded, verified, and optional."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from tests.conftest import HERE
from tests.reliability.test_redis_gone import start_valkey
from tradepost.app import TradepostApp, create_app
from tradepost.kit.redis.document_store import TEXTS_KEY, USED_KEY, DocumentStore
from tradepost.settings import Settings

TEXT = "query Q { products(first: 1) { nodes { id } } }"


def digest(text: str) -> str:
    """Return the hash that clients send for a text."""
    return sha256(text.encode()).hexdigest()


async def send(client: httpx.AsyncClient, hash: str, text: str | None = None) -> Any:
    """Send a hash, perhaps with its text; return the data, or the code of the first error."""
    body: dict[str, Any] = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}}
    if text is not None:
        body["query"] = text
    answer = (await client.post("/graphql", json=body)).json()
    return answer["data"] if "errors" not in answer else answer["errors"][0]["extensions"]["code"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Any]:
    """A Valkey that a test may stop."""
    valkey = await asyncio.to_thread(start_valkey, tmp_path / "valkey")
    yield valkey
    await asyncio.to_thread(valkey.stop)


@asynccontextmanager
async def process(settings: Settings, server: Any) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """Another app with the same Valkey, like another process."""
    shop = create_app(msgspec.structs.replace(settings, apq=True, redis_url=f"redis://127.0.0.1:{server.port}"))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield shop, client


async def test_a_persisted_text_is_available_in_every_process(
    app: TradepostApp, settings: Settings, server: Any
) -> None:
    async with process(settings, server) as (_, one), process(settings, server) as (_, other):
        assert await send(other, digest(TEXT)) == "PERSISTED_QUERY_NOT_FOUND"
        first = await send(one, digest(TEXT), TEXT)
        assert len(first["products"]["nodes"]) == 1
        assert await send(other, digest(TEXT)) == first
    async with process(settings, server) as (_, later):
        assert await send(later, digest(TEXT)) == first


async def test_a_text_in_redis_with_a_wrong_hash_is_not_run(app: TradepostApp, settings: Settings, server: Any) -> None:
    async with process(settings, server) as (shop, client), Redis(port=server.port) as redis:
        for forged in (b"{ __typename }", b"\xff\xfe", b""):
            await redis.hset(TEXTS_KEY, digest(TEXT), forged)
            assert await send(client, digest(TEXT)) == "PERSISTED_QUERY_NOT_FOUND"
        await redis.delete(TEXTS_KEY)
        await redis.set(TEXTS_KEY, "not even a hash")
        assert await send(client, digest(TEXT)) == "PERSISTED_QUERY_NOT_FOUND"
        assert len(shop.state.graphql.persisted.recent.entries) == 0


async def test_a_refused_text_is_not_stored_in_redis(app: TradepostApp, settings: Settings, server: Any) -> None:
    async with process(settings, server) as (_, client), Redis(port=server.port) as redis:
        for text, hash in (("{ nothing }", digest("{ nothing }")), (TEXT, "0" * 64)):
            assert isinstance(await send(client, hash, text), str)
        await send(client, digest(TEXT), TEXT)
        await send(client, digest(TEXT))
        assert await redis.hkeys(TEXTS_KEY) == [digest(TEXT).encode()]


async def test_without_redis_a_process_uses_its_own_texts(app: TradepostApp, settings: Settings, server: Any) -> None:
    async with process(settings, server) as (shop, client):
        data = await send(client, digest(TEXT), TEXT)
        await asyncio.to_thread(server.stop)
        assert await send(client, digest(TEXT)) == data
        assert await send(client, digest("{ a }")) == "PERSISTED_QUERY_NOT_FOUND"
        other = TEXT + " # while it was gone"
        assert await send(client, digest(other), other) == data
        assert await send(client, digest(other)) == data
        assert shop.state.graphql.persisted.document_store.connection.current is None


async def test_redis_stores_a_bounded_number_of_texts_the_most_recently_used(server: Any) -> None:
    texts = DocumentStore(f"redis://127.0.0.1:{server.port}", max_documents=3)
    await texts.start()
    try:
        for number in range(3):
            texts.store(f"hash {number}", f"text {number}")
        assert await texts.get("hash 0") == "text 0"
        texts.store("hash 3", "text 3")
        assert [await texts.get(f"hash {number}") for number in range(4)] == ["text 0", None, "text 2", "text 3"]
        async with Redis(port=server.port) as redis:
            assert (await redis.hlen(TEXTS_KEY), await redis.zcard(USED_KEY)) == (3, 3)
    finally:
        await texts.stop()
    assert await texts.get("hash 0") is None


async def test_texts_are_shared_again_after_redis_is_back(server: Any, tmp_path: Path) -> None:
    port = server.port
    texts = DocumentStore(f"redis://127.0.0.1:{port}")
    await texts.start()
    try:
        await asyncio.to_thread(server.stop)
        for _ in range(100):
            if texts.connection.current is None:
                break
            await asyncio.sleep(0.05)
        assert await texts.get("hash") is None
        texts.store("hash", "text")
        again = await asyncio.to_thread(start_valkey, tmp_path / "again", port)
        try:
            async with asyncio.timeout(20):
                while await texts.get("hash") != "text":
                    texts.store("hash", "text")
                    await asyncio.sleep(0.1)
        finally:
            await asyncio.to_thread(again.stop)
    finally:
        await texts.stop()
