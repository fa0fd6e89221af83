"""Limits on attempts to log in: per account and per client address, through either API.

Attempts use two buckets of the same kind as points, in Redis or in memory. The address's bucket
is taken first; if it is empty the account's is not touched, so one client cannot lock more
accounts than it may try. An account's key is a keyed digest of the name that was entered: Redis
holds no such name, and keys of existing and unknown accounts look alike. Attempts from the command
line and the worker are not counted.
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
"""The names of the two policies in `violated-policies`."""
MAX_LENGTH = 1000
"""Characters of an account's name that are significant."""


class CredentialAttempts:
    """Counts attempts. Operation.run_credential_attempt calls it; services need not."""

    def __init__(self, limits: RateLimits, secret: bytes, *, per_account: int = 10, per_address: int = 30) -> None:
        """`per_account` and `per_address` are attempts per minute.

        `limits` holds the buckets. `secret` is the key of the digests, at most 64 bytes.
        """
        self.limits, self.secret, self.per_account, self.per_address = limits, secret, per_account, per_address

    async def count(self, account: str | None, address: str, caller: str | None = None) -> None:
        """Count one attempt, or raise QuotaExceeded if one of the buckets is empty.

        Without an account the attempt counts for the caller's id.
        """
        address_key, account_key = f"login:{client_key(address)}", self.account_key(account, caller)
        remaining, from_shared = await self._take(address_key, self.per_address)
        if remaining < 0:
            raise self._problem(remaining, self.per_address, ADDRESS, "from this address")
        if account_key is None:
            return
        remaining, _ = await self._take(account_key, self.per_account)
        if remaining < 0:
            # Attempts on a locked account must not lock out everyone else behind this address.
            self._give(address_key, self.per_address, 1, from_shared)
            raise self._problem(remaining, self.per_account, ACCOUNT, "on this account")

    async def count_unexecuted(
        self, attempts: Mapping[str | None, int], address: str, caller: str | None = None
    ) -> None:
        """Count attempts that a refused document contains, by account. They may become a debt.

        All of them count for the address. They count for the accounts, in order, only as far as
        the address had attempts left: the others could not have run, and must lock no account.
        """
        if not attempts:
            return
        address_key, total = f"login:{client_key(address)}", sum(attempts.values())
        remaining, from_shared = await self._take(address_key, self.per_address)
        was_taken = remaining >= 0
        self._give(address_key, self.per_address, was_taken - total, from_shared)
        possible = remaining + 1 if was_taken else 0
        for account, number in attempts.items():
            if possible < 1:
                break
            if (account_key := self.account_key(account, caller)) is not None:
                self._give(account_key, self.per_account, -number, from_shared)
            possible -= number

    def account_key(self, account: str | None, caller: str | None) -> str | None:
        """Return the bucket key of an account, else of the caller, else None."""
        if account is None:
            return None if caller is None else f"login:caller:{caller}"
        text = normalize("NFC", account[:MAX_LENGTH]).strip().lower().encode("utf-8", "surrogatepass")
        return f"login:account:{blake2b(text, digest_size=16, key=self.secret).hexdigest()}"

    def _problem(self, remaining: float, size: int, policy: str, scope: str) -> QuotaExceeded:
        self.limits.refusals += 1
        detail = f"Too many attempts {scope}; at most {size} per minute are allowed."
        return QuotaExceeded(ceil(-remaining * MINUTE / size), policies=(policy,), detail=detail)

    async def _take(self, key: str, size: int) -> tuple[float, bool]:
        """Take one attempt. Return what is left, and whether it was taken from a shared bucket.

        If the first is negative, nothing was taken.
        """
        shared = self.limits.shared
        remaining = await shared.take(1, (key, size)) if shared is not None else None
        return (remaining[0], True) if remaining is not None else (self.limits.local.take(key, size, 1), False)

    def _give(self, key: str, size: int, number: int, to_shared: bool) -> None:
        """Return attempts, or remove a debt."""
        if to_shared and (shared := self.limits.shared) is not None:
            shared.give(number, (key, size))
        else:
            self.limits.local.give(key, size, number)
