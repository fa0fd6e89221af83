"""The read cache: answers to public reads, kept in the process until something that they were read from changes.

An answer has the tags of what was read for it. A write drops by tags, and what is being read meanwhile is held against them as well: where a
drop came in between, the answer goes out and is not kept. Of those who ask for the same at once one reads, and the others wait for it.
"""

from asyncio import Event
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from time import monotonic
from typing import Any

from ..query.source_tables import ANY_CHANGE, ReadDependencies, Tag

MAX_BYTES = 32 * 1024 * 1024
MAX_AGE = 60.0
"""Seconds that an entry lives: as long as shared caches are told to keep an answer, so nothing that we have missed stays for ever."""
ENTRY_OVERHEAD = 1000
"""Bytes that an entry takes besides what it holds, more or less."""


MAX_ALIASES = 8
"""Of one entry: whoever asks for the same in ever new words has no more of them kept."""


class CacheEntry:
    """What is kept: a value, its size in bytes, and the points that whoever gets it pays in the end. A thing that is missing is `fleeting`. `key` is
    what it is kept under, None where it is not; `shortcuts` are other keys that lead to it."""

    __slots__ = ("aliases", "expires_at", "key", "net", "size", "tags", "uncacheable", "value")

    def __init__(self, value: Any, size: int, net: int, *, uncacheable: bool = False) -> None:
        self.value, self.size, self.net, self.uncacheable = value, size + ENTRY_OVERHEAD, net, uncacheable
        self.tags: frozenset[Tag] = frozenset()
        self.expires_at = 0.0
        self.key: Hashable = None
        self.aliases: list[Hashable] = []


class _Fill:
    """A read that may become an entry. `drops` are the tags that were dropped since it began."""

    __slots__ = ("began", "drops", "entry", "lost", "over", "seen")

    def __init__(self) -> None:
        self.seen, self.over, self.began = ReadDependencies(), Event(), monotonic()
        self.drops, self.lost = set[Tag](), False
        self.entry: CacheEntry | None = None

    @property
    def is_shared(self) -> bool:
        """Whether its answer is good for others who asked the same before anything was dropped."""
        return self.entry is not None and not self.entry.uncacheable and self.seen.cacheable and bool(self.seen.tags)

    @property
    def is_current(self) -> bool:
        """Whether nothing that it has read was dropped since."""
        return not self.lost and not any(affects(drop, self.seen.tags) for drop in self.drops)


type Read = Callable[[ReadDependencies], Awaitable[CacheEntry]]


class ReadCache:
    """Entries by key, bounded by their bytes; the one used longest ago goes first. While it is `deaf`, what others write does not come to its ears:
    then it has nothing and keeps nothing."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes, self.suspended = max_bytes, False
        self.entries = OrderedDict[Hashable, CacheEntry]()
        self.aliases = dict[Hashable, tuple[CacheEntry, Any]]()
        self.keys_by_tag: dict[str, dict[str | None, set[Hashable]]] = {}
        self.fills = dict[Hashable, _Fill]()
        self.running = set[_Fill]()
        self.bytes = self.hits = self.misses = self.dropped = 0

    def get(self, key: Hashable) -> CacheEntry | None:
        """What is kept under a key."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        if entry.expires_at < monotonic():
            self._remove(key)
            return None
        self.entries.move_to_end(key)
        self.hits += 1
        return entry

    def find_alias(self, key: Hashable) -> Any:
        """What was made of an entry for those who ask by this key; None where there is nothing."""
        found = self.aliases.get(key)
        if found is None:
            return None
        entry, made = found
        if entry.expires_at < monotonic():
            self._remove(entry.key)
            return None
        self.entries.move_to_end(entry.key)
        self.hits += 1
        return made

    def add_alias(self, entry: CacheEntry, key: Hashable, made: Any) -> None:
        """Keeps what was made of an entry for as long as the entry itself, if that is kept and has not been made much of yet."""
        if entry.key is not None and key not in self.aliases and len(entry.aliases) < MAX_ALIASES:
            self.aliases[key] = entry, made
            entry.aliases.append(key)
            entry.size += ENTRY_OVERHEAD
            self.bytes += ENTRY_OVERHEAD

    async def fill(self, key: Hashable, read: Read) -> CacheEntry:
        """What is not kept yet: read now, or got from who reads it already. Where that fails, whoever waited reads for itself."""
        self.misses += 1
        if self.suspended:
            return await read(ReadDependencies())
        fill = self.fills.get(key)
        if fill is None or fill.drops or fill.lost:
            return await self._read(key, read, first=True)
        await fill.over.wait()
        if fill.is_shared and fill.entry is not None:
            return fill.entry
        return await self._read(key, read)

    async def _read(self, key: Hashable, read: Read, *, first: bool = False) -> CacheEntry:
        fill = _Fill()
        self.running.add(fill)
        if first:
            self.fills[key] = fill
        try:
            fill.entry = entry = await read(fill.seen)
            if fill.is_shared and fill.is_current and not self.suspended:
                self._keep(key, entry, fill)
            return entry
        finally:
            self.running.discard(fill)
            if self.fills.get(key) is fill:
                del self.fills[key]
            fill.over.set()

    def invalidate(self, tags: Collection[Tag]) -> None:
        """Drops what was read from rows that have changed."""
        if ANY_CHANGE in tags:
            return self.clear()
        for fill in self.running:
            fill.drops.update(tags)
        for table, id in tags:
            by_id = self.keys_by_tag.get(table)
            if by_id is not None:
                for keys in [*by_id.values()] if id is None else [by_id.get(id), by_id.get(None)]:
                    for key in [*keys] if keys else ():
                        self._remove(key)
                        self.dropped += 1

    def clear(self) -> None:
        """Drops everything: what has changed is not known."""
        for fill in self.running:
            fill.lost = True
        self.dropped += len(self.entries)
        for entry in self.entries.values():
            entry.key = None
        self.entries.clear()
        self.aliases.clear()
        self.keys_by_tag.clear()
        self.bytes = 0

    def set_connected(self, heard: bool) -> None:
        """Whether what others write comes to its ears from now on; either way nobody knows what was missed."""
        self.suspended = not heard
        self.clear()

    def _keep(self, key: Hashable, entry: CacheEntry, fill: _Fill) -> None:
        if key in self.entries:
            self._remove(key)
        entry.key, entry.tags, entry.expires_at = key, frozenset(fill.seen.tags), fill.began + MAX_AGE
        self.entries[key] = entry
        self.bytes += entry.size
        for table, id in entry.tags:
            self.keys_by_tag.setdefault(table, {}).setdefault(id, set()).add(key)
        while self.bytes > self.max_bytes:
            self._remove(next(iter(self.entries)))

    def _remove(self, key: Hashable) -> None:
        entry = self.entries.pop(key)
        self.bytes -= entry.size
        entry.key = None
        for shortcut in entry.aliases:
            del self.aliases[shortcut]
        for table, id in entry.tags:
            by_id = self.keys_by_tag[table]
            by_id[id].discard(key)
            if not by_id[id]:
                del by_id[id]


def affects(drop: Tag, tags: Iterable[Tag]) -> bool:
    """Whether a change touches what was read: the same row, or any row where either side says so."""
    table, id = drop
    return any([of == table and (id is None or own is None or own == id) for of, own in tags])
