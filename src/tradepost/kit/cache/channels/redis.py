"""Invalidation through Redis: tags are published after the commit, one message per loop iteration.

A write never waits for it. A message that cannot be published is retried until it is, so it is
late only if Redis is unavailable to the writer alone; if it is unavailable to all, all caches are
suspended. A process that is killed between its commit and the message sends none:
entries of other processes are then stale for up to 60 s.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncSession

from ...redis.errors import RedisUnavailable
from ...redis.pubsub import PubSub

if TYPE_CHECKING:
    from ..invalidation import Invalidation, Tags

PING_INTERVAL = 0.4
"""Seconds between two pings. A reply may take 0.5 s: a dead connection is noticed in their sum."""
RETRY_INTERVAL, STOP_TIMEOUT = 0.25, 2.0
"""Seconds between two attempts to publish, and seconds for publishing the rest while stopping."""

LOG = logging.getLogger("tradepost.read_cache")


class RedisChannel:
    """PUBLISH and SUBSCRIBE."""

    def __init__(self, url: str, secret_key: str) -> None:
        self.url, self.secret_key = url, secret_key
        self.invalidation: Invalidation | None = None
        self.pubsub = PubSub(
            url,
            "written",
            secret_key,
            ping_interval=PING_INTERVAL,
            on_connect=lambda: self._set_connected(True),
            on_message=self._receive,
            on_disconnect=self._disconnected,
        )
        self.unsent: frozenset[tuple[str, str | None]] = frozenset()
        self.publishing: asyncio.Task[None] | None = None

    async def start(self, invalidation: "Invalidation") -> None:
        """Subscribe. If that fails, keep trying in the background."""
        self.invalidation = invalidation
        await self.pubsub.start()

    async def stop(self) -> None:
        """Publish the rest if Redis is available, and unsubscribe."""
        if self.publishing is not None:
            await asyncio.wait([self.publishing], timeout=STOP_TIMEOUT)
            self.publishing.cancel()
        await self.pubsub.stop()

    async def notify_in_transaction(self, session: AsyncSession, invalidation: "Invalidation", tags: "Tags") -> None:
        """No-op: Redis does not take part in the transaction."""

    def notify_after_commit(self, invalidation: "Invalidation", tags: "Tags") -> None:
        """Publish the tags in the background."""
        self.unsent |= tags
        if self.publishing is None or self.publishing.done():
            self.publishing = asyncio.create_task(self._publish(invalidation))

    async def _publish(self, invalidation: "Invalidation") -> None:
        warned = False
        while self.unsent:
            tags, self.unsent = self.unsent, frozenset()
            try:
                await self.pubsub.publish(invalidation.encode_message(tags))
            except RedisUnavailable as error:
                self.unsent |= tags
                if not warned:
                    LOG.warning("Redis %s: an invalidation is sent to other processes when it is back", error)
                warned = True
                await asyncio.sleep(RETRY_INTERVAL)

    def _set_connected(self, connected: bool) -> None:
        if self.invalidation is not None:
            self.invalidation.set_connected(connected)

    def _receive(self, message: bytes) -> None:
        if self.invalidation is not None:
            self.invalidation.receive(message)

    def _disconnected(self, reason: str) -> None:
        self._set_connected(False)
        LOG.warning("Redis %s: the read cache is suspended until it is back", reason)
