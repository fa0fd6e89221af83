"""Caches are bounded in bytes and evict the least recently used entry, one at a time."""

import tracemalloc
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.doors.http.compression import compress
from tradepost.kit.cache_registry import FUNCTION_CACHES, CacheFigures, cache_figures, registered_cache
from tradepost.kit.lru import ENTRY_OVERHEAD, LRUCache, Memo, MemoPool, without_spare_room

SIZES = st.integers(0, 3 * ENTRY_OVERHEAD)


def cache_of(max_entries: int) -> LRUCache[str, int]:
    """Return a cache of some entries of 100 bytes."""
    return LRUCache("test", max_entries * (ENTRY_OVERHEAD + 100), lambda key, value: 100)


def test_the_least_recently_used_entry_is_evicted_and_a_hit_is_a_use() -> None:
    cache = cache_of(2)
    assert [cache.get_or_create(key, lambda: 1) for key in ("a", "b", "a", "c")] == [1, 1, 1, 1]
    assert list(cache.entries) == ["a", "c"]
    assert cache.figures() == CacheFigures(1000, 1000, 2, hits=1, misses=3, evictions=1)


def test_nothing_is_cached_if_the_value_cannot_be_created() -> None:
    cache = cache_of(2)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_create("a", lambda: 1 // 0)
    assert (len(cache.entries), cache.bytes) == (0, 0)


def test_an_entry_that_is_larger_than_the_budget_is_returned_but_not_stored() -> None:
    cache = LRUCache[str, int]("test", 5000, lambda key, value: value)
    cache.put("small", 1)
    assert cache.get_or_create("large", lambda: 5000) == 5000
    assert list(cache.entries) == ["small"]


def test_an_evicted_entry_is_reported() -> None:
    evicted: list[tuple[str, int]] = []
    cache = LRUCache[str, int]("test", 500, lambda key, value: 0, lambda key, value: evicted.append((key, value)))
    cache.put("a", 1)
    cache.put("b", 2)
    assert evicted == [("a", 1)]


def test_a_touched_entry_is_used_but_not_hit() -> None:
    cache = cache_of(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.touch("a")
    cache.touch("unknown")
    cache.put("c", 3)
    assert (list(cache.entries), cache.hits) == (["a", "c"], 0)


def test_entries_are_removed_by_their_values() -> None:
    cache = cache_of(3)
    for key, value in {"a": 1, "b": 2, "c": 1}.items():
        cache.put(key, value)
    cache.remove_where(lambda value: value == 1)
    assert (list(cache.entries), cache.sizes, cache.evictions) == (["b"], {"b": cache.bytes}, 2)


@pytest.mark.parametrize("encode", [msgspec.json.encode, lambda value: compress(msgspec.json.encode(value), b"zstd")])
def test_stored_bytes_have_no_spare_room(encode: Callable[[Any], bytes]) -> None:
    tracemalloc.start()
    try:
        encoded = encode(["x" * 400] * 100)
        assert without_spare_room(encoded) == encoded
        sizes = [encoded.__sizeof__()]
        encoded = without_spare_room(encoded)
        before = tracemalloc.get_traced_memory()[0]
        del encoded
        assert before - tracemalloc.get_traced_memory()[0] <= sizes[0] + 100
    finally:
        tracemalloc.stop()


@given(steps=st.lists(st.tuples(st.integers(0, 5), SIZES), max_size=40))
def test_the_bytes_are_those_of_the_entries_and_never_exceed_the_budget(steps: list[tuple[int, int]]) -> None:
    cache = LRUCache[int, int]("test", 4 * ENTRY_OVERHEAD, lambda key, value: value)
    for key, size in steps:
        if cache.get(key) is None or size % 2:
            cache.put(key, size)
        assert cache.bytes == sum([ENTRY_OVERHEAD + value for value in cache.entries.values()]) <= cache.max_bytes
        assert cache.sizes.keys() == cache.entries.keys()


@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), SIZES), max_size=40))
def test_the_memos_of_a_pool_hold_exactly_its_entries(steps: list[tuple[int, int, int]]) -> None:
    pool = MemoPool("test", 4 * ENTRY_OVERHEAD)
    memos = [Memo[int, int](pool) for _ in range(3)]
    for index, key, size in steps:
        if memos[index].get(key) is None:
            memos[index].put(key, size, size)
        held = {(memo.number, key): value for memo in memos for key, value in memo.values.items()}
        assert held.keys() == pool.entries.keys()
        assert pool.bytes == sum([ENTRY_OVERHEAD + value for value in held.values()]) <= pool.max_bytes


def test_caches_with_one_name_are_added_up_until_they_are_gone() -> None:
    first, second = LRUCache[str, int]("twice", 500, lambda k, v: 1), LRUCache[str, int]("twice", 700, lambda k, v: 2)
    first.put("a", 1)
    second.put("a", 1)
    assert cache_figures()["twice"] == CacheFigures(1200, 2 * ENTRY_OVERHEAD + 3, 2, hits=0, misses=2, evictions=0)
    del second
    assert cache_figures()["twice"].budget_bytes == 500


def test_a_cached_function_counts_the_greatest_size_of_each_entry() -> None:
    @registered_cache("squares", 100)
    @lru_cache(2)
    def square(number: int) -> int:
        return number**2

    assert [square(n) for n in (1, 2, 2, 3)] == [1, 4, 4, 9]
    assert cache_figures()["squares"] == CacheFigures(200, 200, 2, hits=1, misses=3, evictions=1)
    FUNCTION_CACHES.pop()
