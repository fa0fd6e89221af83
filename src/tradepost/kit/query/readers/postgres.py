"""Postgres pool."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql

from ...db.asyncpg_codecs import TIME_SETTINGS, set_wire_codecs
from ..statement import Statement
from .protocol import Row

asyncpg_connect: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (asyncpg has no types)


class PostgresReader:
    """A free list of asyncpg connections, each with its prepared autocommit statements. A broken connection is replaced at its next use."""

    def __init__(self, url: str, size: int = 10, statement_timeout: float = 30.0) -> None:
        self.dialect: Dialect = postgresql()
        _, arguments = self.dialect.create_connect_args(make_url(url))
        dropped = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")
        self.connect_arguments = {k: v for k, v in arguments.items() if k not in dropped}
        self.settings = {
            "jit": "off",
            "statement_timeout": str(int(statement_timeout * 1000)),
            "application_name": "tradepost-reader",
            **TIME_SETTINGS,
        }
        self.size, self.opened, self.statement_count = size, 0, 0
        self.free: list[tuple[Any, dict[str, Any]]] = []
        self.waiting: deque[asyncio.Future[tuple[Any, dict[str, Any]]]] = deque()

    async def start(self) -> None:
        """Opens one connection, so that a wrong address stops the start; the others come with the load."""
        self.free.append(await self._open())

    async def stop(self) -> None:
        """Closes the free connections; those in use close when their read ends with the process."""
        while self.free:
            await self.free.pop()[0].close()

    async def _open(self) -> tuple[Any, dict[str, Any]]:
        self.opened += 1
        try:
            connection = await asyncpg_connect(**self.connect_arguments, server_settings=self.settings)
            await set_wire_codecs(connection)
            return connection, {}
        except BaseException:
            self.opened -= 1
            raise

    async def _take(self) -> tuple[Any, dict[str, Any]]:
        """A connection that is open: a free one, a new one, or the next that is given back."""
        while True:
            if self.free:
                held = self.free.pop()
            elif self.opened < self.size:
                return await self._open()
            else:
                turn = self._turn()
                try:
                    held = await turn
                except asyncio.CancelledError:
                    if turn.done() and not turn.cancelled():
                        self._give(turn.result())
                    raise
            if not held[0].is_closed():
                return held
            self.opened -= 1

    def _turn(self) -> asyncio.Future[tuple[Any, dict[str, Any]]]:
        """The next connection that is given back; they wait in line."""
        turn: asyncio.Future[tuple[Any, dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        return turn

    def _give(self, connection: tuple[Any, dict[str, Any]]) -> None:
        """Hands a connection to who waits longest. A closed one goes the same way: whoever takes it opens another."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self.free.append(connection)

    async def _prepared(self, held: tuple[Any, dict[str, Any]], sql: str) -> Any:
        connection, prepared = held
        if connection.is_closed():
            raise asyncpg.InterfaceError("the connection is closed")
        if (found := prepared.get(sql)) is None:
            if len(prepared) >= 500:
                prepared.pop(next(iter(prepared)))
            found = prepared[sql] = await connection.prepare(sql)
        return found

    async def _run(self, method: str, statement: Statement, arguments: list[Any]) -> Any:
        self.statement_count += 1
        for attempt in range(3):
            # A free one is used as it is, because asking whether it is open costs more than finding out; after a fault it is asked.
            held = self.free.pop() if self.free and not attempt else await self._take()
            try:
                found = held[1].get(statement.sql) or await self._prepared(held, statement.sql)
                return await getattr(found, method)(*arguments)
            except asyncio.CancelledError:
                # The server may still be at it: this connection answers nobody else.
                held[0].terminate()
                raise
            except (
                asyncpg.InvalidCachedStatementError,
                asyncpg.InterfaceError,
                asyncpg.PostgresConnectionError,
                ConnectionError,
            ):
                # DDL by another process, or a server that went away: again on a clean connection.
                held[1].clear()
                if attempt == 2:
                    raise
            finally:
                self._give(held)

    def fetch_one(self, statement: Statement, arguments: list[Any]) -> Awaitable[Any]:
        """The first row, or None."""
        return self._run("fetchrow", statement, arguments)

    def fetch_all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> Awaitable[list[Row]]:
        """All rows."""
        return self._run("fetch", statement, arguments)

    def ids_argument(self, ids: list[Any]) -> Any:
        """An array."""
        return ids
