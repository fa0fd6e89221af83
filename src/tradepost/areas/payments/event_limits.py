"""The limit on webhooks of each payment provider."""

from math import ceil

from tradepost.kit.problems import QuotaExceeded
from tradepost.kit.rate_limit.buckets import MINUTE
from tradepost.kit.rate_limit.counters import Counter, Counters
from tradepost.kit.rate_limit.meter import RateLimits

PER_MINUTE = 6000


class ProviderEventLimits:
    """Counts the events with a valid signature by provider, whatever address they come from."""

    def __init__(self, limits: RateLimits, *, per_minute: int = PER_MINUTE) -> None:
        self.counters, self.per_minute = Counters(limits), per_minute

    async def count(self, provider: str) -> None:
        """Count an event of a provider, or raise QuotaExceeded."""
        [remaining], _ = await self.counters.take(Counter(f"provider-events:{provider}", self.per_minute))
        if remaining < 0:
            raise QuotaExceeded(
                ceil(-remaining * MINUTE / self.per_minute),
                policies=("provider-events",),
                detail=f"At most {self.per_minute} events a minute of one provider are accepted.",
            )
