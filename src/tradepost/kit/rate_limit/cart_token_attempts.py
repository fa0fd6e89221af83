"""The limit on wrong cart tokens, per client address and hour.

A token cannot be guessed. The limit stops clients that send old tokens again and again. Requests
with a valid token are not counted and not refused, so one client does not lock out the others at
its address.
"""

from math import ceil

from ..problems import QuotaExceeded
from .buckets import HOUR
from .client_key import client_key
from .counters import Counter, Counters
from .meter import RateLimits

POLICY = "cart-token"
"""The name of the policy in `violated-policies`."""


class CartTokenAttempts:
    """Counts wrong tokens by client address."""

    def __init__(self, limits: RateLimits, *, per_hour: int = 20) -> None:
        self.limits, self.counters, self.per_hour = limits, Counters(limits), per_hour

    async def count(self, address: str) -> None:
        """Count a wrong token, or raise QuotaExceeded if the address has sent enough of them."""
        [remaining], _ = await self.counters.take(Counter(f"cart-token:{client_key(address)}", self.per_hour, HOUR))
        if remaining < 0:
            self.limits.refusals += 1
            detail = (
                f"Too many invalid cart tokens from this address; at most {self.per_hour} per hour are allowed. "
                "Send the request without `X-Cart-Token`, or with a valid one."
            )
            raise QuotaExceeded(ceil(-remaining * HOUR / self.per_hour), policies=(POLICY,), detail=detail)
