"""How much: a bucket of points for every principal, and the meter that one request runs on.

A bucket holds at most a minute's points and fills all the time (a token bucket): `take` drains it, `give` puts back what was not used. One
process keeps its buckets in memory; several share them in Redis (shared_limits.py), and each falls back to its own where Redis is gone. The
shell and the worker have none. A key with a limit of its own drains a second one besides (key_limits.py).
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from time import monotonic
from typing import Protocol

MAX_BUCKETS = 100_000
MINUTE = 60.0

type Bucket = tuple[str, int]
"""Its key, and how many points it holds."""


def seconds_until_full(size: int, left: float) -> int:
    """In how many seconds a bucket with so much left is full again."""
    return ceil((size - left) * MINUTE / size)


class MemoryBuckets:
    """Buckets in memory. One that is full is as good as none, so those are what goes first where there are many."""

    __slots__ = ("clock", "entries", "max_buckets")

    def __init__(self, clock: Callable[[], float] = monotonic, max_buckets: int = MAX_BUCKETS) -> None:
        self.clock, self.max_buckets = clock, max_buckets
        self.entries: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, size: int, points: int) -> float:
        """Drains points, and says what is left; where there are too few nothing is drained, and it says by how many (below 0)."""
        moment, kept = self.clock(), self.entries
        held = kept.get(key)
        left = (size if held is None else min(size, held[0] + (moment - held[1]) * size / MINUTE)) - points
        if left < 0:
            return left
        if held is None:
            self._forget(moment)
        kept[key] = (left, moment)
        kept.move_to_end(key)
        return left

    def take_all(self, buckets: Sequence[Bucket], points: int) -> list[float]:
        """Drains points of each bucket, and says what is left in each; where there are too few in any, nothing is drained, and those are below 0."""
        lefts = [self.take(key, size, 0) - points for key, size in buckets]
        return lefts if points > 0 and min(lefts) < 0 else [self.take(key, size, points) for key, size in buckets]

    def give(self, key: str, size: int, points: int) -> None:
        """Puts points back; fewer than none are a debt, which is drained whatever there is."""
        moment, held = self.clock(), self.entries.get(key)
        if held is None:
            if points >= 0:
                return
            self._forget(moment)
        left = min(size, (size if held is None else held[0] + (moment - held[1]) * size / MINUTE) + points)
        # A debt is written as the moment at which it is paid, so that it is not forgotten before.
        self.entries[key] = (left, moment) if left >= 0 else (0.0, moment - left * MINUTE / size)

    def _forget(self, moment: float) -> None:
        """Drops what was not used for two minutes, a few at a time, and the one used longest ago where there are too many."""
        kept = self.entries
        for _ in range(2):
            oldest = next(iter(kept), None)
            if oldest is None or (moment - kept[oldest][1] < 2 * MINUTE and len(kept) < self.max_buckets):
                return
            del kept[oldest]


class SharedBuckets(Protocol):
    """Buckets that several processes share."""

    @property
    def is_unavailable(self) -> bool:
        """Whether they cannot be reached."""
        ...

    async def start(self) -> None:
        """Looks for them."""
        ...

    async def stop(self) -> None:
        """Lets them go."""
        ...

    def take(self, points: int, *buckets: Bucket) -> Awaitable[list[float] | None]:
        """Drains points of each, as `take_all` in memory; None where they cannot be reached in time."""
        ...

    def give(self, points: int, *buckets: Bucket) -> None:
        """Puts points back into each, as in memory; nobody waits for it."""
        ...
