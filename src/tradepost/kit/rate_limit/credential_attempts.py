"""Attempts at credentials are counted: so many a minute on one account, and so many from one client's address, whichever door they come in by.

They drain two buckets besides that of the points, of the same kind: in Redis where several processes share them, else in memory. The address
pays first, and whoever has nothing left there reaches no account's bucket: one client cannot lock more accounts than it may try. The account's
bucket knows the account by a keyed digest of its text, so that no text of a caller's stands in Redis, and is the same whether there is such an
account or not. The shell and the worker are not counted.
"""

from collections.abc import Mapping
from hashlib import blake2b
from math import ceil
from unicodedata import normalize

from ..problems import QuotaExceeded
from .buckets import MINUTE
from .client_key import client_key
from .meter import RateLimits

ACCOUNT, ADDRESS = "login-account", "login-address"
"""The names of the two policies, as a refusal tells them."""
LONGEST = 1000
"""Letters of an account's text that tell it from others."""


class CredentialAttempts:
    """The two buckets of every attempt. Services need not know of it: the Operation counts what it is declared to be."""

    def __init__(self, limits: RateLimits, secret: bytes, *, per_account: int = 10, per_address: int = 30) -> None:
        """`account` and `address` are attempts a minute. `limits` say where the buckets are; `secret` (at most 64 bytes) is the digest's."""
        self.limits, self.secret, self.per_account, self.per_address = limits, secret, per_account, per_address

    async def count(self, account: str | None, address: str, caller: str | None = None) -> None:
        """Counts one attempt on an account, of a known caller's own where it names none; QuotaExceeded where one of the buckets is empty."""
        of_address, own = f"login:{client_key(address)}", self.account_key(account, caller)
        left, remote = await self._take(of_address, self.per_address)
        if left < 0:
            raise self._refusal(left, self.per_address, ADDRESS, "from this address")
        if own is None:
            return
        left, _ = await self._take(own, self.per_account)
        if left < 0:
            # One account that is tried in vain does not keep all others behind the address out.
            self._give(of_address, self.per_address, 1, remote)
            raise self._refusal(left, self.per_account, ACCOUNT, "on this account")

    async def count_unexecuted(
        self, written: Mapping[str | None, int], address: str, caller: str | None = None
    ) -> None:
        """Counts attempts that were written and never run, by their accounts: a debt, which may be more than a bucket holds.

        It is the address's debt in any case, and the accounts' in their order, as long as the address had something left: what it could not have
        tried locks nobody else's account.
        """
        if not written:
            return
        key, times = f"login:{client_key(address)}", sum(written.values())
        left, remote = await self._take(key, self.per_address)
        had = left >= 0
        self._give(key, self.per_address, had - times, remote)
        room = left + 1 if had else 0
        for account, some in written.items():
            if room < 1:
                break
            if (own := self.account_key(account, caller)) is not None:
                self._give(own, self.per_account, -some, remote)
            room -= some

    def account_key(self, account: str | None, caller: str | None) -> str | None:
        """The bucket of an account by its digest, else of the caller; None where there is neither."""
        if account is None:
            return None if caller is None else f"login:caller:{caller}"
        text = normalize("NFC", account[:LONGEST]).strip().lower()
        return f"login:account:{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=16, key=self.secret).hexdigest()}"

    def _refusal(self, left: float, size: int, policy: str, what: str) -> QuotaExceeded:
        self.limits.refusals += 1
        detail = f"There were too many attempts {what}; {size} a minute are allowed."
        return QuotaExceeded(ceil(-left * MINUTE / size), policies=(policy,), detail=detail)

    async def _take(self, key: str, size: int) -> tuple[float, bool]:
        """Drains one, and says what is left (below 0: nothing was drained) and whether that was in the shared bucket."""
        shared = self.limits.shared
        lefts = await shared.take(1, (key, size)) if shared is not None else None
        return (lefts[0], True) if lefts is not None else (self.limits.local.take(key, size, 1), False)

    def _give(self, key: str, size: int, times: int, remote: bool) -> None:
        """Puts attempts back, or drains a debt, where the address's one was taken."""
        if remote and (shared := self.limits.shared) is not None:
            shared.give(times, (key, size))
        else:
            self.limits.local.give(key, size, times)
