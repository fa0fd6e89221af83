"""Redis: what was written is published after the commit, together with what else was in the same turn of the loop.

A write never waits for it. What could not be published is tried again until it is, so it is heard late only where Redis is gone for the writer alone;
where Redis is gone for all, all are deaf. A process that is killed between its commit and the message tells nobody: what others keep of that ends after
60 s.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncSession

from ...redis.pubsub import PubSub

if TYPE_CHECKING:
    from ..invalidation import Invalidation, Tags

TICK = 0.45
"""Seconds of silence after which the channel must answer, and seconds it has for that: a dead connection is noticed within their sum."""
PAUSE, LAST_WORD = 0.25, 2.0
"""Seconds between two attempts to tell, and those that a process which stops has for what is still to be told."""

LOG = logging.getLogger("tradepost.read_cache")


class RedisChannel:
    """PUBLISH and SUBSCRIBE."""

    def __init__(self, url: str, secret_key: str) -> None:
        self.url, self.secret_key = url, secret_key
        self.hearer: Invalidation | None = None
        self.pubsub = PubSub(
            url,
            "written",
            secret_key,
            ping_interval=TICK,
            on_connect=lambda: self._hear(True),
            on_message=self._take,
            on_disconnect=self._lost,
        )
        self.unsent: frozenset[tuple[str, str | None]] = frozenset()
        self.telling: asyncio.Task[None] | None = None

    async def start(self, hearer: "Invalidation") -> None:
        """Listens; where that fails the search goes on beside the requests."""
        self.hearer = hearer
        await self.pubsub.start()

    async def stop(self) -> None:
        """Tells what is still to be told, if Redis takes it, and listens no longer."""
        if self.telling is not None:
            await asyncio.wait([self.telling], timeout=LAST_WORD)
            self.telling.cancel()
        await self.pubsub.stop()

    async def notify_in_transaction(self, session: AsyncSession, said: "Invalidation", tags: "Tags") -> None:
        """Redis knows nothing of transactions."""

    def notify_after_commit(self, said: "Invalidation", tags: "Tags") -> None:
        """What is committed now."""
        self.unsent |= tags
        if self.telling is None or self.telling.done():
            self.telling = asyncio.create_task(self._tell(said))

    async def _tell(self, said: "Invalidation") -> None:
        from redis.exceptions import RedisError  # here: loaded only where there is a Redis

        warned = False
        while self.unsent:
            tags, self.unsent = self.unsent, frozenset()
            try:
                await self.pubsub.publish(said.encode_message(tags))
            except (RedisError, OSError, TimeoutError) as fault:
                self.unsent |= tags
                if not warned:
                    LOG.warning(
                        "a write could not be told to other processes (%s): it is tried again", type(fault).__name__
                    )
                warned = True
                await asyncio.sleep(PAUSE)

    def _hear(self, heard: bool) -> None:
        if self.hearer is not None:
            self.hearer.set_connected(heard)

    def _take(self, message: bytes) -> None:
        if self.hearer is not None:
            self.hearer.receive(message)

    def _lost(self, fault: Exception) -> None:
        self._hear(False)
        LOG.warning("Redis does not tell what others write (%s): nothing is kept until it does", type(fault).__name__)
