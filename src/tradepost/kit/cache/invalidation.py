"""Invalidation: what a write has changed is dropped from the read cache, here before its answer is sent, and in other processes within a second.

The session itself collects the tags of what it writes (`written`). Other processes are told through Redis where there is one (`redis`), else
through PostgreSQL's NOTIFY (`postgres`); on SQLite they look whether the file has changed (`sqlite`). Whoever cannot hear is deaf and keeps nothing.
"""

import asyncio
from typing import Protocol
from uuid import uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from ..query.source_tables import ANY_CHANGE, Tag
from .read_cache import ReadCache
from .tracking_session import TrackingSession, written_tags

__all__ = ["Invalidation", "InvalidationChannel", "Tags", "TrackingSession"]

AGAIN = (0.05, 0.3, 1.0)
"""Seconds after which what was written is dropped once more where a commit was interrupted: whether it took effect shows only then."""

type Tags = frozenset[Tag]


class InvalidationChannel(Protocol):
    """How processes tell one another what they have written."""

    async def start(self, hearer: "Invalidation") -> None:
        """Listens from now on, for a process that keeps what it reads."""
        ...

    async def stop(self) -> None:
        """Tells what is still to be told, and ends."""
        ...

    async def notify_in_transaction(self, session: AsyncSession, said: "Invalidation", tags: Tags) -> None:
        """Tells the others in the transaction itself, where the database can."""
        ...

    def notify_after_commit(self, said: "Invalidation", tags: Tags) -> None:
        """Tells the others after the commit; the write does not wait for it."""
        ...


class _Told(msgspec.Struct, array_like=True):
    """A message: who says it, and what changed."""

    by: str
    tags: list[tuple[str, str | None]]


class Invalidation:
    """The writes of one process, and those of others as far as they are heard. A process that serves nobody has no cache, and tells all the same."""

    def __init__(self, channel: InvalidationChannel, cache: ReadCache | None = None) -> None:
        self.channel, self.cache, self.sender_id = channel, cache, uuid4().hex[:16]

    async def start(self) -> None:
        """Listens, where there is a cache."""
        if self.cache is not None:
            self.cache.set_connected(False)
            await self.channel.start(self)

    async def stop(self) -> None:
        """Ends the channel; what is kept could not be dropped any more."""
        await self.channel.stop()
        if self.cache is not None:
            self.cache.set_connected(False)

    async def commit(self, session: AsyncSession) -> None:
        """Commits a session; what it wrote is dropped before anything else can happen, also where the call ends in the midst of it."""
        await session.flush()
        tags = written_tags(session)
        if not tags:
            return await session.commit()
        await self.channel.notify_in_transaction(session, self, tags)
        done = False
        try:
            await session.commit()
            done = True
        finally:
            self.drop(tags)
            self.channel.notify_after_commit(self, tags)
            if not done:
                for pause in AGAIN:
                    asyncio.get_running_loop().call_later(pause, self.drop, tags)

    def drop(self, tags: Tags) -> None:
        """Drops in this process."""
        if self.cache is not None:
            self.cache.invalidate(tags)

    @property
    def is_suspended(self) -> bool:
        """Whether it keeps nothing at the moment, because it would not hear what others write."""
        return self.cache is not None and self.cache.suspended

    def set_connected(self, heard: bool) -> None:
        """The channel can be heard from now on, or no longer."""
        if self.cache is not None:
            self.cache.set_connected(heard)

    def encode_message(self, tags: Tags, longest: int = 1 << 20) -> bytes:
        """A message of `longest` bytes at most: where the rows are too many it names tables, and where these are, everything."""
        for some in (tags, {(table, None) for table, _ in tags}, [ANY_CHANGE]):
            said = msgspec.json.encode(_Told(self.sender_id, sorted(some, key=str)))
            if len(said) <= longest:
                return said
        raise AssertionError

    def receive(self, said: bytes | str) -> None:
        """Drops what another process has written; of a message that cannot be read, as one of another version may be, everything."""
        try:
            told = msgspec.json.decode(said, type=_Told)
        except msgspec.DecodeError:
            return self.drop(frozenset([ANY_CHANGE]))
        if told.by != self.sender_id:
            self.drop(frozenset(told.tags))
        return None
