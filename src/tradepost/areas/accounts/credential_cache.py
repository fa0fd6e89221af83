"""Credentials that were found good a moment ago, so that a hot caller costs neither SQL nor a signature.

Whoever looks a credential up takes a ticket first. What was forgotten after a ticket was given is not kept on it: a look-up that began before
a revocation may well have seen the state of before.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from time import monotonic, time

import msgspec

from tradepost.kit.auth.caller import Caller

MAX_ENTRIES, MAX_AGE = 10_000, 60.0

type Tag = tuple[str, str]
"""By what an entry can be forgotten: `("user", id)`, `("session", id)`, `("key", id)`."""


class _Entry(msgspec.Struct, frozen=True, gc=False):
    expires_at: float
    caller: Caller
    tags: tuple[Tag, ...]


class CredentialCache:
    """Digest of a credential -> its caller, for a minute and no longer than the credential itself is good. Bounded; the oldest goes first.

    A credential is known in the bytes that it was `shown` in, so that a hot caller's header line is not read again.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        max_entries: int = MAX_ENTRIES,
        max_age: float = MAX_AGE,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.max_entries, self.max_age, self.clock = max_entries, max_age, clock
        # Copied for each digest: that is a third less work than to begin with the secret anew.
        self._keyed = blake2b(digest_size=16, key=secret)
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._digests_by_tag: dict[Tag, set[bytes]] = {}
        # Every forgetting has a number. The latest of each mark is known back to the floor; before that, anything may have been forgotten.
        self._count = self._floor = 0
        self._invalidated: OrderedDict[Tag, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, shown: bytes) -> Caller | None:
        """Whose credential this is, if that is still known."""
        digest = self._digest(shown)
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if entry.expires_at <= self.clock():
            self._drop(digest)
            return None
        return entry.caller

    def generation(self) -> int:
        """A ticket for a look-up that begins now."""
        return self._count

    def store(
        self,
        ticket: int,
        shown: bytes,
        caller: Caller,
        *,
        user: str | None = None,
        session: str | None = None,
        key: str | None = None,
        expires: datetime | None = None,
    ) -> bool:
        """Remembers what was looked up on a ticket. Nothing is kept where it was forgotten since; says whether it was kept."""
        marks = _marks(user, session, key)
        if ticket < self._floor or any(self._invalidated.get(mark, 0) > ticket for mark in marks):
            return False
        seconds = self.max_age if expires is None else min(self.max_age, expires.timestamp() - time())
        if seconds <= 0:
            return False
        digest = self._digest(shown)
        self._drop(digest)
        self._entries[digest] = _Entry(self.clock() + seconds, caller, marks)
        for mark in marks:
            self._digests_by_tag.setdefault(mark, set()).add(digest)
        if len(self._entries) > self.max_entries:
            self._drop(next(iter(self._entries)))
        return True

    def invalidate(self, *, user: str | None = None, session: str | None = None, key: str | None = None) -> None:
        """Drops every entry of this user, of this session and of this key."""
        self._count += 1
        for mark in _marks(user, session, key):
            for digest in tuple(self._digests_by_tag.get(mark, ())):
                self._drop(digest)
            self._invalidated[mark] = self._count
            self._invalidated.move_to_end(mark)
        while len(self._invalidated) > self.max_entries:
            _, self._floor = self._invalidated.popitem(last=False)

    def clear(self) -> None:
        """Drops everything, and what is being looked up now."""
        self._count += 1
        self._floor = self._count
        for known in (self._entries, self._digests_by_tag, self._invalidated):
            known.clear()

    def _digest(self, shown: bytes) -> bytes:
        made = self._keyed.copy()
        made.update(shown)
        return made.digest()

    def _drop(self, digest: bytes) -> None:
        entry = self._entries.pop(digest, None)
        for mark in entry.tags if entry else ():
            marked = self._digests_by_tag[mark]
            marked.discard(digest)
            if not marked:
                del self._digests_by_tag[mark]


def _marks(user: str | None, session: str | None, key: str | None) -> tuple[Tag, ...]:
    return tuple(
        (kind, name) for kind, name in (("user", user), ("session", session), ("key", key)) if name is not None
    )
