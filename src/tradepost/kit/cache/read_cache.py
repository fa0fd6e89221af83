"""The read cache: results of public reads, kept in this process until a row behind them changes.

Each entry has the tags of the rows and tables that it was read from. A write removes entries by
tags. Reads that are still running are checked against the tags too: if one of theirs was
invalidated meanwhile, the result is returned but not cached. Concurrent reads of one key are
executed once; the others wait for the result.
"""

from asyncio import Event
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from time import monotonic
from typing import Any

from ..auth.caller import Caller
from ..cache_registry import Cache, CacheFigures
from ..query.source_tables import ANY_CHANGE, ReadDependencies, Tag

MAX_BYTES = 24 * 1024 * 1024
MAX_AGE = 60.0
"""Seconds that an entry lives, as in the `Cache-Control` that HTTP caches get.

It bounds the harm of a missed invalidation.
"""
ENTRY_OVERHEAD = 1000
"""Approximate bytes that an entry or an alias takes in addition to its value."""
TAG_BYTES, USUAL_TAGS = 300, 3
"""Bytes of a tag, and the number of tags that ENTRY_OVERHEAD includes."""
MAX_ALIASES = 8
"""Aliases of one entry: many different requests for the same data must not fill the cache."""


class CacheEntry:
    """A cached value.

    size: its bytes, with overhead.
    derived: the bytes that its value got later, such as compressed bodies.
    net: the points that a request answered from it is charged.
    uncacheable: it is returned but not stored; a missing row is, for example.
    key: its key while it is stored, else None.
    aliases: other keys that lead to it.
    """

    __slots__ = ("aliases", "derived", "expires_at", "key", "net", "size", "tags", "uncacheable", "value")

    def __init__(self, value: Any, size: int, net: int, *, uncacheable: bool = False) -> None:
        self.value, self.size, self.net, self.uncacheable = value, size + ENTRY_OVERHEAD, net, uncacheable
        self.tags: frozenset[Tag] = frozenset()
        self.expires_at, self.derived = 0.0, 0
        self.key: Hashable = None
        self.aliases: list[Hashable] = []


class _Fill:
    """A running read that may become an entry.

    invalidated: the tags that were invalidated since it started.
    cleared: whether the whole cache was cleared since then.
    """

    __slots__ = ("cleared", "dependencies", "done", "entry", "invalidated", "started_at")

    def __init__(self) -> None:
        self.dependencies, self.done, self.started_at = ReadDependencies(), Event(), monotonic()
        self.invalidated, self.cleared = set[Tag](), False
        self.entry: CacheEntry | None = None

    @property
    def is_cacheable(self) -> bool:
        """Whether the result may be stored, and returned to requests that wait for it."""
        return (
            self.entry is not None
            and not self.entry.uncacheable
            and self.dependencies.cacheable
            and bool(self.dependencies.tags)
        )

    @property
    def is_current(self) -> bool:
        """Whether nothing that it read was invalidated meanwhile."""
        return not self.cleared and not any(affects(tag, self.dependencies.tags) for tag in self.invalidated)


type Read = Callable[[ReadDependencies], Awaitable[CacheEntry]]


