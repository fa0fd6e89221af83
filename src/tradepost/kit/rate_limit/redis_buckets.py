"""Buckets in Redis, shared by several processes: one atomic script, awaited once per request.

Everything that requests take and give in one iteration of the event loop is sent as one call of
the script: with 32 concurrent requests, a call for each would take 50 % more CPU, here and in
Redis. All calls share one connection (`redis/connection.py`). If Redis does not reply for 40 ms, or
refuses the script, it counts as unavailable: requests use the buckets of their own process, and a
task reconnects. The script uses Redis's clock, so processes on several machines agree. Its keys lie
in different slots, so Redis must not be a cluster.
"""

import asyncio
import logging
from functools import partial
from hashlib import sha1
from typing import Any, cast

from hiredis import ReplyError
from msgspec import msgpack

from ..redis.connection import RedisConnection
from ..redis.errors import checked, refusal
from ..redis.persistent import PersistentConnection
from .buckets import Bucket, SlowBucket

KEY = "tradepost:points:"

# KEYS are the buckets of all takes, one take after the other. ARGV[1] holds for each take: its
# points, whether it is conditional, and the sizes of its buckets, with the seconds of a refill
# where these are not 60. A conditional take succeeds in all of its buckets or in none. A bucket is
# stored as text: the points left, and when. It expires after two minutes, or when it is full if
# that is later.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local remaining = {}
for _, take in ipairs(cmsgpack.unpack(ARGV[1])) do
  local points, conditional, first, short = take[1], take[2], #remaining, false
  for i = 3, #take do
    local size, seconds, index = take[i], 60, #remaining + 1
    if type(size) == 'table' then size, seconds = size[1], size[2] end
    local level = size
    local stored = redis.call('GET', KEYS[index])
    if stored then
      local last_level, last_time = string.match(stored, '(%S+) (%S+)')
      level = math.min(size, last_level + math.max(0, now - last_time) * size / seconds)
    end
    remaining[index] = math.min(size, level - points)
    short = short or remaining[index] < 0
  end
  local succeeds = not (conditional and points > 0 and short)
  for i = 3, #take do
    local size, seconds, index = take[i], 60, first + i - 2
    if type(size) == 'table' then size, seconds = size[1], size[2] end
    if succeeds then
      local expiry = math.max(120000, math.ceil((size - remaining[index]) * seconds * 1000 / size))
      redis.call('SET', KEYS[index], string.format('%.6f %.6f', remaining[index], now), 'PX', expiry)
    end
    remaining[index] = math.floor(remaining[index] * 1000)
  end
end
return remaining
"""
SHA = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

LOG = logging.getLogger("tradepost.limits")

type Remaining = list[float] | None
"""The remaining points of each bucket; None if Redis is unavailable."""


class PendingBatch:
    """The takes of one iteration of the event loop, and the futures of their callers."""

    __slots__ = ("futures", "keys", "script_reloaded", "takes")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.takes: list[tuple[int | tuple[int, int], ...]] = []
        self.futures: list[asyncio.Future[Remaining] | None] = []
        self.script_reloaded = False

    def add(
        self,
        points: int,
        conditional: bool,
        buckets: tuple[Bucket | SlowBucket, ...],
        future: asyncio.Future[Remaining] | None,
    ) -> None:
        """Add a take."""
        self.keys += [KEY + key for key, _ in buckets]
        self.takes.append((points, conditional, *[size for _, size in buckets]))
        self.futures.append(future)

    def resolve(self, remaining: list[int] | None) -> None:
        """Give each caller the script's results for its buckets (in thousandths of a point)."""
        start = 0
        for take, future in zip(self.takes, self.futures, strict=True):
            end = start + len(take) - 2
            if future is not None and not future.done():
                future.set_result(None if remaining is None else [n / 1000 for n in remaining[start:end]])
            start = end


async def check_script(connection: RedisConnection) -> None:
    """Load the script and run it once, or raise RedisUnavailable.

    On a read-only replica and on a cluster only the run fails, the latter because of the two keys.
    """
    takes = msgpack.encode([(0, True, 1, 1)])
    for command in (("SCRIPT", "LOAD", SCRIPT), ("EVALSHA", SHA, 2, f"{KEY}check:1", f"{KEY}check:2", takes)):
        checked(await connection.call(*command), connection.close_reason)


class RedisBuckets:
    """The buckets in one Redis. They are unavailable before `start` and while disconnected."""

    def __init__(self, url: str) -> None:
        self.connection = PersistentConnection(
            url, check=check_script, on_connect=self._connected, on_disconnect=self._disconnected
        )
        self.batch: PendingBatch | None = None
        self.was_unavailable = False

    @property
    def is_unavailable(self) -> bool:
        """Whether Redis cannot be used at the moment."""
        return self.connection.current is None

    async def start(self) -> None:
        """Connect. If that fails, keep trying in the background."""
        await self.connection.start()

    async def stop(self) -> None:
        """Close the connection and stop reconnecting."""
        await self.connection.stop()

    def take(self, points: int, *buckets: Bucket | SlowBucket) -> asyncio.Future[Remaining]:
        """Remove points from each bucket; the result is what is left in each.

        If any is negative, nothing was removed. The result is None if Redis is unavailable.
        """
        future: asyncio.Future[Remaining] = asyncio.get_running_loop().create_future()
        if self.connection.current is None:
            future.set_result(None)
        else:
            (self.batch or self._new_batch()).add(points, True, buckets, future)
        return future

    def give(self, points: int, *buckets: Bucket | SlowBucket) -> None:
        """Return points to each bucket, or remove a debt, without waiting."""
        if self.connection.current is not None:
            (self.batch or self._new_batch()).add(-points, False, buckets, None)

    def _new_batch(self) -> PendingBatch:
        """Start a batch that is sent at the end of this iteration of the event loop."""
        batch = self.batch = PendingBatch()
        asyncio.get_running_loop().call_soon(self._send_batch, batch)
        return batch

    def _send_batch(self, batch: PendingBatch) -> None:
        self.batch = None
        self._call_script(batch)

    def _call_script(self, batch: PendingBatch) -> None:
        connection = self.connection.current
        if connection is None:
            batch.resolve(None)
        else:
            connection.submit(
                ("EVALSHA", SHA, len(batch.keys), *batch.keys, msgpack.encode(batch.takes)),
                partial(self._handle_reply, connection, batch),
            )

    def _handle_reply(self, connection: RedisConnection, batch: PendingBatch, reply: Any) -> None:
        """Resolve the batch. If Redis lost the script, load it and call it again, once."""
        if type(reply) is list:
            batch.resolve(cast(list[int], reply))
        elif not batch.script_reloaded and isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT"):
            batch.script_reloaded = True
            connection.send("SCRIPT", "LOAD", SCRIPT)
            self._call_script(batch)
        else:
            batch.resolve(None)
            reason = str(refusal(reply)) if isinstance(reply, ReplyError) else connection.close_reason
            self.connection.drop(connection, reason)

    def _connected(self) -> None:
        if self.was_unavailable:
            LOG.warning("Redis is back: rate limits are shared again")
        self.was_unavailable = False

    def _disconnected(self, reason: str) -> None:
        self.was_unavailable = True
        LOG.warning("Redis %s: rate limits are per process until it is back", reason)
