"""A pool of asyncpg connections, each with its prepared statements."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from ...db.asyncpg_codecs import set_wire_codecs
from ...db.engine import MAX_QUEUE_WAIT
from ...db.errors import CONNECTION_ERRORS, unavailable
from ...db.postgres_connections import PostgresConnections
from ...lru import LRUCache
from ...problems import Unavailable

MAX_PREPARED_BYTES, STATEMENT_BYTES = 1024 * 1024, 5000
"""The budget of a connection's prepared statements, and the bytes of one without its text."""

type PooledConnection = tuple[Any, LRUCache[str, Any]]
"""A connection, and its prepared statements by SQL text."""


class PostgresPool:
    """Up to `size` connections, opened on demand.

    A connection that was closed is replaced the next time it is acquired. `free` is the stack of
    idle connections; it may be popped directly to skip the check. A waiter gets a connection, or
    None if it may open one.
    """

    def __init__(self, connections: PostgresConnections, settings: Mapping[str, str], size: int) -> None:
        self.connections, self.settings, self.size = connections, settings, size
        self.opened = 0
        self.free: list[PooledConnection] = []
        self.waiters: deque[asyncio.Future[PooledConnection | None]] = deque()

    async def start(self) -> None:
        """Open one connection, if the server responds."""
        with suppress(Unavailable):
            self.free.append(await self._open())

    async def stop(self) -> None:
        """Close the idle connections. `PostgresConnections.stop` closes those in use."""
        while self.free:
            with suppress(TimeoutError):  # the connection is then closed without goodbye
                await self.free.pop()[0].close(timeout=1)

    async def acquire(self) -> PooledConnection:
        """Return an open connection: an idle one, a new one, or the next that is released.

        Raise Unavailable if none can be opened, or if all are in use for too long.
        """
        while True:
            if self.free:
                pooled = self.free.pop()
            elif self.opened < self.size:
                return await self._open()
            elif (pooled := await self._wait()) is None:
                continue
            if not pooled[0].is_closed():
                return pooled
            self.opened -= 1

    def release(self, pooled: PooledConnection) -> None:
        """Hand a connection, even a closed one, to the longest waiter, or back to the idle ones."""
        if not self._wake(pooled):
            self.free.append(pooled)

    def _wake(self, pooled: PooledConnection | None) -> bool:
        """Wake the longest waiter, with a connection or with leave to open one."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(pooled)
                return True
        return False

    async def _open(self) -> PooledConnection:
        self.opened += 1
        connection: Any = None
        try:
            connection = await self.connections.open(**self.connections.arguments, server_settings=self.settings)
            await set_wire_codecs(connection)
            return connection, LRUCache("prepared_statements", MAX_PREPARED_BYTES, statement_size)
        except BaseException as error:
            if connection is not None:
                connection.terminate()
            self.opened -= 1
            self._wake(None)
            if isinstance(error, CONNECTION_ERRORS):
                raise unavailable() from error
            raise

    async def _wait(self) -> PooledConnection | None:
        """Wait for the next released connection, first come, first served."""
        waiter: asyncio.Future[PooledConnection | None] = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            async with asyncio.timeout(MAX_QUEUE_WAIT):
                return await waiter
        except (asyncio.CancelledError, TimeoutError) as error:
            if waiter.done() and not waiter.cancelled():
                self._pass_on(waiter.result())
            if isinstance(error, TimeoutError):
                raise unavailable() from None
            raise

    def _pass_on(self, pooled: PooledConnection | None) -> None:
        """Give the next waiter what a cancelled one was given."""
        if pooled is None:
            self._wake(None)
        else:
            self.release(pooled)


def statement_size(sql: str, statement: Any) -> int:
    """Return the approximate bytes of a prepared statement."""
    return STATEMENT_BYTES + 2 * len(sql)


async def prepare(pooled: PooledConnection, sql: str) -> Any:
    """Return the prepared statement of a SQL text, from the connection's cache if possible."""
    connection, prepared = pooled
    if connection.is_closed():
        raise asyncpg.InterfaceError("the connection is closed")
    if (statement := prepared.get(sql)) is None:
        statement = await connection.prepare(sql)
        prepared.put(sql, statement)
    return statement
