"""Bounded caches of what is dear to make."""

from collections import OrderedDict
from collections.abc import Callable


class LRUCache[K, V]:
    """Keeps what was made for the last `most` keys; the one used longest ago goes first, one by one. `made` counts the misses."""

    __slots__ = ("entries", "max_size", "misses")

    def __init__(self, max_size: int) -> None:
        self.max_size, self.misses = max_size, 0
        self.entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self.entries

    def get(self, key: K) -> V | None:
        """The value of a key, if it is kept."""
        found = self.entries.get(key)
        if found is not None:
            self.entries.move_to_end(key)
        return found

    def get_or_create(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made where it is not kept. What `make` raises is not kept."""
        found = self.entries.get(key)
        if found is not None:
            self.entries.move_to_end(key)
            return found
        found = self.entries[key] = make()
        self.misses += 1
        if len(self.entries) > self.max_size:
            self.entries.popitem(last=False)
        return found
