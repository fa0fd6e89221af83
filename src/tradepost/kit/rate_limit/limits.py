"""How much: a bucket of points for every principal, and the meter that one request runs on.

A bucket holds at most a minute's points and fills all the time (a token bucket): `take` drains it, `give` puts back what was not used. One
process keeps its buckets in memory; several share them in Redis (shared_limits.py), and each falls back to its own where Redis is gone. The
shell and the worker have none. A key with a limit of its own drains a second one besides (key_limits.py).
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import ceil
from time import monotonic
from typing import Protocol

from ..problems import QuotaExceeded, TooExpensive

MOST_BUCKETS, MOST_POINTS, COMPILING = 100_000, 1000, 10
MINUTE = 60.0

type Bucket = tuple[str, int]
"""Its key, and how many points it holds."""


def reset(size: int, left: float) -> int:
    """In how many seconds a bucket with so much left is full again."""
    return ceil((size - left) * MINUTE / size)


class Buckets:
    """Buckets in memory. One that is full is as good as none, so those are what goes first where there are many."""

    __slots__ = ("clock", "kept", "most")

    def __init__(self, clock: Callable[[], float] = monotonic, most: int = MOST_BUCKETS) -> None:
        self.clock, self.most = clock, most
        self.kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, size: int, points: int) -> float:
        """Drains points, and says what is left; where there are too few nothing is drained, and it says by how many (below 0)."""
        moment, kept = self.clock(), self.kept
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
        moment, held = self.clock(), self.kept.get(key)
        if held is None:
            if points >= 0:
                return
            self._forget(moment)
        left = min(size, (size if held is None else held[0] + (moment - held[1]) * size / MINUTE) + points)
        # A debt is written as the moment at which it is paid, so that it is not forgotten before.
        self.kept[key] = (left, moment) if left >= 0 else (0.0, moment - left * MINUTE / size)

    def _forget(self, moment: float) -> None:
        """Drops what was not used for two minutes, a few at a time, and the one used longest ago where there are too many."""
        kept = self.kept
        for _ in range(2):
            oldest = next(iter(kept), None)
            if oldest is None or (moment - kept[oldest][1] < 2 * MINUTE and len(kept) < self.most):
                return
            del kept[oldest]


class Shared(Protocol):
    """Buckets that several processes share."""

    @property
    def gone(self) -> bool:
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


class Limits:
    """The sizes of the buckets by role, and where the buckets are."""

    def __init__(
        self, sizes: Mapping[str, int], *, known: int, local: Buckets | None = None, shared: Shared | None = None
    ) -> None:
        """`known` is the size for roles that `sizes` does not name."""
        self.sizes, self.known, self.local, self.shared = dict(sizes), known, local or Buckets(), shared
        self.refused = self.drained = 0

    @property
    def is_shared(self) -> bool:
        """Whether the buckets are shared now."""
        return self.shared is not None and not self.shared.gone

    def meter(self, key: str, role: str) -> "Meter":
        """The meter of one request of a principal."""
        return Meter(self, key, self.sizes.get(role, self.known))


class Meter:
    """What one request pays. `net` is the price by what it really got, before what compiling costs; `charged` what it pays in the end. `ceiling` is the
    most that can ever be drained; `policy`, `size` and `left` tell of the bucket, and `sizes` of both, where there are two. `attempts` are those at
    credentials that it has begun: they pay in full, whatever comes of them. Where it is `prepaid` compiling costs nothing: what it asks was known when
    the shop started."""

    policy = b"points"
    sizes: tuple[int, ...] = ()
    __slots__ = (
        "attempts", "ceiling", "charged", "drained", "key", "left", "limits", "net", "new_texts", "plans", "prepaid", "price", "remote", "settled", "size",
        "touched",
    )  # fmt: skip

    def __init__(self, limits: Limits | None, key: str, size: int) -> None:
        self.limits, self.key, self.size, self.ceiling = limits, key, size, size
        self.drained = self.net = self.charged = self.new_texts = self.plans = self.attempts = 0
        self.price = 1
        self.left: float = size
        self.prepaid = self.remote = self.settled = self.touched = False

    async def admit_text(self) -> None:
        """Pays for a text not seen before, before it is read: what compiling costs, and where that is the first of a request also its least price."""
        await self.drain(COMPILING if self.touched else 1 + COMPILING)
        self.new_texts += 1

    async def pay(self, points: int, reserve: int = 0) -> None:
        """Drains the price of a request before it is run. A `reserve` is drained besides where a plan may have to be compiled."""
        if points > MOST_POINTS or points > self.ceiling:
            raise TooExpensive(
                f"The request costs up to {points} points; at most {self.most} are allowed.",
                points=points,
                limit=self.most,
            )
        self.price = points
        owed = points + (COMPILING if self.new_texts else reserve) - self.drained
        if (limits := self.limits) is not None and (owed > 0 or not self.touched):
            # Not by way of `drain`: a coroutine less for every request is half a microsecond with Redis.
            owed = max(min(owed, self.ceiling - self.drained), 0)
            self._drained(limits, owed, None if limits.shared is None else await self._take(limits.shared, owed))

    async def drain(self, points: int) -> None:
        """Drains points, or refuses the request. No price is above a full bucket, else it could never be paid."""
        if (limits := self.limits) is not None:
            points = max(min(points, self.ceiling - self.drained), 0)
            self._drained(limits, points, None if limits.shared is None else await self._take(limits.shared, points))

    def _take(self, shared: Shared, points: int) -> Awaitable[list[float] | None]:
        """Drains what others drain too."""
        return shared.take(points, (self.key, self.size))

    def _drained(self, limits: Limits, points: int, lefts: list[float] | None) -> None:
        """Takes down what is left; where nobody has drained it elsewhere, it is drained here."""
        self.touched = True
        if lefts is not None:
            self.remote, left = True, lefts[0]
        else:
            left = limits.local.take(self.key, self.size, points)
        if left < 0 and points:
            limits.refused += 1
            self.left = max(left + points, 0)
            raise QuotaExceeded(ceil(-left * MINUTE / self.size), self.size)
        self.left, self.drained = left, self.drained + points

    def settle(self, net: int) -> None:
        """Ends the account: what was drained above the net price and the compiling goes back. Only the first word counts."""
        if self.settled:
            return
        self.settled = True
        charged = net + self.compiling if self.new_texts or self.plans else net
        back = self.drained - charged
        self.charged = charged
        if self.limits is not None:
            self.limits.drained += charged
            if back:
                self._give(self.limits, back)

    def _give(self, limits: Limits, points: int) -> None:
        """Puts points back where they came from."""
        self.left = min(max(self.left + points, 0), self.size)
        if self.remote and limits.shared is not None:
            limits.shared.give(points, (self.key, self.size))
        else:
            limits.local.give(self.key, self.size, points)

    @property
    def compiling(self) -> int:
        """What reading new texts and making new plans has cost; a text's first plan is paid with it."""
        return 0 if self.prepaid else COMPILING * max(self.new_texts, self.plans)

    @property
    def most(self) -> int:
        """The most that one request may cost."""
        return min(MOST_POINTS, self.ceiling)

    @property
    def sure(self) -> float:
        """What is left in any case once this request is paid, while it still runs: its whole price is gone, and some of that may come back."""
        return min(self.left + max(self.drained - self.price - COMPILING * self.new_texts, 0), self.size)

    @property
    def reset(self) -> int:
        """In how many seconds the bucket is full again."""
        return reset(self.size, self.left)


def unlimited() -> Meter:
    """The meter of callers without a bucket."""
    return Meter(None, "", MOST_POINTS)
