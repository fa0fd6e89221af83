"""Documents that are persisted by their hash, in a real Valkey: known to every process, bounded, never believed, and gone without harm."""

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
    """How a client names a text."""
    return sha256(text.encode()).hexdigest()


async def ask(client: httpx.AsyncClient, hash: str, text: str | None = None) -> Any:
    """Data, or the code of the first error."""
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}} | (
        {"query": text} if text is not None else {}
    )
    answer = (await client.post("/graphql", json=body)).json()
    return answer["data"] if "errors" not in answer else answer["errors"][0]["extensions"]["code"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Any]:
    """A Valkey of the test's own."""
    made = await asyncio.to_thread(start_valkey, tmp_path / "valkey")
    yield made
    await asyncio.to_thread(made.stop)


@asynccontextmanager
async def process(settings: Settings, server: Any) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """A shop that persists there, as another process would be."""
    shop = create_app(msgspec.structs.replace(settings, apq=True, redis_url=f"redis://127.0.0.1:{server.port}"))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield shop, client


async def test_what_one_process_was_sent_every_process_knows(
    app: TradepostApp, settings: Settings, server: Any
) -> None:
    async with process(settings, server) as (_, one), process(settings, server) as (_, other):
        assert await ask(other, digest(TEXT)) == "PERSISTED_QUERY_NOT_FOUND"
        first = await ask(one, digest(TEXT), TEXT)
        assert len(first["products"]["nodes"]) == 1
        assert await ask(other, digest(TEXT)) == first
    async with process(settings, server) as (_, later):
        assert await ask(later, digest(TEXT)) == first


async def test_a_text_in_redis_that_has_another_hash_is_not_run(
    app: TradepostApp, settings: Settings, server: Any
) -> None:
    async with process(settings, server) as (shop, client), Redis(port=server.port) as redis:
        for forged in (b"{ __typename }", b"\xff\xfe", b""):
            await redis.hset(TEXTS_KEY, digest(TEXT), forged)
            assert await ask(client, digest(TEXT)) == "PERSISTED_QUERY_NOT_FOUND"
        await redis.delete(TEXTS_KEY)
        await redis.set(TEXTS_KEY, "not even a hash")
        assert await ask(client, digest(TEXT)) == "PERSISTED_QUERY_NOT_FOUND"
        assert len(shop.state.graphql.persisted.recent.entries) == 0


async def test_what_is_refused_is_not_kept_in_redis_either(app: TradepostApp, settings: Settings, server: Any) -> None:
    async with process(settings, server) as (_, client), Redis(port=server.port) as redis:
        for text, hash in (("{ nothing }", digest("{ nothing }")), (TEXT, "0" * 64)):
            assert isinstance(await ask(client, hash, text), str)
        await ask(client, digest(TEXT), TEXT)
        await ask(client, digest(TEXT))
        assert await redis.hkeys(TEXTS_KEY) == [digest(TEXT).encode()]


async def test_without_redis_a_process_goes_on_with_what_it_has(
    app: TradepostApp, settings: Settings, server: Any
) -> None:
    async with process(settings, server) as (shop, client):
        kept = await ask(client, digest(TEXT), TEXT)
        await asyncio.to_thread(server.stop)
        assert await ask(client, digest(TEXT)) == kept
        assert await ask(client, digest("{ a }")) == "PERSISTED_QUERY_NOT_FOUND"
        other = TEXT + " # while it was gone"
        assert await ask(client, digest(other), other) == kept
        assert await ask(client, digest(other)) == kept
        assert shop.state.graphql.persisted.document_store.connection is None


async def test_redis_keeps_so_many_texts_and_those_used_last(server: Any) -> None:
    texts = DocumentStore(f"redis://127.0.0.1:{server.port}", max_documents=3)
    await texts.start()
    try:
        for at in range(3):
            texts.store(f"hash {at}", f"text {at}")
        assert await texts.get("hash 0") == "text 0"
        texts.store("hash 3", "text 3")
        assert [await texts.get(f"hash {at}") for at in range(4)] == ["text 0", None, "text 2", "text 3"]
        async with Redis(port=server.port) as redis:
            assert (await redis.hlen(TEXTS_KEY), await redis.zcard(USED_KEY)) == (3, 3)
    finally:
        await texts.stop()
    assert await texts.get("hash 0") is None


async def test_texts_are_shared_again_when_redis_is_back(server: Any, tmp_path: Path) -> None:
    port = server.port
    texts = DocumentStore(f"redis://127.0.0.1:{port}")
    await texts.start()
    try:
        await asyncio.to_thread(server.stop)
        for _ in range(100):
            if texts.connection is None:
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
