"""The limit of one key: where a key has points of its own a minute, its requests drain that bucket and its owner's, both or neither."""

from collections.abc import Awaitable
from math import ceil

from ..problems import QuotaExceeded
from .buckets import MINUTE, Bucket, SharedBuckets
from .meter import Meter, RateLimits

POLICIES = (b"points", b"key")
"""What the buckets of an owner and of its key are called."""


class KeyMeter(Meter):
    """The meter of a key with a limit of its own: its owner's bucket and its own are drained, both or neither. It tells of the one with less in it."""

    __slots__ = ("buckets", "policy", "remaining_each", "sizes")

    def __init__(self, limits: RateLimits, owners: Bucket, own: Bucket) -> None:
        super().__init__(limits, *owners)
        self.buckets, self.sizes = (owners, own), (owners[1], own[1])
        self.capacity, self.remaining_each = min(self.sizes), [float(size) for size in self.sizes]
        self._tell()

    def _take(self, shared: SharedBuckets, points: int) -> Awaitable[list[float] | None]:
        """Drains what others drain too."""
        return shared.take(points, *self.buckets)

    def _drained(self, limits: RateLimits, points: int, lefts: list[float] | None) -> None:
        """Takes down what is left; where nobody has drained it elsewhere, it is drained here."""
        self.touched = True
        if lefts is not None:
            self.remote = True
        else:
            lefts = limits.local.take_all(self.buckets, points)
        if points and min(lefts) < 0:
            limits.refusals += 1
            self.remaining_each = [max(n + points, 0) for n in lefts]
            self._tell()
            waits = [
                (ceil(-n * MINUTE / size), size, name)
                for n, size, name in zip(lefts, self.sizes, POLICIES, strict=True)
                if n < 0
            ]
            longest, size, _ = max(waits)
            raise QuotaExceeded(longest, size, [name.decode() for _, _, name in waits])
        self.remaining_each, self.drained = lefts, self.drained + points
        self._tell()

    def _give(self, limits: RateLimits, points: int) -> None:
        """Puts points back into both."""
        self.remaining_each = [
            min(max(left + points, 0), size) for left, size in zip(self.remaining_each, self.sizes, strict=True)
        ]
        self._tell()
        if self.remote and limits.shared is not None:
            limits.shared.give(points, *self.buckets)
        else:
            for key, size in self.buckets:
                limits.local.give(key, size, points)

    def _tell(self) -> None:
        """Chooses the bucket that is nearer to its end."""
        self.remaining, self.size, self.policy = min(zip(self.remaining_each, self.sizes, POLICIES, strict=True))
