"""The meter of a request: takes its price from a bucket before it runs, and refunds the rest."""

from collections.abc import Awaitable, Mapping
from math import ceil

from ..problems import QuotaExceeded, TooExpensive
from .buckets import HOUR, MINUTE, MemoryBuckets, SharedBuckets, seconds_until_full

MAX_REQUEST_POINTS, COMPILE_POINTS = 1000, 10
"""The highest price of a request, and the price of compiling a text or plan not seen before."""


class RateLimits:
    """The bucket sizes by role, and the buckets. Counts refusals and points for /metrics."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        *,
        default_size: int,
        local: MemoryBuckets | None = None,
        shared: SharedBuckets | None = None,
    ) -> None:
        """`default_size` applies to roles that are not in `sizes`."""
        self.sizes, self.default_size = dict(sizes), default_size
        self.local, self.shared = local or MemoryBuckets(), shared
        self.local_hourly = MemoryBuckets(lambda: self.local.clock(), seconds=HOUR)
        self.refusals = self.charged_points = 0

    @property
    def is_shared(self) -> bool:
        """Whether the buckets are shared with other processes at the moment."""
        return self.shared is not None and not self.shared.is_unavailable

    def meter(self, key: str, role: str) -> "Meter":
        """Return the meter of one request of a principal."""
        return Meter(self, key, self.sizes.get(role, self.default_size))


class Meter:
    """The account of one request.

    key, size, remaining, policy: the bucket, its points and its name in the response headers.
    sizes: the sizes of both buckets, if there are two (KeyMeter).
    capacity: the most points that can be taken.
    price: the price computed before the request runs.
    drained: points taken so far.
    net: the price by the rows really returned, without compiling.
    charged: the points that are finally charged.
    new_texts, new_plans: texts (documents, `fields`) and plans compiled for this request.
    credential_attempts: login attempts started. They are charged in full, whatever the outcome.
    prepaid: compiling is free, because the document was known when the server started.
    from_shared: points were taken from shared buckets.
    touched: a bucket was asked at least once.
    settled: the final charge is known.
    """

    policy = b"points"
    sizes: tuple[int, ...] = ()
    __slots__ = (
        "capacity",
        "charged",
        "credential_attempts",
        "drained",
        "from_shared",
        "key",
        "limits",
        "net",
        "new_plans",
        "new_texts",
        "prepaid",
        "price",
        "remaining",
        "settled",
        "size",
        "touched",
    )

    def __init__(self, limits: RateLimits | None, key: str, size: int) -> None:
        self.limits, self.key, self.size, self.capacity = limits, key, size, size
        self.drained = self.net = self.charged = self.new_texts = self.new_plans = self.credential_attempts = 0
        self.price = 1
        self.remaining: float = size
        self.prepaid = self.from_shared = self.settled = self.touched = False

    async def pay_for_text(self) -> None:
        """Pay for compiling a new text before it is parsed.

        If this is the request's first payment, it includes the minimum price of 1.
        """
        await self.drain(COMPILE_POINTS if self.touched else 1 + COMPILE_POINTS)
        self.new_texts += 1

    async def pay(self, points: int, reserve: int = 0) -> None:
        """Pay the price of a request before it runs.

        `reserve` is taken in addition if a plan may have to be compiled.
        """
        if points > MAX_REQUEST_POINTS or points > self.capacity:
            raise TooExpensive(
                f"The request costs up to {points} points; at most {self.max_points} are allowed.",
                points=points,
                limit=self.max_points,
            )
        self.price = points
        due = points + (COMPILE_POINTS if self.new_texts else reserve) - self.drained
        if (limits := self.limits) is not None and (due > 0 or not self.touched):
            # Inlined `drain`: with Redis, one coroutine less per request saves half a microsecond.
            due = max(min(due, self.capacity - self.drained), 0)
            self._record_take(
                limits, due, None if limits.shared is None else await self._take_shared(limits.shared, due)
            )

    async def drain(self, points: int) -> None:
        """Take points, or raise QuotaExceeded.

        Never takes more than a full bucket holds: that could never be paid.
        """
        if (limits := self.limits) is not None:
            points = max(min(points, self.capacity - self.drained), 0)
            self._record_take(
                limits, points, None if limits.shared is None else await self._take_shared(limits.shared, points)
            )

    async def require_points(self) -> None:
        """Raise QuotaExceeded if no point is left, before work that is done ahead of `pay`.

        Shared buckets are asked only if the level in this process is below 1, to which a refusal by
        them lowers it. The point that is taken then is part of the request's price.
        """
        if self.limits is not None and self._local_level(self.limits.local) < 1:
            await self.drain(1)

    def _local_level(self, local: MemoryBuckets) -> float:
        """Return what is left in this process's bucket."""
        return local.take(self.key, self.size, 0)

    def _take_shared(self, shared: SharedBuckets, points: int) -> Awaitable[list[float] | None]:
        """Take points from the shared bucket."""
        return shared.take(points, (self.key, self.size))

    def _record_take(self, limits: RateLimits, points: int, shared_remaining: list[float] | None) -> None:
        """Record what is left. Without a shared bucket, take from the local one."""
        self.touched = True
        if shared_remaining is not None:
            self.from_shared, remaining = True, shared_remaining[0]
        else:
            remaining = limits.local.take(self.key, self.size, points)
        if remaining < 0 and points:
            limits.refusals += 1
            self.remaining = max(remaining + points, 0)
            if self.from_shared:
                limits.local.lower(self.key, self.size, self.remaining)
            raise QuotaExceeded(ceil(-remaining * MINUTE / self.size), self.size)
        self.remaining, self.drained = remaining, self.drained + points

    def settle(self, net: int) -> None:
        """Settle the charge and refund the rest. Idempotent: later calls do nothing."""
        if self.settled:
            return
        self.settled = True
        charged = net + self.compile_points if self.new_texts or self.new_plans else net
        refund = self.drained - charged
        self.charged = charged
        if self.limits is not None:
            self.limits.charged_points += charged
            if refund:
                self._give(self.limits, refund)

    def _give(self, limits: RateLimits, points: int) -> None:
        """Return points to the bucket that they were taken from."""
        self.remaining = min(max(self.remaining + points, 0), self.size)
        if self.from_shared and limits.shared is not None:
            limits.shared.give(points, (self.key, self.size))
        else:
            limits.local.give(self.key, self.size, points)

    @property
    def compile_points(self) -> int:
        """The price of compiling new texts and plans. A text's first plan is included in it."""
        return 0 if self.prepaid else COMPILE_POINTS * max(self.new_texts, self.new_plans)

    @property
    def max_points(self) -> int:
        """The highest price that this caller can pay for a request."""
        return min(MAX_REQUEST_POINTS, self.capacity)

    @property
    def guaranteed_remaining(self) -> float:
        """The points left while the request runs, if its whole price is charged.

        Part of the price may be refunded.
        """
        return min(self.remaining + max(self.drained - self.price - COMPILE_POINTS * self.new_texts, 0), self.size)

    @property
    def seconds_until_full(self) -> int:
        """The seconds until the bucket is full again."""
        return seconds_until_full(self.size, self.remaining)


def unlimited_meter() -> Meter:
    """Return a meter without a bucket, for the command line and the worker."""
    return Meter(None, "", MAX_REQUEST_POINTS)
