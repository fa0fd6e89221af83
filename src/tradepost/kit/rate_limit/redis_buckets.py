"""Buckets in Redis, so that several processes drain the same ones: one atomic script, which every request waits for once.

What the requests of one turn of the loop drain and give back goes out together, as one call of the script: with 32 at once a call for each takes
half as much CPU again, here and in Redis. All share one connection (line.py). Where Redis is silent for 40 ms it counts as gone: requests go on with the
buckets of their own process, and a task looks for Redis until it is back. Its clock is the one that counts, so processes on several machines agree.
"""

import asyncio
import logging
from functools import partial
from hashlib import sha1
from typing import Any, cast

from hiredis import ReplyError
from msgspec import msgpack

from ..redis.connection import RedisConnection, connect
from .buckets import Bucket

AGAIN = 0.5
"""Seconds between two attempts to find Redis again."""
KEY = "tradepost:points:"

# KEYS are the buckets of all drains in turn; ARGV[1] has of each drain its points, whether it is firm, and the sizes of its buckets. Of a firm
# drain's buckets all are drained, or none. A bucket is one text: what was left in it, and when. It is forgotten after two minutes, or when a debt is
# paid, so it is full in any case.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local lefts = {}
for _, drain in ipairs(cmsgpack.unpack(ARGV[1])) do
  local points, firm, first, short = drain[1], drain[2], #lefts, false
  for i = 3, #drain do
    local size, at = drain[i], #lefts + 1
    local left = size
    local held = redis.call('GET', KEYS[at])
    if held then
      local was, since = string.match(held, '(%S+) (%S+)')
      left = math.min(size, was + math.max(0, now - since) * size / 60)
    end
    lefts[at] = math.min(size, left - points)
    short = short or lefts[at] < 0
  end
  local drains = not (firm and points > 0 and short)
  for i = 3, #drain do
    local size, at = drain[i], first + i - 2
    if drains then
      local kept = math.max(120000, math.ceil((size - lefts[at]) * 60000 / size))
      redis.call('SET', KEYS[at], string.format('%.6f %.6f', lefts[at], now), 'PX', kept)
    end
    lefts[at] = math.floor(lefts[at] * 1000)
  end
end
return lefts
"""
SHA = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

LOG = logging.getLogger("tradepost.limits")

type Lefts = list[float] | None
"""What is left in each bucket; None where Redis is gone."""


class PendingBatch:
    """What the requests of one turn of the loop drain, and who waits for what is left."""

    __slots__ = ("drains", "keys", "reloaded", "waiting")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.drains: list[tuple[int, ...]] = []
        self.waiting: list[asyncio.Future[Lefts] | None] = []
        self.reloaded = False

    def add(self, points: int, firm: bool, buckets: tuple[Bucket, ...], waits: asyncio.Future[Lefts] | None) -> None:
        """One more drain."""
        self.keys += [KEY + key for key, _ in buckets]
        self.drains.append((points, firm, *[size for _, size in buckets]))
        self.waiting.append(waits)

    def resolve(self, lefts: list[int] | None) -> None:
        """Tells each what the script says of its own buckets."""
        at = 0
        for drain, waits in zip(self.drains, self.waiting, strict=True):
            ends = at + len(drain) - 2
            if waits is not None and not waits.done():
                waits.set_result(None if lefts is None else [left / 1000 for left in lefts[at:ends]])
            at = ends


class RedisBuckets:
    """The buckets of all processes that know this Redis. Until `start`, and while it is gone, there are none."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection: RedisConnection | None = None
        self.batch: PendingBatch | None = None
        self.task: asyncio.Task[None] | None = None
        self.disconnects = 0

    @property
    def is_unavailable(self) -> bool:
        """Whether Redis cannot be reached now."""
        return self.connection is None

    async def start(self) -> None:
        """Connects; where that fails the search goes on beside the requests."""
        if not await self._connect():
            self._lose("could not be reached")

    async def stop(self) -> None:
        """Ends the connection, and the search for one."""
        task, line = self.task, self.connection
        self.task = self.connection = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if line is not None:
            line.close()

    def take(self, points: int, *buckets: Bucket) -> asyncio.Future[Lefts]:
        """Drains points of each bucket and says what is left in each: where any is below 0 nothing was drained. None where Redis is gone."""
        waits: asyncio.Future[Lefts] = asyncio.get_running_loop().create_future()
        if self.connection is None:
            waits.set_result(None)
        else:
            (self.batch or self._begin()).add(points, True, buckets, waits)
        return waits

    def give(self, points: int, *buckets: Bucket) -> None:
        """Puts points back into each, or drains a debt; nobody waits for it."""
        if self.connection is not None:
            (self.batch or self._begin()).add(-points, False, buckets, None)

    def _begin(self) -> PendingBatch:
        """Begins a turn, which is sent when the loop comes to its end."""
        turn = self.batch = PendingBatch()
        asyncio.get_running_loop().call_soon(self._end, turn)
        return turn

    def _end(self, turn: PendingBatch) -> None:
        """Sends what has come together."""
        self.batch = None
        self._call(turn)

    def _call(self, turn: PendingBatch) -> None:
        """Asks Redis for all of a turn."""
        if self.connection is None:
            turn.resolve(None)
        else:
            self.connection.submit(
                ("EVALSHA", SHA, len(turn.keys), *turn.keys, msgpack.encode(turn.drains)),
                partial(self._answered, self.connection, turn),
            )

    def _answered(self, line: RedisConnection, turn: PendingBatch, answer: Any) -> None:
        """Takes what the script says, or gives up the line."""
        if type(answer) is list:
            turn.resolve(cast(list[int], answer))
        elif not turn.reloaded and isinstance(answer, ReplyError) and str(answer).startswith("NOSCRIPT"):
            turn.reloaded = True
            line.send("SCRIPT", "LOAD", SCRIPT)
            self._call(turn)
        else:
            turn.resolve(None)
            self._forget(line, line.close_reason if answer is None else f"answered {answer}")

    async def _connect(self) -> bool:
        try:
            line = await asyncio.wait_for(
                connect(self.url, lambda broken: self._forget(broken, broken.close_reason)), AGAIN
            )
            if await line.call("SCRIPT", "LOAD", SCRIPT) is None:
                raise ConnectionError
        except (OSError, TimeoutError, ConnectionError):
            return False
        self.connection = line
        return True

    def _forget(self, line: RedisConnection, why: str) -> None:
        """Gives up a line, if it is the present one."""
        line.close()
        if line is self.connection:
            self._lose(why)

    def _lose(self, why: str) -> None:
        """Says once that Redis is gone, and looks for it."""
        self.connection, self.disconnects = None, self.disconnects + 1
        LOG.warning("Redis %s: each process limits by itself until it is back", why)
        self.task = asyncio.get_running_loop().create_task(self._search())

    async def _search(self) -> None:
        while True:
            await asyncio.sleep(AGAIN)
            if await self._connect():
                LOG.warning("Redis is back: all processes share the limits again")
                return
