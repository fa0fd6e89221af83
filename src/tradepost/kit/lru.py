"""Bounded caches of what is dear to make."""

from collections import OrderedDict
from collections.abc import Callable


class Recent[K, V]:
    """Keeps what was made for the last `most` keys; the one used longest ago goes first, one by one. `made` counts the misses."""

    __slots__ = ("kept", "made", "most")

    def __init__(self, most: int) -> None:
        self.most, self.made = most, 0
        self.kept: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self.kept

    def find(self, key: K) -> V | None:
        """The value of a key, if it is kept."""
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
        return found

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made where it is not kept. What `make` raises is not kept."""
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
            return found
        found = self.kept[key] = make()
        self.made += 1
        if len(self.kept) > self.most:
            self.kept.popitem(last=False)
        return found
