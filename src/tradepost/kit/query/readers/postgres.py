"""The reader for PostgreSQL: prepared autocommit statements on asyncpg connections."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql

from ...db.asyncpg_codecs import TIME_SETTINGS
from ...db.errors import CONNECTION_ERRORS, is_connection_lost, translate_error, unavailable
from ...db.postgres_connections import PostgresConnections
from ..statement import Statement
from .postgres_pool import PooledConnection, PostgresPool, prepare
from .protocol import Row

ATTEMPTS = 3
SQLALCHEMY_ARGUMENTS = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")
"""Connect arguments that SQLAlchemy adds, and asyncpg does not have."""


class PostgresReader:
    """Reads through a pool of its own, without session, ping and transaction (PERFORMANCE, E).

    statement_timeout: in seconds.
    """

    def __init__(self, url: str, size: int = 10, statement_timeout: float = 30.0) -> None:
        self.dialect: Dialect = postgresql()
        _, arguments = self.dialect.create_connect_args(make_url(url))
        self.connect_arguments = {k: v for k, v in arguments.items() if k not in SQLALCHEMY_ARGUMENTS}
        self.connections = PostgresConnections(self.connect_arguments)
        settings = {
            "jit": "off",
            "statement_timeout": str(int(statement_timeout * 1000)),
            "application_name": "tradepost-reader",
            **TIME_SETTINGS,
        }
        self.pool = PostgresPool(self.connections, settings, size)
        self.statement_count = 0

    async def start(self) -> None:
        """Open the first connection, and watch the server."""
        await self.pool.start()
        self.connections.start()

    async def stop(self) -> None:
        """Close the idle connections."""
        await self.pool.stop()

    async def _run(self, method: str, statement: Statement, arguments: list[Any]) -> Any:
        self.statement_count += 1
        pool = self.pool
        for attempt in range(ATTEMPTS):
            # The first attempt does not check that the connection is open: that costs more than
            # the rare failure.
            pooled = pool.free.pop() if pool.free and not attempt else await pool.acquire()
            try:
                prepared = pooled[1].get(statement.sql) or await prepare(pooled, statement.sql)
                return await getattr(prepared, method)(*arguments)
            except asyncio.CancelledError:
                # The server may still be running the statement, so the connection cannot be reused.
                pooled[0].terminate()
                raise
            except CONNECTION_ERRORS as error:
                self._prepare_retry(pooled, error, last=attempt == ATTEMPTS - 1)
            finally:
                pool.release(pooled)

    def _prepare_retry(self, pooled: PooledConnection, error: Exception, last: bool) -> None:
        """Return if the statement should be tried again; raise its error or problem otherwise."""
        if isinstance(error, asyncpg.InvalidCachedStatementError):
            pooled[1].clear()  # another process changed the schema: prepare it again
            if last:
                raise error
            return
        if not pooled[0].is_closed():
            if not is_connection_lost(error):
                raise translate_error(error) from error
            pooled[0].terminate()
        if last:
            raise unavailable() from error

    def fetch_one(self, statement: Statement, arguments: list[Any]) -> Awaitable[Any]:
        """Return the first row, or None."""
        return self._run("fetchrow", statement, arguments)

    def fetch_all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> Awaitable[list[Row]]:
        """Return all rows."""
        return self._run("fetch", statement, arguments)

    def ids_argument(self, ids: list[Any]) -> Any:
        """Return the ids as an array."""
        return ids
