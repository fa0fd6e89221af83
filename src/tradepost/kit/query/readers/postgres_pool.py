"""A pool of asyncpg connections, each with its prepared statements."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from ...db.asyncpg_codecs import set_wire_codecs
from ...lru import LRUCache

MAX_PREPARED_BYTES, STATEMENT_BYTES = 1024 * 1024, 5000
"""The budget of a connection's prepared statements, and the bytes of one without its text."""

# asyncpg has no types.
asyncpg_connect: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

type PooledConnection = tuple[Any, LRUCache[str, Any]]
"""A connection, and its prepared statements by SQL text."""


class PostgresPool:
    """Up to `size` connections, opened on demand.

    A connection that was closed is replaced the next time it is acquired. `free` is the stack of
    idle connections; it may be popped directly to skip the check.
    """

    def __init__(self, connect_arguments: Mapping[str, Any], settings: Mapping[str, str], size: int) -> None:
        self.connect_arguments, self.settings, self.size = connect_arguments, settings, size
        self.opened = 0
        self.free: list[PooledConnection] = []
        self.waiters: deque[asyncio.Future[PooledConnection]] = deque()

    async def start(self) -> None:
        """Open one connection, so that a wrong address fails at startup."""
        self.free.append(await self._open())

    async def stop(self) -> None:
        """Close the idle connections. Those in use are closed with the process."""
        while self.free:
            await self.free.pop()[0].close()

    async def acquire(self) -> PooledConnection:
        """Return an open connection: an idle one, a new one, or the next that is released."""
        while True:
            if self.free:
                pooled = self.free.pop()
            elif self.opened < self.size:
                return await self._open()
            else:
                pooled = await self._wait()
            if not pooled[0].is_closed():
                return pooled
            self.opened -= 1

    def release(self, pooled: PooledConnection) -> None:
        """Hand a connection, even a closed one, to the longest waiter, or back to the idle ones."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(pooled)
                return
        self.free.append(pooled)

    async def _open(self) -> PooledConnection:
        self.opened += 1
        try:
            connection = await asyncpg_connect(**self.connect_arguments, server_settings=self.settings)
            await set_wire_codecs(connection)
            return connection, LRUCache("prepared_statements", MAX_PREPARED_BYTES, statement_size)
        except BaseException:
            self.opened -= 1
            raise

    async def _wait(self) -> PooledConnection:
        """Wait for the next released connection, first come, first served."""
        waiter: asyncio.Future[PooledConnection] = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.release(waiter.result())
            raise


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
