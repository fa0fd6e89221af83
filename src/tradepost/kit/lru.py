"""A bounded cache with least-recently-used eviction."""

from collections import OrderedDict
from collections.abc import Callable


class LRUCache[K, V]:
    """A mapping of at most `max_size` entries. `misses` counts the values that were created.

    Entries are evicted one at a time, so no single request pays for emptying the cache.
    """

    __slots__ = ("entries", "max_size", "misses")

    def __init__(self, max_size: int) -> None:
        self.max_size, self.misses = max_size, 0
        self.entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self.entries

    def get(self, key: K) -> V | None:
        """Return the cached value, or None."""
        value = self.entries.get(key)
        if value is not None:
            self.entries.move_to_end(key)
        return value

    def get_or_create(self, key: K, create: Callable[[], V]) -> V:
        """Return the cached value, or call `create` and cache its result.

        Nothing is cached if `create` raises.
        """
        value = self.entries.get(key)
        if value is not None:
            self.entries.move_to_end(key)
            return value
        value = self.entries[key] = create()
        self.misses += 1
        if len(self.entries) > self.max_size:
            self.entries.popitem(last=False)
        return value
