"""Persisted GraphQL documents by their SHA-256, shared by all processes through Redis.

The store is bounded; the least recently used documents are evicted. A use is recorded when a
process reads from Redis, not when it has the document in memory. A call waits at most 45 ms for
Redis. Without Redis each process uses its own documents, and a task reconnects. Redis may hold
anything: callers must compare a document with its hash.
"""

import asyncio
from contextlib import suppress
from typing import Any

from .connection import RedisConnection, connect

RECONNECT_INTERVAL = 0.5
"""Seconds between two attempts to connect to Redis, and the timeout of one."""
TEXTS_KEY, USED_KEY = "tradepost:documents:texts", "tradepost:documents:used"

GET_SCRIPT = """
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], time[1] + time[2] / 1000000, ARGV[1])
end
return text
"""
STORE_SCRIPT = """
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], time[1] + time[2] / 1000000, ARGV[1])
local excess = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if excess > 0 then
  local evicted = redis.call('ZPOPMIN', KEYS[2], excess)
  for i = 1, #evicted, 2 do redis.call('HDEL', KEYS[1], evicted[i]) end
end
"""


class DocumentStore:
    """The documents in one Redis. Before `start` and while disconnected it is empty."""

    def __init__(self, url: str, max_documents: int = 1000) -> None:
        self.url, self.max_documents = url, max_documents
        self.connection: RedisConnection | None = None
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect. If that fails, keep trying in the background."""
        if not await self._connect():
            self._start_reconnecting()

    async def stop(self) -> None:
        """Close the connection and stop reconnecting."""
        task, connection = self.task, self.connection
        self.task = self.connection = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if connection is not None:
            connection.close()

    async def get(self, digest: str) -> str | None:
        """Return the text stored under a hash, or None (also if Redis is unavailable)."""
        connection = self.connection
        if connection is None:
            return None
        reply: Any = await connection.call("EVAL", GET_SCRIPT, 2, TEXTS_KEY, USED_KEY, digest)
        # Any other reply, such as an error, counts as a miss. Lost connections have a callback.
        if isinstance(reply, bytes):
            with suppress(UnicodeDecodeError):
                return reply.decode()
        return None

    def store(self, digest: str, text: str) -> None:
        """Store a text without waiting for Redis."""
        if self.connection is not None:
            self.connection.send("EVAL", STORE_SCRIPT, 2, TEXTS_KEY, USED_KEY, digest, text, self.max_documents)

    async def _connect(self) -> bool:
        try:
            self.connection = await asyncio.wait_for(connect(self.url, self._disconnected), RECONNECT_INTERVAL)
        except (OSError, TimeoutError, ConnectionError):
            return False
        return True

    def _disconnected(self, connection: RedisConnection) -> None:
        """Reconnect, unless an older connection than the current one ended."""
        connection.close()
        if connection is self.connection:
            self._start_reconnecting()

    def _start_reconnecting(self) -> None:
        """Reconnect in the background. Nothing is logged here: RedisBuckets logs the outage."""
        self.connection = None
        self.task = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        while True:
            await asyncio.sleep(RECONNECT_INTERVAL)
            if await self._connect():
                return
