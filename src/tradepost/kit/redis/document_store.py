"""Persisted GraphQL documents by their SHA-256, shared by all processes through Redis.

The store is bounded; the least recently used documents are evicted. A use is recorded when a
process reads from Redis, not when it has the document in memory. A call waits at most 45 ms for
Redis. Without Redis each process uses its own documents, and a task reconnects. Redis may hold
anything: callers must compare a document with its hash.
"""

from contextlib import suppress
from typing import Any

from .persistent import PersistentConnection

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
        # Nothing is logged here: RedisBuckets logs the outage.
        self.max_documents, self.connection = max_documents, PersistentConnection(url)

    async def start(self) -> None:
        """Connect. If that fails, keep trying in the background."""
        await self.connection.start()

    async def stop(self) -> None:
        """Close the connection and stop reconnecting."""
        await self.connection.stop()

    async def get(self, digest: str) -> str | None:
        """Return the text stored under a hash, or None (also if Redis is unavailable)."""
        connection = self.connection.current
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
        if self.connection.current is not None:
            arguments = (2, TEXTS_KEY, USED_KEY, digest, text, self.max_documents)
            self.connection.current.send("EVAL", STORE_SCRIPT, *arguments)
