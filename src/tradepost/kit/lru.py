"""Caches that are bounded in bytes, with least-recently-used eviction.

Sizes are estimates of the caller, made when an entry is stored. They include what belongs to no
other entry: a text, a plan and the functions generated for it each count in their own cache.
"""

from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Any, cast
from weakref import ReferenceType, ref

from .cache_registry import Cache, CacheFigures

ENTRY_OVERHEAD = 400
"""Bytes that an entry takes in addition to its key and value."""

_numbers = count()


class LRUCache[K, V](Cache):
    """A mapping whose entries take at most `max_bytes`. `misses` counts the values created.

    Entries are evicted one at a time, so no single request pays for emptying the cache. An entry
    that alone exceeds the budget is not stored.
    """

    def __init__(
        self,
        name: str,
        max_bytes: int,
        size: Callable[[K, V], int],
        on_evict: Callable[[K, V], None] | None = None,
    ) -> None:
        """`size` returns the bytes of an entry, `on_evict` is called after one was evicted."""
        super().__init__(name, max_bytes)
        self.size, self.on_evict = size, on_evict
        self.entries: OrderedDict[K, V] = OrderedDict()
        self.sizes: dict[K, int] = {}
        self.bytes = self.hits = self.misses = self.evictions = 0

    def __contains__(self, key: K) -> bool:
        return key in self.entries

    def get(self, key: K) -> V | None:
        """Return the cached value, or None."""
        value = self.entries.get(key)
        if value is not None:
            self.entries.move_to_end(key)
            self.hits += 1
        return value

    def get_or_create(self, key: K, create: Callable[[], V]) -> V:
        """Return the cached value, or call `create` and cache its result.

        Nothing is cached if `create` raises.
        """
        value = self.get(key)
        if value is None:
            value = create()
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Store a new value and evict the least recently used entries that exceed the budget."""
        self.misses += 1
        size = ENTRY_OVERHEAD + self.size(key, value)
        if size > self.max_bytes:
            return
        self.bytes += size - self.sizes.get(key, 0)
        self.entries[key], self.sizes[key] = value, size
        self.entries.move_to_end(key)
        while self.bytes > self.max_bytes:
            self._evict()

    def touch(self, key: K) -> None:
        """Let an entry count as used just now. It is no hit."""
        if key in self.entries:
            self.entries.move_to_end(key)

    def remove_where(self, matches: Callable[[V], bool]) -> None:
        """Evict the entries whose value matches."""
        for key in [key for key, value in self.entries.items() if matches(value)]:
            del self.entries[key]
            self.bytes -= self.sizes.pop(key)
            self.evictions += 1

    def clear(self) -> None:
        """Remove all entries."""
        self.entries.clear()
        self.sizes.clear()
        self.bytes = 0

    def figures(self) -> CacheFigures:
        """Return the current figures."""
        return CacheFigures(self.max_bytes, self.bytes, len(self.entries), self.hits, self.misses, self.evictions)

    def _evict(self) -> None:
        key, value = self.entries.popitem(last=False)
        self.bytes -= self.sizes.pop(key)
        self.evictions += 1
        if self.on_evict is not None:
            self.on_evict(key, value)


def without_spare_room(encoded: bytes | bytearray) -> bytes:
    """Return a copy of just the bytes.

    msgspec and zstandard allocate more than they fill, up to a half and all of a body, and leave it
    so. What is stored must not hold it.
    """
    return bytes(memoryview(encoded))


class MemoPool(Cache):
    """The common budget of many memos, each of which belongs to another object.

    The least recently used entry of all memos is evicted first. The pool does not keep a memo
    alive: the entries of one that is gone are counted until their turn.
    """

    def __init__(self, name: str, max_bytes: int) -> None:
        super().__init__(name, max_bytes)
        self.entries: OrderedDict[tuple[int, Any], tuple[ReferenceType[Memo[Any, Any]], int]] = OrderedDict()
        self.bytes = self.hits = self.misses = self.evictions = 0

    def add(self, memo: "Memo[Any, Any]", key: Any, size: int) -> None:
        """Count a new entry of a memo, and evict the entries that exceed the budget."""
        self.misses += 1
        self.entries[memo.number, key] = ref(memo), size
        self.bytes += size
        while self.bytes > self.max_bytes:
            (_, key), (memo_ref, size) = self.entries.popitem(last=False)
            self.bytes -= size
            self.evictions += 1
            if (owner := memo_ref()) is not None:
                owner.values.pop(key, None)

    def figures(self) -> CacheFigures:
        """Return the current figures."""
        return CacheFigures(self.max_bytes, self.bytes, len(self.entries), self.hits, self.misses, self.evictions)


class Memo[K, V]:
    """Values derived from one object, such as its plans. They die with it, or leave by the pool."""

    __slots__ = ("__weakref__", "number", "pool", "values")

    def __init__(self, pool: MemoPool) -> None:
        self.pool, self.number = pool, next(_numbers)
        self.values: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None."""
        value = self.values.get(key)
        if value is not None:
            pool = self.pool
            pool.hits += 1
            pool.entries.move_to_end((self.number, key))
        return value

    def put(self, key: K, value: V, size: int) -> V:
        """Store a new value of some bytes and return it."""
        if size + ENTRY_OVERHEAD <= self.pool.max_bytes and key not in self.values:
            self.values[key] = value
            self.pool.add(cast(Memo[Any, Any], self), key, size + ENTRY_OVERHEAD)
        return value
