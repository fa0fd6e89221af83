"""Token buckets in memory, and the protocol of buckets that several processes share.

A bucket holds at most one minute's points and is refilled continuously. `take` removes points,
`give` returns those that were not used. A single process keeps its buckets in memory. Several
processes share them in Redis (`redis_buckets.py`), and fall back to memory without it. Callers on
the command line and in the worker have no bucket.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from time import monotonic
from typing import Protocol

from ..cache_registry import Cache, CacheFigures

MAX_BUCKETS, BUCKET_BYTES = 100_000, 300
MINUTE, HOUR = 60.0, 3600.0

type Bucket = tuple[str, int]
"""The key of a bucket and its size in points."""
type SlowBucket = tuple[str, tuple[int, int]]
"""The key of a bucket, its size, and the seconds in which an empty one is full again."""


def seconds_until_full(size: int, remaining: float) -> int:
    """Return the seconds until a bucket is full again."""
    return ceil((size - remaining) * MINUTE / size)


class MemoryBuckets(Cache):
    """Buckets in this process: key -> the points that were left, and when.

    An empty bucket is full again after `seconds`. A full bucket carries no information, so full
    buckets are evicted first.
    """

    def __init__(
        self, clock: Callable[[], float] = monotonic, max_buckets: int = MAX_BUCKETS, seconds: float = MINUTE
    ) -> None:
        super().__init__("rate_limit_buckets", (max_buckets + 1) * BUCKET_BYTES)
        self.clock, self.max_buckets, self.seconds = clock, max_buckets, seconds
        self.entries: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def figures(self) -> CacheFigures:
        """Return the current figures. Hits and misses are not counted: every request has one."""
        return CacheFigures(self.max_bytes, len(self.entries) * BUCKET_BYTES, len(self.entries))

    def take(self, key: str, size: int, points: int) -> float:
        """Remove points and return what is left.

        If there are too few, remove nothing and return the shortfall as a negative number.
        """
        now, entries = self.clock(), self.entries
        entry = entries.get(key)
        remaining = (size if entry is None else min(size, entry[0] + (now - entry[1]) * size / self.seconds)) - points
        if remaining < 0:
            return remaining
        if entry is None:
            self._evict(now)
        entries[key] = (remaining, now)
        entries.move_to_end(key)
        return remaining

    def take_all(self, buckets: Sequence[Bucket], points: int) -> list[float]:
        """Remove points from each bucket and return what is left in each.

        If any has too few, remove nothing; the shortfalls are negative.
        """
        remaining = [self.take(key, size, 0) - points for key, size in buckets]
        if points > 0 and min(remaining) < 0:
            return remaining
        return [self.take(key, size, points) for key, size in buckets]

    def lower(self, key: str, size: int, level: float) -> None:
        """Lower a bucket to a level, unless it has less."""
        if self.take(key, size, 0) > level:
            self.entries[key] = (level, self.clock())

    def give(self, key: str, size: int, points: int) -> None:
        """Return points to a bucket. A negative number is a debt, removed in any case."""
        now, entry = self.clock(), self.entries.get(key)
        if entry is None:
            if points >= 0:
                return
            self._evict(now)
        remaining = min(size, (size if entry is None else entry[0] + (now - entry[1]) * size / self.seconds) + points)
        # A debt is stored as the time at which it is paid off, so that it is not evicted before.
        self.entries[key] = (remaining, now) if remaining >= 0 else (0.0, now - remaining * self.seconds / size)

    def _evict(self, now: float) -> None:
        """Remove up to two buckets that are full, or the least recently used if there are too many.

        A bucket that was not used for twice its `seconds` is full.
        """
        entries = self.entries
        for _ in range(2):
            oldest = next(iter(entries), None)
            if oldest is None or (now - entries[oldest][1] < 2 * self.seconds and len(entries) < self.max_buckets):
                return
            del entries[oldest]


class SharedBuckets(Protocol):
    """Buckets that several processes share."""

    @property
    def is_unavailable(self) -> bool:
        """Whether they cannot be reached at the moment."""
        ...

    async def start(self) -> None:
        """Connect."""
        ...

    async def stop(self) -> None:
        """Disconnect."""
        ...

    def take(self, points: int, *buckets: Bucket | SlowBucket) -> Awaitable[list[float] | None]:
        """Remove points as `MemoryBuckets.take_all` does.

        The result is None if the buckets cannot be reached in time.
        """
        ...

    def give(self, points: int, *buckets: Bucket | SlowBucket) -> None:
        """Return points to each bucket, or remove a debt, without waiting."""
        ...
