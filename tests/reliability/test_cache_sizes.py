"""What the caches say they hold is what they hold: their budgets bound the memory of a process."""

import gc
import tracemalloc
from collections.abc import Iterator

import httpx
import pytest

from tests.reliability.test_hostile_memory import ALL_KINDS, SLOW_KINDS, Request, ordinary, send
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.cache_registry import CACHES, Cache, FunctionCache
from tradepost.kit.lru import LRUCache, MemoPool

pytestmark = pytest.mark.anyio

KINDS: dict[str, Request] = {"ordinary": ordinary} | ALL_KINDS
"""The requests of the memory test, those of a shop's visitors included."""
COMPILED_KINDS = ("ordinary", "fields")
"""Kinds whose entries hold compiled SQL, which each database has in other words. They stand for
all such kinds: what the others hold besides does not depend on the database."""


def clear(cache: Cache) -> None:
    """Remove all entries of a cache."""
    if isinstance(cache, MemoPool):
        for reference, _ in cache.entries.values():
            if (memo := reference()) is not None:
                memo.values.clear()
        cache.entries.clear()
        cache.bytes = 0
    elif isinstance(cache, FunctionCache):
        cache.function.cache_clear()
    elif isinstance(cache, LRUCache | ReadCache):
        cache.clear()


def traced_bytes() -> int:
    """Return the bytes of all objects that were created since tracing began."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def fill(client: httpx.AsyncClient, kind: str) -> None:
    """Fill the caches with one kind of requests, and nothing else."""
    request, number = KINDS[kind], 30 if kind in SLOW_KINDS else 100
    for n in range(5):
        await send(client, request(10_000 + n))
    for cache in list(CACHES):
        clear(cache)
    gc.collect()
    tracemalloc.start()
    for n in range(number):
        await send(client, request(n))


@pytest.fixture(autouse=True)
def stop_tracing() -> Iterator[None]:
    """Stop tracing at the end of the test."""
    yield
    tracemalloc.stop()


@pytest.mark.once  # an entry of the read cache holds an encoded response
@pytest.mark.parametrize(
    "kind", ["ordinary", "short filters", "numbers", "short filters in variables", "small documents"]
)
async def test_the_read_cache_counts_what_its_entries_hold(client: httpx.AsyncClient, kind: str) -> None:
    await fill(client, kind)
    (cache,) = [cache for cache in CACHES if isinstance(cache, ReadCache) and len(cache.entries) > 20]
    counted, before = cache.bytes, traced_bytes()
    cache.clear()
    assert 0.6 <= (before - traced_bytes()) / counted <= 1.1


@pytest.mark.parametrize(
    "kind",
    [
        *COMPILED_KINDS,
        *[
            pytest.param(kind, marks=pytest.mark.once)
            for kind in (
                "short filters",
                "numbers",
                "short filters in variables",
                "small documents",
                "documents with conditions",
                "large documents",
                "long fields",
            )
        ],
    ],
)
async def test_all_caches_together_hold_no_more_than_they_count(client: httpx.AsyncClient, kind: str) -> None:
    await fill(client, kind)
    counted, before = sum([cache.figures().bytes for cache in CACHES]), traced_bytes()
    for cache in list(CACHES):
        clear(cache)
    # It may be far less: types that entries share with those of earlier tests are not freed.
    assert 0 < before - traced_bytes() <= 1.1 * counted
