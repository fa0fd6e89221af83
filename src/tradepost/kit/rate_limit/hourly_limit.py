"""Limits on rare calls, such as wrong cart tokens of an address: so many per key and hour."""

from math import ceil

from ..problems import QuotaExceeded
from .buckets import HOUR
from .counters import Counter, Counters
from .meter import RateLimits


class HourlyLimit:
    """Counts calls by key.

    policy: the name of the limit in `violated-policies`.
    detail: the text of the problem; `{per_hour}` is the limit.
    """

    def __init__(self, limits: RateLimits, *, policy: str, per_hour: int, detail: str) -> None:
        self.counters, self.policy, self.per_hour = Counters(limits), policy, per_hour
        self.detail = detail.format(per_hour=per_hour)

    async def count(self, key: str) -> QuotaExceeded | None:
        """Count a call. Return the problem if the key has no call left in this hour."""
        [remaining], _ = await self.counters.take(Counter(key, self.per_hour, HOUR))
        if remaining >= 0:
            return None
        return QuotaExceeded(ceil(-remaining * HOUR / self.per_hour), policies=(self.policy,), detail=self.detail)