class ReadCache(Cache):
    """Entries by key, bounded in bytes, with least-recently-used eviction.

    While `suspended` (no invalidation channel) the cache is empty and stores nothing.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, *, write_permissions: frozenset[str] = frozenset()) -> None:
        """`write_permissions` are those of the writes that change what is cached."""
        super().__init__("read_cache", max_bytes)
        self.write_permissions, self.suspended = write_permissions, False
        self.entries = OrderedDict[Hashable, CacheEntry]()
        self.aliases = dict[Hashable, tuple[CacheEntry, Any]]()
        self.keys_by_tag: dict[str, dict[str | None, set[Hashable]]] = {}
        self.fills = dict[Hashable, _Fill]()
        self.running = set[_Fill]()
        self.bytes = self.hits = self.misses = self.dropped = self.evictions = 0

    def figures(self) -> CacheFigures:
        """Return the current figures."""
        return CacheFigures(self.max_bytes, self.bytes, len(self.entries), self.hits, self.misses, self.evictions)

    def serves(self, caller: Caller) -> bool:
        """Whether reads of this caller use the cache: not if the caller may write what it holds.

        Another process drops its entries some milliseconds after a write was answered. A caller
        that writes and then reads through that process must not get the old value.
        """
        return self.write_permissions.isdisjoint(caller.permissions)

    def get(self, key: Hashable) -> CacheEntry | None:
        """Return the entry of a key, or None."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        if entry.expires_at < monotonic():
            self._remove(key)
            return None
        self.entries.move_to_end(key)
        self.hits += 1
        return entry

    def find_alias(self, alias: Hashable) -> Any:
        """Return the value stored under an alias, or None."""
        target = self.aliases.get(alias)
        if target is None:
            return None
        entry, value = target
        if entry.expires_at < monotonic():
            self._remove(entry.key)
            return None
        self.entries.move_to_end(entry.key)
        self.hits += 1
        return value

    def count_derived(self, entry: CacheEntry, size: int) -> None:
        """Count the bytes that an entry's value holds by now besides itself."""
        if size != entry.derived:
            entry.derived, added = size, size - entry.derived
            self._enlarge(entry, added)

    def add_alias(self, entry: CacheEntry, alias: Hashable, value: Any, size: int = 0) -> None:
        """Store a value of some bytes that was derived from an entry, such as a response.

        It lives as long as the entry. Nothing is stored if the entry is not in the cache any more,
        or has too many aliases.
        """
        if entry.key is not None and alias not in self.aliases and len(entry.aliases) < MAX_ALIASES:
            self.aliases[alias] = entry, value
            entry.aliases.append(alias)
            self._enlarge(entry, ENTRY_OVERHEAD + size)

    async def fill(self, key: Hashable, read: Read) -> CacheEntry:
        """Read what `get` did not find, or wait for a running read of the same key.

        If that read fails, or may not be shared, this call reads for itself.
        """
        self.misses += 1
        if self.suspended:
            return await read(ReadDependencies())
        fill = self.fills.get(key)
        if fill is None or fill.invalidated or fill.cleared:
            return await self._read(key, read, first=True)
        await fill.done.wait()
        if fill.is_cacheable and fill.entry is not None:
            return fill.entry
        return await self._read(key, read)

    async def _read(self, key: Hashable, read: Read, *, first: bool = False) -> CacheEntry:
        fill = _Fill()
        self.running.add(fill)
        if first:
            self.fills[key] = fill
        try:
            fill.entry = entry = await read(fill.dependencies)
            if fill.is_cacheable and fill.is_current and not self.suspended:
                self._store(key, entry, fill)
            return entry
        finally:
            self.running.discard(fill)
            if self.fills.get(key) is fill:
                del self.fills[key]
            fill.done.set()

    def invalidate(self, tags: Collection[Tag]) -> None:
        """Remove the entries that were read from changed rows."""
        if ANY_CHANGE in tags:
            return self.clear()
        for fill in self.running:
            fill.invalidated.update(tags)
        for table, id in tags:
            by_id = self.keys_by_tag.get(table)
            if by_id is not None:
                for keys in [*by_id.values()] if id is None else [by_id.get(id), by_id.get(None)]:
                    for key in [*keys] if keys else ():
                        self._remove(key)
                        self.dropped += 1

    def clear(self) -> None:
        """Remove all entries, because it is unknown what changed."""
        for fill in self.running:
            fill.cleared = True
        self.dropped += len(self.entries)
        for entry in self.entries.values():
            entry.key = None
        self.entries.clear()
        self.aliases.clear()
        self.keys_by_tag.clear()
        self.bytes = 0

    def set_connected(self, connected: bool) -> None:
        """Suspend or resume the cache as invalidation stops or starts to work.

        Both clear it: writes may have been missed before.
        """
        self.suspended = not connected
        self.clear()

    def _store(self, key: Hashable, entry: CacheEntry, fill: _Fill) -> None:
        if key in self.entries:
            self._remove(key)
        entry.key, entry.tags, entry.expires_at = key, frozenset(fill.dependencies.tags), fill.started_at + MAX_AGE
        self.entries[key] = entry
        entry.size += TAG_BYTES * max(len(entry.tags) - USUAL_TAGS, 0)
        self.bytes += entry.size
        for table, id in entry.tags:
            self.keys_by_tag.setdefault(table, {}).setdefault(id, set()).add(key)
        self._evict()

    def _enlarge(self, entry: CacheEntry, size: int) -> None:
        """Count more bytes of an entry, unless it was removed."""
        if entry.key is not None:
            entry.size += size
            self.bytes += size
            self._evict()

    def _evict(self) -> None:
        """Remove the least recently used entries that exceed the budget."""
        while self.bytes > self.max_bytes:
            self._remove(next(iter(self.entries)))
            self.evictions += 1

    def _remove(self, key: Hashable) -> None:
        entry = self.entries.pop(key)
        self.bytes -= entry.size
        entry.key = None
        for alias in entry.aliases:
            del self.aliases[alias]
        for table, id in entry.tags:
            by_id = self.keys_by_tag[table]
            by_id[id].discard(key)
            if not by_id[id]:
                del by_id[id]


def affects(change: Tag, tags: Iterable[Tag]) -> bool:
    """Whether a change concerns what was read: the same row, or any row on either side."""
    table, id = change
    return any([t == table and (id is None or i is None or i == id) for t, i in tags])
