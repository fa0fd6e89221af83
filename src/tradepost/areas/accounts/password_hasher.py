"""Password hashing with argon2id, in as many threads as there are cores.

The parameters are OWASP's (19 MiB, 2 passes, 1 lane; Password Storage Cheat Sheet). A hash with
other parameters still verifies, but counts as outdated, so that it is replaced when its owner
logs in.
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
"""The parameters of argon2: KiB of memory, passes over it, threads per hash."""
MAX_WAITING = 64
RETRY_AFTER = 2
"""Seconds that a client is told to wait if too many passwords are in the queue."""


class PasswordHasher:
    """Hashes, verifies and validates passwords. There is one per process."""

    def __init__(
        self, *, min_length: int = MIN_LENGTH, max_waiting: int = MAX_WAITING, threads: int | None = None
    ) -> None:
        self.min_length = min_length
        self.argon2 = Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY, parallelism=LANES)
        self.dummy_hash = _dummy_hash(self.argon2)
        size = threads or os.cpu_count() or 1
        self.executor = ThreadPoolExecutor(size, thread_name_prefix="passwords")
        # A slot is released when its work ends, not when its caller is cancelled: a cancelled
        # caller does not stop the thread.
        self.slots = BoundedSemaphore(size + max_waiting)

    def check(self, password: str, pointer: str, *, user_attributes: Sequence[str] = ()) -> None:
        """Raise Validation with everything that is wrong with a new password.

        `user_attributes` are the username and e-mail address, which it must not contain.
        """
        if errors := faults(password, self.min_length, user_attributes, pointer):
            detail = errors[0].detail if len(errors) == 1 else f"The password breaks {len(errors)} rules."
            raise Validation(detail, errors=errors)

    async def hash(self, password: str) -> str:
        """Return the hash of a password. Raise Unavailable if too many are waiting already."""
        return await self._run_in_thread(lambda: self.argon2.hash(_encode(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Return whether a password matches a stored hash.

        If there is no hash (no such account, or no password), the answer is False and takes as
        long. Raise Unavailable if too many are waiting already.
        """
        return await self._run_in_thread(lambda: self._matches(stored, password))

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash was made with other parameters than ours."""
        return self.argon2.check_needs_rehash(stored)

    def stop(self) -> None:
        """Stop the threads and cancel the work that is waiting."""
        self.executor.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str | None, password: str) -> bool:
        try:
            return self.argon2.verify(stored or self.dummy_hash, _encode(password)) and stored is not None
        except InvalidHashError:
            # Verify the dummy hash, so that an unreadable row takes as long as any other.
            return self._matches(None, password)
        except VerificationError:
            return False

    async def _run_in_thread[T](self, work: Callable[[], T]) -> T:
        if not self.slots.acquire(blocking=False):
            raise Unavailable("Too many passwords are being checked. Try again shortly.", retry_after=RETRY_AFTER)
        try:
            future = self.executor.submit(work)
        except BaseException:
            self.slots.release()
            raise
        future.add_done_callback(lambda _: self.slots.release())
        return await asyncio.wrap_future(future)


def _encode(password: str) -> bytes:
    return normalize(password).encode("utf-8", "surrogatepass")


def _dummy_hash(argon2: Argon2Hasher) -> str:
    """Return a hash that no password matches, built from random bytes.

    It costs as much to verify as a real hash, but takes no time to make at startup.
    """
    salt, tag = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (argon2.salt_len, argon2.hash_len)
    )
    return f"$argon2id$v=19$m={argon2.memory_cost},t={argon2.time_cost},p={argon2.parallelism}${salt}${tag}"
