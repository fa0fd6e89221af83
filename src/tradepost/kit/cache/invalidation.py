"""Invalidation of the read cache by writes: at once in this process, within a second in others.

The session collects the tags of what it writes (`tracking_session.py`). Other processes are
notified through Redis if it is configured, else through PostgreSQL's NOTIFY; on SQLite they poll
the database file. A process whose channel is down suspends its cache.
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

REPEAT_DELAYS = (0.05, 0.3, 1.0)
"""Seconds after an interrupted commit at which its tags are invalidated again.

Whether it took effect is only visible later.
"""

type Tags = frozenset[Tag]


class InvalidationChannel(Protocol):
    """How processes notify each other of writes."""

    async def start(self, invalidation: "Invalidation") -> None:
        """Receive notifications, for a process that has a read cache."""
        ...

    async def stop(self) -> None:
        """Send what is still to be sent, and disconnect."""
        ...

    async def notify_in_transaction(self, session: AsyncSession, invalidation: "Invalidation", tags: Tags) -> None:
        """Notify other processes as part of the transaction, if the channel can."""
        ...

    def notify_after_commit(self, invalidation: "Invalidation", tags: Tags) -> None:
        """Notify other processes after the commit, without waiting."""
        ...


class _Message(msgspec.Struct, array_like=True):
    """A notification: its sender, and what changed."""

    sender_id: str
    tags: list[tuple[str, str | None]]


class Invalidation:
    """Connects the writes of this process, its read cache and the channel to other processes.

    A process without a cache, such as the worker, only sends.
    """

    def __init__(self, channel: InvalidationChannel, cache: ReadCache | None = None) -> None:
        self.channel, self.cache, self.sender_id = channel, cache, uuid4().hex[:16]

    async def start(self) -> None:
        """Start receiving, if there is a cache."""
        if self.cache is not None:
            self.cache.set_connected(False)
            await self.channel.start(self)

    async def stop(self) -> None:
        """Stop the channel and suspend the cache."""
        await self.channel.stop()
        if self.cache is not None:
            self.cache.set_connected(False)

    async def commit(self, session: AsyncSession) -> None:
        """Commit a session and invalidate what it wrote before anything else can run.

        This also holds if the call is cancelled during the commit.
        """
        await session.flush()
        tags = written_tags(session)
        if not tags:
            return await session.commit()
        await self.channel.notify_in_transaction(session, self, tags)
        committed = False
        try:
            await session.commit()
            committed = True
        finally:
            self.drop(tags)
            self.channel.notify_after_commit(self, tags)
            if not committed:
                for delay in REPEAT_DELAYS:
                    asyncio.get_running_loop().call_later(delay, self.drop, tags)

    def drop(self, tags: Tags) -> None:
        """Invalidate tags in this process."""
        if self.cache is not None:
            self.cache.invalidate(tags)

    @property
    def is_suspended(self) -> bool:
        """Whether the cache is suspended."""
        return self.cache is not None and self.cache.suspended

    def set_connected(self, connected: bool) -> None:
        """Suspend or resume the cache: called by the channel."""
        if self.cache is not None:
            self.cache.set_connected(connected)

    def encode_message(self, tags: Tags, max_bytes: int = 1 << 20) -> bytes:
        """Encode a notification of at most `max_bytes`.

        If the rows do not fit, it names only their tables; if those do not, any change.
        """
        for level in (tags, {(table, None) for table, _ in tags}, [ANY_CHANGE]):
            message = msgspec.json.encode(_Message(self.sender_id, sorted(level, key=str)))
            if len(message) <= max_bytes:
                return message
        raise AssertionError

    def receive(self, message: bytes | str) -> None:
        """Invalidate what another process wrote.

        A message that cannot be decoded may be of another version, and invalidates everything.
        """
        try:
            decoded = msgspec.json.decode(message, type=_Message)
        except msgspec.DecodeError:
            return self.drop(frozenset([ANY_CHANGE]))
        if decoded.sender_id != self.sender_id:
            self.drop(frozenset(decoded.tags))
        return None
