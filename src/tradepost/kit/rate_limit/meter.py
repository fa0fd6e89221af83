"""Meter."""

from collections.abc import Awaitable, Mapping
from math import ceil

from ..problems import QuotaExceeded, TooExpensive
from .buckets import MINUTE, Buckets, Shared, reset

MOST_POINTS, COMPILING = 1000, 10


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
