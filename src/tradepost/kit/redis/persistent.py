"""A connection to Redis that is opened again whenever it was lost."""

import asyncio
from collections.abc import Awaitable, Callable

from .connection import TICK, OnMessage, RedisConnection, connect
from .errors import RedisUnavailable
from .url import RedisUrl

RECONNECT_INTERVAL = 0.25
"""Seconds between two attempts to connect."""


async def _accept(_: RedisConnection) -> None:
    """The check of connections that need none."""


def _ignore() -> None:
    """The `on_connect` of connections whose owner need not be notified."""


def _ignore_reason(_: str) -> None:
    """The `on_disconnect` of connections whose owner need not be notified."""


class PersistentConnection:
    """A connection. `current` is None before `start` and while Redis is unavailable.

    A task reconnects, so that the connection is back within half a second of Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        check: Callable[[RedisConnection], Awaitable[None]] = _accept,
        on_connect: Callable[[], None] = _ignore,
        on_disconnect: Callable[[str], None] = _ignore_reason,
        on_message: OnMessage | None = None,
        tick: float = TICK,
    ) -> None:
        """`check` is run on each new connection, and raises RedisUnavailable if it is unusable.

        on_connect: called after each successful connection.
        on_disconnect: called with the reason when Redis becomes unavailable, and again if it later
            refuses the connection for another reason.
        """
        self.url, self.check, self.on_message, self.tick = RedisUrl.parse(url), check, on_message, tick
        self.on_connect, self.on_disconnect = on_connect, on_disconnect
        self.current: RedisConnection | None = None
        self.reason: str | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def is_started(self) -> bool:
        """Whether it is connected or reconnecting."""
        return self.current is not None or self.task is not None

    async def start(self) -> None:
        """Connect. If that fails, keep trying in the background."""
        try:
            await self.connect()
        except RedisUnavailable as error:
            self._reconnect_after(str(error))

    async def stop(self) -> None:
        """Close the connection and stop reconnecting."""
        task, connection = self.task, self.current
        self.task = self.current = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if connection is not None:
            connection.close()

    async def connect(self) -> None:
        """Connect once, or raise RedisUnavailable."""
        connection = await connect(self.url, self._disconnected, tick=self.tick, on_message=self.on_message)
        try:
            await self.check(connection)
            if connection.transport is None:
                raise RedisUnavailable(connection.close_reason)
        except BaseException:
            connection.close()
            raise
        self.current, self.reason = connection, None
        self.on_connect()

    def drop(self, connection: RedisConnection, reason: str) -> None:
        """Close a connection that is unusable, and reconnect if it is the current one."""
        connection.close()
        if connection is self.current:
            self._reconnect_after(reason)

    def _disconnected(self, connection: RedisConnection) -> None:
        self.drop(connection, connection.close_reason)

    def _reconnect_after(self, reason: str) -> None:
        self.current = None
        self._report(reason)
        self.task = asyncio.get_running_loop().create_task(self._reconnect())

    def _report(self, reason: str) -> None:
        self.reason = reason
        self.on_disconnect(reason)

    async def _reconnect(self) -> None:
        while True:
            await asyncio.sleep(RECONNECT_INTERVAL)
            try:
                return await self.connect()
            except RedisUnavailable as error:
                # Redis was restarted with another password, for example.
                if error.code is not None and str(error) != self.reason:
                    self._report(str(error))
