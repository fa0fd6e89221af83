"""Limits on failed attempts at a credential, through either API.

An attempt at a password is counted three times: for the account and the client's network, for the
network, and for the account from everywhere. The first two stop one client, and lock nobody else
out; the third, much larger, stops many clients that try one account. An attempt is counted before
it runs, so that concurrent ones cannot exceed a limit, and is given back if it succeeds.

Tokens, such as those in e-mails, cannot be guessed. Attempts at them are counted per network only,
apart from passwords: wrong log-ins block neither a password reset nor the refresh of a session.

An account's key is a keyed digest of the name that was entered: Redis holds no such name, and keys
of existing and unknown accounts look alike. Attempts from the command line and the worker are not
counted.
"""

from collections.abc import Mapping
from hashlib import blake2b
from math import ceil
from unicodedata import normalize

from ..problems import QuotaExceeded
from .buckets import HOUR
from .client_key import client_key
from .counters import Counter, Counters
from .meter import RateLimits

ACCOUNT, ADDRESS, ACCOUNT_HOUR = "login-account", "login-address", "login-account-hour"
"""The names of the policies in `violated-policies`."""
MAX_LENGTH = 1000
"""Characters of an account's name that are significant."""


class Attempt:
    """An attempt that was counted as a failure."""

    __slots__ = ("counted", "counters", "is_shared")

    def __init__(self, counters: Counters, counted: list[Counter], is_shared: bool) -> None:
        self.counters, self.counted, self.is_shared = counters, counted, is_shared

    def succeed(self) -> None:
        """Give the attempt back: it was not a failure."""
        for counter in self.counted:
            self.counters.give(1, counter, self.is_shared)


class CredentialAttempts:
    """Counts attempts. Operation.run_credential_attempt calls it; services need not."""

    def __init__(
        self,
        limits: RateLimits,
        secret: bytes,
        *,
        per_account: int = 10,
        per_address: int = 30,
        per_account_hour: int = 200,
    ) -> None:
        """`per_account` is per minute, account and network; `per_address` per minute and network.

        `per_account_hour` is per hour and account, from all networks. `limits` holds the buckets.
        `secret` is the key of the digests, at most 64 bytes.
        """
        self.limits, self.secret, self.counters = limits, secret, Counters(limits)
        self.per_account, self.per_address, self.per_account_hour = per_account, per_address, per_account_hour

    async def begin(self, account: str | None, address: str, caller: str | None = None) -> Attempt:
        """Count an attempt at a password, or raise QuotaExceeded if a limit is reached.

        Without an account it counts for the caller's id. Without either it is an attempt at a
        token.
        """
        account_key = self.account_key(account, caller)
        if account_key is None:
            return await self.begin_token(address)
        network = client_key(address)
        return await self._begin(
            (self.network_counter(network), ADDRESS, "from this address"),
            (self.account_counter(account_key, network), ACCOUNT, "on this account"),
            (self.hour_counter(account_key), ACCOUNT_HOUR, "on this account"),
        )

    async def begin_token(self, address: str) -> Attempt:
        """Count an attempt at a token, or raise QuotaExceeded."""
        counter = Counter(f"token:{client_key(address)}", self.per_address)
        return await self._begin((counter, ADDRESS, "from this address"))

    async def count_unexecuted(
        self, attempts: Mapping[str | None, int], address: str, caller: str | None = None
    ) -> None:
        """Count attempts that a refused document contains, by account. They may become a debt.

        All of them count for the network. They count for the accounts, in order, only as far as
        the network had attempts left: the others could not have run, and must lock no account.
        """
        if not attempts:
            return
        network, total = client_key(address), sum(attempts.values())
        network_counter = self.network_counter(network)
        [remaining], is_shared = await self.counters.take(network_counter)
        was_taken = remaining >= 0
        self.counters.give(was_taken - total, network_counter, is_shared)
        possible = int(remaining) + 1 if was_taken else 0
        for account, number in attempts.items():
            if possible < 1:
                break
            if (account_key := self.account_key(account, caller)) is not None:
                self.counters.give(-number, self.account_counter(account_key, network), is_shared)
                # Never a debt: many networks together could lock the account for days.
                await self.counters.take(self.hour_counter(account_key), calls=min(number, possible))
            possible -= number

    def account_key(self, account: str | None, caller: str | None) -> str | None:
        """Return the key of an account, else of the caller, else None."""
        if account is None:
            return None if caller is None else f"login:caller:{caller}"
        text = normalize("NFC", account[:MAX_LENGTH]).strip().lower().encode("utf-8", "surrogatepass")
        return f"login:account:{blake2b(text, digest_size=16, key=self.secret).hexdigest()}"

    def network_counter(self, network: str) -> Counter:
        """Return the counter of a network (see `client_key`)."""
        return Counter(f"login:{network}", self.per_address)

    def account_counter(self, account_key: str, network: str) -> Counter:
        """Return the counter of an account and a network."""
        return Counter(f"{account_key}:{network}", self.per_account)

    def hour_counter(self, account_key: str) -> Counter:
        """Return the counter of an account from all networks."""
        return Counter(account_key, self.per_account_hour, HOUR)

    async def _begin(self, *limits: tuple[Counter, str, str]) -> Attempt:
        """Count an attempt in several counters, each with its policy and its scope in words."""
        counted = [counter for counter, _, _ in limits]
        remaining, is_shared = await self.counters.take(*counted)
        for number, (counter, policy, scope) in zip(remaining, limits, strict=True):
            if number < 0:
                self.limits.refusals += 1
                period = "hour" if counter.seconds == HOUR else "minute"
                detail = f"Too many failed attempts {scope}; at most {counter.size} per {period} are allowed."
                seconds = ceil(-number * counter.seconds / counter.size)
                raise QuotaExceeded(seconds, policies=(policy,), detail=detail)
        return Attempt(self.counters, counted, is_shared)
