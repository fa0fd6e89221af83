"""Limits on the e-mails that requests cause, per address and hour.

Whoever knows an address can ask for e-mails to it. Password resets are counted apart from the
others, so that nobody can use up the owner's resets by registering the address. Notices of changes
are not limited.
"""

from hashlib import blake2b
from math import ceil

from tradepost.kit.problems import QuotaExceeded
from tradepost.kit.rate_limit.buckets import HOUR
from tradepost.kit.rate_limit.counters import Counter, Counters
from tradepost.kit.rate_limit.meter import RateLimits

PASSWORD_RESET, OTHER = "password-reset", "other"
"""The kinds of e-mails that are counted apart."""
POLICY = "emails"
"""The name of the policy in `violated-policies`."""


class EmailLimits:
    """Counts e-mails by address and kind. The keys are digests, so Redis holds no address."""

    def __init__(self, limits: RateLimits, secret: bytes, *, per_hour: int = 5) -> None:
        """`secret` is the key of the digests, at most 64 bytes."""
        self.counters, self.secret, self.per_hour = Counters(limits), secret, per_hour

    async def count(self, kind: str, email: str) -> QuotaExceeded | None:
        """Count an e-mail. Return the problem if the address was sent enough of them."""
        digest = blake2b(email.encode("utf-8", "surrogatepass"), digest_size=16, key=self.secret).hexdigest()
        [remaining], _ = await self.counters.take(Counter(f"email:{kind}:{digest}", self.per_hour, HOUR))
        if remaining >= 0:
            return None
        detail = f"At most {self.per_hour} of these e-mails per hour are sent to one address. Check your inbox."
        return QuotaExceeded(ceil(-remaining * HOUR / self.per_hour), policies=(POLICY,), detail=detail)
