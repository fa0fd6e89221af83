"""Buckets in Redis, so that several processes drain the same ones: one atomic script, one awaited call for each request.

All requests of a process share one connection (line.py), which costs a fifth of a call through a pool. Where Redis is silent for 45 ms it
counts as gone: requests go on with the buckets of their own process, and a task looks for Redis until it is back. Its clock is the one that
counts, so processes on several machines agree.
"""

import asyncio
import logging
from hashlib import sha1

from .line import Line, connect

AGAIN = 0.5
"""Seconds between two attempts to find Redis again."""
KEY = "tradepost:points:"

# A bucket is one text: what was left in it, and when. It is forgotten after two minutes, or when a debt is paid, so it is full in any case.
SCRIPT = """
local size, points, firm = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local left = size
local held = redis.call('GET', KEYS[1])
if held then
  local was, at = string.match(held, '(%S+) (%S+)')
  left = math.min(size, was + math.max(0, now - at) * size / 60)
end
left = math.min(size, left - points)
if not (firm and points > 0 and left < 0) then
  redis.call('SET', KEYS[1], string.format('%.6f %.6f', left, now), 'PX', math.max(120000, math.ceil((size - left) * 60000 / size)))
end
return math.floor(left * 1000)
"""
SHA = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

LOG = logging.getLogger("tradepost.limits")


class SharedBuckets:
    """The buckets of all processes that know this Redis. Until `start`, and while it is gone, there are none."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.line: Line | None = None
        self.task: asyncio.Task[None] | None = None
        self.losses = 0

    @property
    def gone(self) -> bool:
        """Whether Redis cannot be reached now."""
        return self.line is None

    async def start(self) -> None:
        """Connects; where that fails the search goes on beside the requests."""
        if not await self._connect():
            self._lose("could not be reached")

    async def stop(self) -> None:
        """Ends the connection, and the search for one."""
        task, line = self.task, self.line
        self.task = self.line = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if line is not None:
            line.close()

    async def take(self, key: str, size: int, points: int) -> float | None:
        """Drains points and says what is left; below 0 nothing was drained. None where Redis is gone."""
        line = self.line
        if line is None:
            return None
        answer = await line.ask("EVALSHA", SHA, 1, KEY + key, size, points, 1)
        if type(answer) is not int and str(answer).startswith("NOSCRIPT"):
            line.tell("SCRIPT", "LOAD", SCRIPT)
            answer = await line.ask("EVALSHA", SHA, 1, KEY + key, size, points, 1)
        if type(answer) is int:
            return answer / 1000
        self._forget(line, "did not answer in time" if answer is None else f"answered {answer}")
        return None

    def give(self, key: str, size: int, points: int) -> None:
        """Puts points back, or drains a debt; nobody waits for it."""
        if self.line is not None:
            self.line.tell("EVALSHA", SHA, 1, KEY + key, size, -points, 0)

    async def _connect(self) -> bool:
        try:
            line = await asyncio.wait_for(connect(self.url, lambda broken: self._forget(broken, "closed the connection")), AGAIN)
            if await line.ask("SCRIPT", "LOAD", SCRIPT) is None:
                raise ConnectionError
        except (OSError, TimeoutError, ConnectionError):
            return False
        self.line = line
        return True

    def _forget(self, line: Line, why: str) -> None:
        """Gives up a line, if it is the present one."""
        line.close()
        if line is self.line:
            self._lose(why)

    def _lose(self, why: str) -> None:
        """Says once that Redis is gone, and looks for it."""
        self.line, self.losses = None, self.losses + 1
        LOG.warning("Redis %s: each process limits by itself until it is back", why)
        self.task = asyncio.get_running_loop().create_task(self._search())

    async def _search(self) -> None:
        while True:
            await asyncio.sleep(AGAIN)
            if await self._connect():
                LOG.warning("Redis is back: all processes share the limits again")
                return
