"""The meter of an API key with a rate limit of its own."""

from collections.abc import Awaitable
from math import ceil

from ..problems import QuotaExceeded
from .buckets import MINUTE, Bucket, MemoryBuckets, SharedBuckets
from .meter import Meter, RateLimits

POLICIES = (b"points", b"key")
"""The policy names of the user's bucket and of the key's."""


class KeyMeter(Meter):
    """Takes points from the user's bucket and from the key's: from both, or from neither.

    `policy`, `size` and `remaining` describe the one with fewer points left.
    """

    __slots__ = ("buckets", "policy", "remaining_each", "sizes")

    def __init__(self, limits: RateLimits, user_bucket: Bucket, key_bucket: Bucket) -> None:
        super().__init__(limits, *user_bucket)
        self.buckets, self.sizes = (user_bucket, key_bucket), (user_bucket[1], key_bucket[1])
        self.capacity, self.remaining_each = min(self.sizes), [float(size) for size in self.sizes]
        self._describe_lowest()

    def _local_level(self, local: MemoryBuckets) -> float:
        """Return what is left in the bucket with fewer points in this process."""
        return min(local.take_all(self.buckets, 0))

    def _take_shared(self, shared: SharedBuckets, points: int) -> Awaitable[list[float] | None]:
        """Take points from the shared buckets."""
        return shared.take(points, *self.buckets)

    def _record_take(self, limits: RateLimits, points: int, shared_remaining: list[float] | None) -> None:
        """Record what is left in each bucket. Without shared buckets, take from local ones."""
        self.touched = True
        if shared_remaining is not None:
            self.from_shared, remaining = True, shared_remaining
        else:
            remaining = limits.local.take_all(self.buckets, points)
        if points and min(remaining) < 0:
            limits.refusals += 1
            self.remaining_each = [max(n + points, 0) for n in remaining]
            self._describe_lowest()
            if self.from_shared:
                for (key, size), level in zip(self.buckets, self.remaining_each, strict=True):
                    limits.local.lower(key, size, level)
            exhausted = [
                (ceil(-n * MINUTE / size), size, policy)
                for n, size, policy in zip(remaining, self.sizes, POLICIES, strict=True)
                if n < 0
            ]
            seconds, size, _ = max(exhausted)
            raise QuotaExceeded(seconds, size, [policy.decode() for _, _, policy in exhausted])
        self.remaining_each, self.drained = remaining, self.drained + points
        self._describe_lowest()

    def _give(self, limits: RateLimits, points: int) -> None:
        """Return points to both buckets."""
        self.remaining_each = [
            min(max(n + points, 0), size) for n, size in zip(self.remaining_each, self.sizes, strict=True)
        ]
        self._describe_lowest()
        if self.from_shared and limits.shared is not None:
            limits.shared.give(points, *self.buckets)
        else:
            for key, size in self.buckets:
                limits.local.give(key, size, points)

    def _describe_lowest(self) -> None:
        """Describe the bucket with fewer points left."""
        self.remaining, self.size, self.policy = min(zip(self.remaining_each, self.sizes, POLICIES, strict=True))
