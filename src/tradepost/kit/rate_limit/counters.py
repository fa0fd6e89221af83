"""Counters of rare calls, such as failed log-ins: buckets of a minute or an hour, several at once.

They are kept where the points are: in Redis if it is configured and can be reached, else in this
process.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .buckets import MINUTE, Bucket, MemoryBuckets, SlowBucket
from .meter import RateLimits


class Counter(NamedTuple):
    """A key, and how many calls are allowed in so many seconds."""

    key: str
    size: int
    seconds: float = MINUTE

    @property
    def bucket(self) -> Bucket | SlowBucket:
        """The counter as a bucket that is shared between processes."""
        return (self.key, self.size) if self.seconds == MINUTE else (self.key, (self.size, int(self.seconds)))


class Counters:
    """Takes from counters and gives back to them."""

    def __init__(self, limits: RateLimits) -> None:
        self.limits = limits

    async def take(self, *counters: Counter, calls: int = 1) -> tuple[list[float], bool]:
        """Take calls from each counter, or from none if any of them has too few.

        Return what is left in each, and whether they are shared. If any is negative, nothing was
        taken.
        """
        shared = self.limits.shared
        remaining = await shared.take(calls, *[counter.bucket for counter in counters]) if shared is not None else None
        return (remaining, True) if remaining is not None else (self._take_local(counters, calls), False)

    def give(self, calls: int, counter: Counter, to_shared: bool) -> None:
        """Return calls to a counter. A negative number is a debt, taken in any case."""
        if to_shared and (shared := self.limits.shared) is not None:
            shared.give(calls, counter.bucket)
        else:
            self._local(counter).give(counter.key, counter.size, calls)

    def _take_local(self, counters: Sequence[Counter], calls: int) -> list[float]:
        remaining = [self._local(counter).take(counter.key, counter.size, 0) - calls for counter in counters]
        if min(remaining) >= 0:
            for counter in counters:
                self._local(counter).take(counter.key, counter.size, calls)
        return remaining

    def _local(self, counter: Counter) -> MemoryBuckets:
        return self.limits.local if counter.seconds == MINUTE else self.limits.local_hourly
