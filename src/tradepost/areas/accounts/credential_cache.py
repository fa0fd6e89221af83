"""Cache of verified credentials, which saves a hot caller the SQL and the signature check.

A lookup reads the cache's generation before it starts. If its user, session or key is invalidated
after that, the result is not stored, because the lookup may have read the state before the
revocation.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from time import monotonic, time

import msgspec

from tradepost.kit.auth.caller import Caller
from tradepost.kit.cache_registry import Cache, CacheFigures

MAX_ENTRIES, MAX_AGE, ENTRY_BYTES = 10_000, 60.0, 1500
"""Entries, seconds that an entry lives, and its bytes with its tags and their invalidations."""

type Tag = tuple[str, str]
"""A tag by which entries are invalidated: `("user", id)`, `("session", id)` or `("key", id)`."""


class _Entry(msgspec.Struct, frozen=True, gc=False):
    expires_at: float
    caller: Caller
    tags: tuple[Tag, ...]


class CredentialCache(Cache):
    """Maps the digest of a credential to its caller.

    An entry lives for `max_age` seconds, but never longer than its credential. At most
    `max_entries` are kept; the oldest is evicted first. The key is the credential as it was
    received, so the header of a hot caller is not parsed again.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        max_entries: int = MAX_ENTRIES,
        max_age: float = MAX_AGE,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__("credentials", max_entries * ENTRY_BYTES)
        self.max_entries, self.max_age, self.clock = max_entries, max_age, clock
        self.hits = self.misses = self.evictions = 0
        # Copied for each digest, which takes a third less time than keying a new hash.
        self._keyed = blake2b(digest_size=16, key=secret)
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._digests_by_tag: dict[Tag, set[bytes]] = {}
        # Each invalidation increments the generation. The generation of a tag's last invalidation
        # is kept for the most recent tags only; lookups older than the floor are never stored.
        self._generation = self._floor = 0
        self._invalidated: OrderedDict[Tag, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def figures(self) -> CacheFigures:
        """Return the current figures."""
        size = len(self._entries)
        return CacheFigures(self.max_bytes, size * ENTRY_BYTES, size, self.hits, self.misses, self.evictions)

    def get(self, credential: bytes) -> Caller | None:
        """Return the caller of a credential, or None if it is not cached."""
        digest = self._digest(credential)
        entry = self._entries.get(digest)
        if entry is None:
            self.misses += 1
            return None
        if entry.expires_at <= self.clock():
            self.misses += 1
            self._drop(digest)
            return None
        self.hits += 1
        return entry.caller

    def generation(self) -> int:
        """Return the current generation. Read it before a lookup and pass it to `store`."""
        return self._generation

    def store(
        self,
        generation: int,
        credential: bytes,
        caller: Caller,
        *,
        user: str | None = None,
        session: str | None = None,
        key: str | None = None,
        expires: datetime | None = None,
    ) -> bool:
        """Store the result of a lookup and return whether it was stored.

        It is not if one of its tags was invalidated after `generation`.
        """
        tags = _tags(user, session, key)
        if generation < self._floor or any(self._invalidated.get(tag, 0) > generation for tag in tags):
            return False
        seconds = self.max_age if expires is None else min(self.max_age, expires.timestamp() - time())
        if seconds <= 0:
            return False
        digest = self._digest(credential)
        self._drop(digest)
        self._entries[digest] = _Entry(self.clock() + seconds, caller, tags)
        for tag in tags:
            self._digests_by_tag.setdefault(tag, set()).add(digest)
        if len(self._entries) > self.max_entries:
            self._drop(next(iter(self._entries)))
            self.evictions += 1
        return True

    def invalidate(self, *, user: str | None = None, session: str | None = None, key: str | None = None) -> None:
        """Drop every entry of this user, of this session and of this key."""
        self._generation += 1
        for tag in _tags(user, session, key):
            for digest in tuple(self._digests_by_tag.get(tag, ())):
                self._drop(digest)
            self._invalidated[tag] = self._generation
            self._invalidated.move_to_end(tag)
        while len(self._invalidated) > self.max_entries:
            _, self._floor = self._invalidated.popitem(last=False)

    def clear(self) -> None:
        """Drop every entry, and the results of lookups that are in progress."""
        self._generation += 1
        self._floor = self._generation
        for mapping in (self._entries, self._digests_by_tag, self._invalidated):
            mapping.clear()

    def _digest(self, credential: bytes) -> bytes:
        digest = self._keyed.copy()
        digest.update(credential)
        return digest.digest()

    def _drop(self, digest: bytes) -> None:
        entry = self._entries.pop(digest, None)
        for tag in entry.tags if entry else ():
            digests = self._digests_by_tag[tag]
            digests.discard(digest)
            if not digests:
                del self._digests_by_tag[tag]


def _tags(user: str | None, session: str | None, key: str | None) -> tuple[Tag, ...]:
    return tuple((kind, id) for kind, id in (("user", user), ("session", session), ("key", key)) if id is not None)
