"""Texts that all processes know by their SHA-256, in Redis: at most so many, those used longest ago go first.

Nothing waits for Redis longer than a line does (45 ms), and where it is gone each process goes on with what it has by itself; a task looks for Redis
until it is back. What comes from Redis may be anything: whoever asks holds it against its hash. A use is noted where a process asks Redis, not where
it has the text in its own memory.
"""

import asyncio
from contextlib import suppress
from typing import Any

from .connection import RedisConnection, connect

AGAIN = 0.5
"""Seconds between two attempts to find Redis again."""
TEXTS_KEY, USED_KEY = "tradepost:documents:texts", "tradepost:documents:used"

FIND = """
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], time[1] + time[2] / 1000000, ARGV[1])
end
return text
"""
KEEP = """
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], time[1] + time[2] / 1000000, ARGV[1])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if over > 0 then
  local gone = redis.call('ZPOPMIN', KEYS[2], over)
  for i = 1, #gone, 2 do redis.call('HDEL', KEYS[1], gone[i]) end
end
"""


class DocumentStore:
    """The texts of all processes that know this Redis. Until `start`, and while it is gone, there are none."""

    def __init__(self, url: str, max_documents: int = 1000) -> None:
        self.url, self.max_documents = url, max_documents
        self.connection: RedisConnection | None = None
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connects; where that fails the search goes on beside the requests."""
        if not await self._connect():
            self._lose()

    async def stop(self) -> None:
        """Ends the connection, and the search for one."""
        task, line = self.task, self.connection
        self.task = self.connection = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if line is not None:
            line.close()

    async def get(self, digest: str) -> str | None:
        """The text under a hash; None where there is none, or no Redis."""
        line = self.connection
        if line is None:
            return None
        answer: Any = await line.call("EVAL", FIND, 2, TEXTS_KEY, USED_KEY, digest)
        # Whatever else it says, a fault of its own among it, is no text; a line that broke says so itself.
        if isinstance(answer, bytes):
            with suppress(UnicodeDecodeError):
                return answer.decode()
        return None

    def store(self, digest: str, text: str) -> None:
        """Keeps a text; nobody waits for it."""
        if self.connection is not None:
            self.connection.send("EVAL", KEEP, 2, TEXTS_KEY, USED_KEY, digest, text, self.max_documents)

    async def _connect(self) -> bool:
        try:
            self.connection = await asyncio.wait_for(connect(self.url, self._forget), AGAIN)
        except (OSError, TimeoutError, ConnectionError):
            return False
        return True

    def _forget(self, line: RedisConnection) -> None:
        """Gives up a line, if it is the present one."""
        line.close()
        if line is self.connection:
            self._lose()

    def _lose(self) -> None:
        """Looks for Redis; that it is gone the buckets say already."""
        self.connection = None
        self.task = asyncio.get_running_loop().create_task(self._search())

    async def _search(self) -> None:
        while True:
            await asyncio.sleep(AGAIN)
            if await self._connect():
                return
