"""Passwords: hashed by argon2id, beside the event loop, and never by more threads than there are cores.

The parameters are OWASP's (19 MiB, 2 passes, 1 lane; Password Storage Cheat Sheet). A hash with other parameters still verifies and is
told to be outdated, so that it can be made anew when its owner logs in.
"""

import asyncio
import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from argon2 import PasswordHasher as Argon2Hasher
from argon2.exceptions import InvalidHashError, VerificationError

from tradepost.kit.problems import Unavailable, Validation

from .password_rules import MIN_LENGTH, RULES, faults, normalize

__all__ = ["RULES", "PasswordHasher"]

MEMORY, PASSES, LANES = 19 * 1024, 2, 1
"""KiB, times over it, threads of one hash."""
MAX_WAITING = 64
RETRY_AFTER = 2


class PasswordHasher:
    """Hashes and verifies passwords, and says which are taken. One for each process."""

    def __init__(
        self, *, min_length: int = MIN_LENGTH, max_waiting: int = MAX_WAITING, threads: int | None = None
    ) -> None:
        self.min_length = min_length
        self.argon2 = Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY, parallelism=LANES)
        self.dummy_hash = _decoy(self.argon2)
        size = threads or os.cpu_count() or 1
        self.executor = ThreadPoolExecutor(size, thread_name_prefix="passwords")
        # Given back by the work itself when it has ended, so that a caller who went away frees no place that a thread still holds.
        self.slots = BoundedSemaphore(size + max_waiting)

    def check(self, password: str, pointer: str, *, user_attributes: Sequence[str] = ()) -> None:
        """Raises Validation with all that is wrong with a new password; `about` are its owner's e-mail address and user name."""
        if found := faults(password, self.min_length, user_attributes, pointer):
            raise Validation(
                found[0].detail if len(found) == 1 else f"The password breaks {len(found)} rules.", errors=found
            )

    async def hash(self, password: str) -> str:
        """What is stored of a password. Raises Unavailable where too many wait already."""
        return await self._beside(lambda: self.argon2.hash(_bytes(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether this is the password behind a stored hash. None (no such account, or one without a password) takes alike and is never right.

        Raises Unavailable where too many wait already.
        """
        return await self._beside(lambda: self._matches(stored, password))

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than ours; the owner's next log-in is the time to make it anew."""
        return self.argon2.check_needs_rehash(stored)

    def stop(self) -> None:
        """Ends the threads; what waits is given up."""
        self.executor.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str | None, password: str) -> bool:
        given = _bytes(password)
        try:
            return self.argon2.verify(stored or self.dummy_hash, given) and stored is not None
        except InvalidHashError:
            # A row that cannot be read must not be told apart by its speed either.
            return self._matches(None, password)
        except VerificationError:
            return False

    async def _beside[T](self, work: Callable[[], T]) -> T:
        if not self.slots.acquire(blocking=False):
            raise Unavailable("Too many passwords wait to be checked now.", retry_after=RETRY_AFTER)
        try:
            future = self.executor.submit(work)
        except BaseException:
            self.slots.release()
            raise
        future.add_done_callback(lambda _: self.slots.release())
        return await asyncio.wrap_future(future)


def _bytes(password: str) -> bytes:
    return normalize(password).encode("utf-8", "surrogatepass")


def _decoy(hasher: Argon2Hasher) -> str:
    """A hash of nothing: random bytes with our parameters cost the same to verify, and need not be made slowly at every start."""
    salt, tag = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${tag}"
