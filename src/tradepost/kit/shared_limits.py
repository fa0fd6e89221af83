"""Buckets in Redis, so that several processes drain the same ones: one atomic script, one awaited call for each request.

All requests of a process share one connection (line.py), which costs a fifth of a call through a pool. Where Redis is silent for 40 ms it
counts as gone: requests go on with the buckets of their own process, and a task looks for Redis until it is back. Its clock is the one that
counts, so processes on several machines agree.
"""

import asyncio
import logging
from collections.abc import Sequence
from hashlib import sha1
from typing import cast

from hiredis import ReplyError

from .limits import Bucket
from .line import Line, Word, connect

AGAIN = 0.5
"""Seconds between two attempts to find Redis again."""
KEY = "tradepost:points:"

# A bucket is one text: what was left in it, and when. It is forgotten after two minutes, or when a debt is paid, so it is full in any case. Of several
# buckets all are drained, or none.
SCRIPT = """
local points, firm = tonumber(ARGV[1]), ARGV[2] == '1'
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local lefts, short = {}, false
for i, key in ipairs(KEYS) do
  local size = tonumber(ARGV[i + 2])
  local left = size
  local held = redis.call('GET', key)
  if held then
    local was, at = string.match(held, '(%S+) (%S+)')
    left = math.min(size, was + math.max(0, now - at) * size / 60)
  end
  lefts[i] = math.min(size, left - points)
  short = short or lefts[i] < 0
end
local drains = not (firm and points > 0 and short)
for i, key in ipairs(KEYS) do
  if drains then
    local size = tonumber(ARGV[i + 2])
    redis.call('SET', key, string.format('%.6f %.6f', lefts[i], now), 'PX', math.max(120000, math.ceil((size - lefts[i]) * 60000 / size)))
  end
  lefts[i] = math.floor(lefts[i] * 1000)
end
return lefts
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
        lefts = await self._ask("EVALSHA", SHA, 1, KEY + key, points, 1, size)
        return None if lefts is None else lefts[0] / 1000

    async def take_all(self, buckets: Sequence[Bucket], points: int) -> list[float] | None:
        """The same of several buckets, in one call: where any is below 0 nothing was drained."""
        lefts = await self._ask(*_call(buckets, points, 1))
        return None if lefts is None else [left / 1000 for left in lefts]

    def give(self, points: int, *buckets: Bucket) -> None:
        """Puts points back into each, or drains a debt; nobody waits for it."""
        if self.line is not None:
            self.line.tell(*_call(buckets, -points, 0))

    async def _ask(self, *words: Word) -> list[int] | None:
        """What the script says; None where Redis is gone."""
        line = self.line
        if line is None:
            return None
        answer = await line.ask(*words)
        if isinstance(answer, ReplyError) and str(answer).startswith("NOSCRIPT"):
            line.tell("SCRIPT", "LOAD", SCRIPT)
            answer = await line.ask(*words)
        if type(answer) is list:
            return cast(list[int], answer)
        self._forget(line, line.why if answer is None else f"answered {answer}")
        return None

    async def _connect(self) -> bool:
        try:
            line = await asyncio.wait_for(connect(self.url, lambda broken: self._forget(broken, broken.why)), AGAIN)
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


def _call(buckets: Sequence[Bucket], points: int, firm: int) -> list[Word]:
    """The command that drains some buckets."""
    return ["EVALSHA", SHA, len(buckets), *[KEY + key for key, _ in buckets], points, firm, *[size for _, size in buckets]]
