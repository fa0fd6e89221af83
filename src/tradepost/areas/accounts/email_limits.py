"""Limits on the e-mails that requests cause, per address and hour.

Whoever knows an address can ask for e-mails to it. Password resets are counted apart from the
others, so that nobody can use up the owner's resets by registering the address. Notices of changes
are not limited.
"""

from hashlib import blake2b

from tradepost.kit.problems import QuotaExceeded
from tradepost.kit.rate_limit.hourly_limit import HourlyLimit
from tradepost.kit.rate_limit.meter import RateLimits

PASSWORD_RESET, OTHER = "password-reset", "other"
"""The kinds of e-mails that are counted apart."""
TOO_MANY_EMAILS = "At most {per_hour} of these e-mails per hour are sent to one address. Check your inbox."


class EmailLimits:
    """Counts e-mails by address and kind. The keys are digests, so Redis holds no address."""

    def __init__(self, limits: RateLimits, secret: bytes, *, per_hour: int = 5) -> None:
        """`secret` is the key of the digests, at most 64 bytes."""
        self.secret = secret
        self.emails = HourlyLimit(limits, policy="emails", per_hour=per_hour, detail=TOO_MANY_EMAILS)

    async def count(self, kind: str, email: str) -> QuotaExceeded | None:
        """Count an e-mail. Return the problem if the address was sent enough of them."""
        digest = blake2b(email.encode("utf-8", "surrogatepass"), digest_size=16, key=self.secret).hexdigest()
        return await self.emails.count(f"email:{kind}:{digest}")
