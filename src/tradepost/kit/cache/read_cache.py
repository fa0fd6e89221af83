"""The read cache: answers to public reads, kept in the process until something that they were read from changes.

An answer has the tags of what was read for it. A write drops by tags, and what is being read meanwhile is held against them as well: where a
drop came in between, the answer goes out and is not kept. Of those who ask for the same at once one reads, and the others wait for it.
"""

from asyncio import Event
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from time import monotonic
from typing import Any

from ..query.source_tables import ANYTHING, Seen, Tag

MOST_BYTES = 32 * 1024 * 1024
LONGEST = 60.0
"""Seconds that an entry lives: as long as shared caches are told to keep an answer, so nothing that we have missed stays for ever."""
AROUND = 1000
"""Bytes that an entry takes besides what it holds, more or less."""


MOST_SHORTCUTS = 8
"""Of one entry: whoever asks for the same in ever new words has no more of them kept."""


class Entry:
    """What is kept: a value, its size in bytes, and the points that whoever gets it pays in the end. A thing that is missing is `fleeting`. `key` is
    what it is kept under, None where it is not; `shortcuts` are other keys that lead to it."""

    __slots__ = ("fleeting", "key", "net", "shortcuts", "size", "tags", "until", "value")

    def __init__(self, value: Any, size: int, net: int, *, fleeting: bool = False) -> None:
        self.value, self.size, self.net, self.fleeting = value, size + AROUND, net, fleeting
        self.tags: frozenset[Tag] = frozenset()
        self.until = 0.0
        self.key: Hashable = None
        self.shortcuts: list[Hashable] = []


class _Fill:
    """A read that may become an entry. `drops` are the tags that were dropped since it began."""

    __slots__ = ("began", "drops", "entry", "lost", "over", "seen")

    def __init__(self) -> None:
        self.seen, self.over, self.began = Seen(), Event(), monotonic()
        self.drops, self.lost = set[Tag](), False
        self.entry: Entry | None = None

    @property
    def is_shared(self) -> bool:
        """Whether its answer is good for others who asked the same before anything was dropped."""
        return self.entry is not None and not self.entry.fleeting and self.seen.settled and bool(self.seen.tags)

    @property
    def is_current(self) -> bool:
        """Whether nothing that it has read was dropped since."""
        return not self.lost and not any(concerns(drop, self.seen.tags) for drop in self.drops)


type Read = Callable[[Seen], Awaitable[Entry]]


class ReadCache:
    """Entries by key, bounded by their bytes; the one used longest ago goes first. While it is `deaf`, what others write does not come to its ears:
    then it has nothing and keeps nothing."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most, self.deaf = most, False
        self.kept = OrderedDict[Hashable, Entry]()
        self.shortcuts = dict[Hashable, tuple[Entry, Any]]()
        self.tagged: dict[str, dict[str | None, set[Hashable]]] = {}
        self.fills = dict[Hashable, _Fill]()
        self.running = set[_Fill]()
        self.bytes = self.hits = self.misses = self.dropped = 0

    def find(self, key: Hashable) -> Entry | None:
        """What is kept under a key."""
        entry = self.kept.get(key)
        if entry is None:
            return None
        if entry.until < monotonic():
            self._remove(key)
            return None
        self.kept.move_to_end(key)
        self.hits += 1
        return entry

    def shortcut(self, key: Hashable) -> Any:
        """What was made of an entry for those who ask by this key; None where there is nothing."""
        found = self.shortcuts.get(key)
        if found is None:
            return None
        entry, made = found
        if entry.until < monotonic():
            self._remove(entry.key)
            return None
        self.kept.move_to_end(entry.key)
        self.hits += 1
        return made

    def shorten(self, entry: Entry, key: Hashable, made: Any) -> None:
        """Keeps what was made of an entry for as long as the entry itself, if that is kept and has not been made much of yet."""
        if entry.key is not None and key not in self.shortcuts and len(entry.shortcuts) < MOST_SHORTCUTS:
            self.shortcuts[key] = entry, made
            entry.shortcuts.append(key)
            entry.size += AROUND
            self.bytes += AROUND

    async def fill(self, key: Hashable, read: Read) -> Entry:
        """What is not kept yet: read now, or got from who reads it already. Where that fails, whoever waited reads for itself."""
        self.misses += 1
        if self.deaf:
            return await read(Seen())
        fill = self.fills.get(key)
        if fill is None or fill.drops or fill.lost:
            return await self._read(key, read, first=True)
        await fill.over.wait()
        if fill.is_shared and fill.entry is not None:
            return fill.entry
        return await self._read(key, read)

    async def _read(self, key: Hashable, read: Read, *, first: bool = False) -> Entry:
        fill = _Fill()
        self.running.add(fill)
        if first:
            self.fills[key] = fill
        try:
            fill.entry = entry = await read(fill.seen)
            if fill.is_shared and fill.is_current and not self.deaf:
                self._keep(key, entry, fill)
            return entry
        finally:
            self.running.discard(fill)
            if self.fills.get(key) is fill:
                del self.fills[key]
            fill.over.set()

    def forget(self, tags: Collection[Tag]) -> None:
        """Drops what was read from rows that have changed."""
        if ANYTHING in tags:
            return self.clear()
        for fill in self.running:
            fill.drops.update(tags)
        for table, id in tags:
            by_id = self.tagged.get(table)
            if by_id is not None:
                for keys in [*by_id.values()] if id is None else [by_id.get(id), by_id.get(None)]:
                    for key in [*keys] if keys else ():
                        self._remove(key)
                        self.dropped += 1

    def clear(self) -> None:
        """Drops everything: what has changed is not known."""
        for fill in self.running:
            fill.lost = True
        self.dropped += len(self.kept)
        for entry in self.kept.values():
            entry.key = None
        self.kept.clear()
        self.shortcuts.clear()
        self.tagged.clear()
        self.bytes = 0

    def hear(self, heard: bool) -> None:
        """Whether what others write comes to its ears from now on; either way nobody knows what was missed."""
        self.deaf = not heard
        self.clear()

    def _keep(self, key: Hashable, entry: Entry, fill: _Fill) -> None:
        if key in self.kept:
            self._remove(key)
        entry.key, entry.tags, entry.until = key, frozenset(fill.seen.tags), fill.began + LONGEST
        self.kept[key] = entry
        self.bytes += entry.size
        for table, id in entry.tags:
            self.tagged.setdefault(table, {}).setdefault(id, set()).add(key)
        while self.bytes > self.most:
            self._remove(next(iter(self.kept)))

    def _remove(self, key: Hashable) -> None:
        entry = self.kept.pop(key)
        self.bytes -= entry.size
        entry.key = None
        for shortcut in entry.shortcuts:
            del self.shortcuts[shortcut]
        for table, id in entry.tags:
            by_id = self.tagged[table]
            by_id[id].discard(key)
            if not by_id[id]:
                del by_id[id]


def concerns(drop: Tag, tags: Iterable[Tag]) -> bool:
    """Whether a change touches what was read: the same row, or any row where either side says so."""
    table, id = drop
    return any([of == table and (id is None or own is None or own == id) for of, own in tags])
