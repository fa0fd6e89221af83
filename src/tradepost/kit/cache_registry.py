"""The registry of this process's caches: their names, byte budgets and figures, for /metrics."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from weakref import WeakSet


class CacheFigures(NamedTuple):
    """The state of a cache, or of all caches with one name.

    bytes: an estimate that is rather too high. Memory that entries share may be counted twice.
    """

    budget_bytes: int = 0
    bytes: int = 0
    entries: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0


class Cache(ABC):
    """A cache with a name and a budget in bytes. Every one registers itself."""

    def __init__(self, name: str, max_bytes: int) -> None:
        self.name, self.max_bytes = name, max_bytes
        CACHES.add(self)

    @abstractmethod
    def figures(self) -> CacheFigures:
        """Return the current figures."""


CACHES: WeakSet[Cache] = WeakSet()
"""The caches of this process, as long as they are in use."""


class FunctionCache(Cache):
    """A function's `lru_cache`, whose entries all have a limited size."""

    def __init__(self, name: str, function: Any, max_entry_bytes: int) -> None:
        """`function`: a function with an `lru_cache` of a limited number of entries."""
        super().__init__(name, function.cache_parameters()["maxsize"] * max_entry_bytes)
        self.function, self.max_entry_bytes = function, max_entry_bytes

    def figures(self) -> CacheFigures:
        """Return the current figures, as if every entry had the greatest possible size."""
        info = self.function.cache_info()
        evictions = max(info.misses - info.currsize, 0)
        return CacheFigures(
            self.max_bytes, info.currsize * self.max_entry_bytes, info.currsize, info.hits, info.misses, evictions
        )


def registered_cache[F](name: str, max_entry_bytes: int) -> Callable[[F], F]:
    """Return a decorator that registers the `lru_cache` of a module's function."""

    def register(function: F) -> F:
        FUNCTION_CACHES.append(FunctionCache(name, function, max_entry_bytes))
        return function

    return register


FUNCTION_CACHES: list[FunctionCache] = []
"""The caches of functions of modules; they live as long as the process."""


def cache_figures() -> dict[str, CacheFigures]:
    """Return the figures by name. Caches with the same name are added up."""
    totals: dict[str, CacheFigures] = {}
    for cache in sorted(CACHES, key=lambda cache: cache.name):
        totals[cache.name] = _sum([totals.get(cache.name, CacheFigures()), cache.figures()])
    return totals


def _sum(figures: Iterable[CacheFigures]) -> CacheFigures:
    return CacheFigures(*[sum(values) for values in zip(*figures, strict=True)])
