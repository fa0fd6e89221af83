"""Meter."""

from collections.abc import Awaitable, Mapping
from math import ceil

from ..problems import QuotaExceeded, TooExpensive
from .buckets import MINUTE, MemoryBuckets, SharedBuckets, seconds_until_full

MAX_REQUEST_POINTS, COMPILE_POINTS = 1000, 10


class RateLimits:
    """The sizes of the buckets by role, and where the buckets are."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        *,
        default_size: int,
        local: MemoryBuckets | None = None,
        shared: SharedBuckets | None = None,
    ) -> None:
        """`known` is the size for roles that `sizes` does not name."""
        self.sizes, self.default_size, self.local, self.shared = (
            dict(sizes),
            default_size,
            local or MemoryBuckets(),
            shared,
        )
        self.refusals = self.charged_points = 0

    @property
    def is_shared(self) -> bool:
        """Whether the buckets are shared now."""
        return self.shared is not None and not self.shared.is_unavailable

    def meter(self, key: str, role: str) -> "Meter":
        """The meter of one request of a principal."""
        return Meter(self, key, self.sizes.get(role, self.default_size))


class Meter:
    """What one request pays. `net` is the price by what it really got, before what compiling costs; `charged` what it pays in the end. `ceiling` is the
    most that can ever be drained; `policy`, `size` and `left` tell of the bucket, and `sizes` of both, where there are two. `attempts` are those at
    credentials that it has begun: they pay in full, whatever comes of them. Where it is `prepaid` compiling costs nothing: what it asks was known when
    the shop started."""

    policy = b"points"
    sizes: tuple[int, ...] = ()
    __slots__ = (
        "capacity",
        "charged",
        "credential_attempts",
        "drained",
        "key",
        "limits",
        "net",
        "new_plans",
        "new_texts",
        "prepaid",
        "price",
        "remaining",
        "remote",
        "settled",
        "size",
        "touched",
    )  # fmt: skip

    def __init__(self, limits: RateLimits | None, key: str, size: int) -> None:
        self.limits, self.key, self.size, self.capacity = limits, key, size, size
        self.drained = self.net = self.charged = self.new_texts = self.new_plans = self.credential_attempts = 0
        self.price = 1
        self.remaining: float = size
        self.prepaid = self.remote = self.settled = self.touched = False

    async def pay_for_text(self) -> None:
        """Pays for a text not seen before, before it is read: what compiling costs, and where that is the first of a request also its least price."""
        await self.drain(COMPILE_POINTS if self.touched else 1 + COMPILE_POINTS)
        self.new_texts += 1

    async def pay(self, points: int, reserve: int = 0) -> None:
        """Drains the price of a request before it is run. A `reserve` is drained besides where a plan may have to be compiled."""
        if points > MAX_REQUEST_POINTS or points > self.capacity:
            raise TooExpensive(
                f"The request costs up to {points} points; at most {self.max_points} are allowed.",
                points=points,
                limit=self.max_points,
            )
        self.price = points
        owed = points + (COMPILE_POINTS if self.new_texts else reserve) - self.drained
        if (limits := self.limits) is not None and (owed > 0 or not self.touched):
            # Not by way of `drain`: a coroutine less for every request is half a microsecond with Redis.
            owed = max(min(owed, self.capacity - self.drained), 0)
            self._drained(limits, owed, None if limits.shared is None else await self._take(limits.shared, owed))

    async def drain(self, points: int) -> None:
        """Drains points, or refuses the request. No price is above a full bucket, else it could never be paid."""
        if (limits := self.limits) is not None:
            points = max(min(points, self.capacity - self.drained), 0)
            self._drained(limits, points, None if limits.shared is None else await self._take(limits.shared, points))

    def _take(self, shared: SharedBuckets, points: int) -> Awaitable[list[float] | None]:
        """Drains what others drain too."""
        return shared.take(points, (self.key, self.size))

    def _drained(self, limits: RateLimits, points: int, lefts: list[float] | None) -> None:
        """Takes down what is left; where nobody has drained it elsewhere, it is drained here."""
        self.touched = True
        if lefts is not None:
            self.remote, left = True, lefts[0]
        else:
            left = limits.local.take(self.key, self.size, points)
        if left < 0 and points:
            limits.refusals += 1
            self.remaining = max(left + points, 0)
            raise QuotaExceeded(ceil(-left * MINUTE / self.size), self.size)
        self.remaining, self.drained = left, self.drained + points

    def settle(self, net: int) -> None:
        """Ends the account: what was drained above the net price and the compiling goes back. Only the first word counts."""
        if self.settled:
            return
        self.settled = True
        charged = net + self.compile_points if self.new_texts or self.new_plans else net
        back = self.drained - charged
        self.charged = charged
        if self.limits is not None:
            self.limits.charged_points += charged
            if back:
                self._give(self.limits, back)

    def _give(self, limits: RateLimits, points: int) -> None:
        """Puts points back where they came from."""
        self.remaining = min(max(self.remaining + points, 0), self.size)
        if self.remote and limits.shared is not None:
            limits.shared.give(points, (self.key, self.size))
        else:
            limits.local.give(self.key, self.size, points)

    @property
    def compile_points(self) -> int:
        """What reading new texts and making new plans has cost; a text's first plan is paid with it."""
        return 0 if self.prepaid else COMPILE_POINTS * max(self.new_texts, self.new_plans)

    @property
    def max_points(self) -> int:
        """The most that one request may cost."""
        return min(MAX_REQUEST_POINTS, self.capacity)

    @property
    def guaranteed_remaining(self) -> float:
        """What is left in any case once this request is paid, while it still runs: its whole price is gone, and some of that may come back."""
        return min(self.remaining + max(self.drained - self.price - COMPILE_POINTS * self.new_texts, 0), self.size)

    @property
    def seconds_until_full(self) -> int:
        """In how many seconds the bucket is full again."""
        return seconds_until_full(self.size, self.remaining)


def unlimited_meter() -> Meter:
    """The meter of callers without a bucket."""
    return Meter(None, "", MAX_REQUEST_POINTS)
