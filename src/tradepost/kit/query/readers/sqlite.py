"""The reader for SQLite: short reads run on the event loop, others in a few threads."""

import asyncio
import sqlite3
from time import perf_counter
from typing import Any

import msgspec
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects.sqlite.aiosqlite import dialect as sqlite

from ...db.engine import SQLITE_PRAGMAS
from ..statement import Statement
from .protocol import Row

MAX_CACHED_STATEMENTS = 100
"""Statements that each connection keeps compiled: 10 to 50 KiB each."""
MAX_LOOP_SECONDS, STEPS_PER_CHECK = 0.02, 20_000
"""How long a read may block the event loop, checked every so many SQLite instructions."""


class SqliteReader:
    """Runs bounded statements on the event loop, where a thread would cost more than the read.

    A bounded statement that takes longer than `MAX_LOOP_SECONDS` is interrupted and started again
    in a thread, so that no read blocks the loop.
    """

    def __init__(self, url: str, threads: int = 4) -> None:
        self.dialect: Dialect = sqlite()
        self.path = make_url(url).database or ":memory:"
        self.threads, self.statement_count, self.deadline = threads, 0, 0.0
        self.pool: asyncio.LifoQueue[sqlite3.Connection] = asyncio.LifoQueue()

    async def start(self) -> None:
        """Open the connection of the event loop and those of the threads."""
        self.connection = self._open()
        self.connection.set_progress_handler(lambda: perf_counter() > self.deadline, STEPS_PER_CHECK)
        for _ in range(self.threads):
            self.pool.put_nowait(self._open())

    async def stop(self) -> None:
        """Close all connections."""
        self.connection.close()
        while not self.pool.empty():
            self.pool.get_nowait().close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=MAX_CACHED_STATEMENTS
        )
        for pragma in (*SQLITE_PRAGMAS, "query_only=ON", "mmap_size=268435456"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    async def fetch_one(self, statement: Statement, arguments: list[Any]) -> Any:
        """Return the first row, or None."""
        rows = await self.fetch_all(statement, arguments)
        return rows[0] if rows else None

    async def fetch_all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> list[Row]:
        """Return all rows."""
        self.statement_count += 1
        if statement.bounded and inline:
            self.deadline = perf_counter() + MAX_LOOP_SECONDS
            try:
                return self.connection.execute(statement.sql, arguments).fetchall()
            except sqlite3.OperationalError as fault:
                if fault.sqlite_errorname != "SQLITE_INTERRUPT":
                    raise
        return await self._fetch_in_thread(statement, arguments)

    async def _fetch_in_thread(self, statement: Statement, arguments: list[Any]) -> list[Row]:
        connection = await self.pool.get()
        work = asyncio.ensure_future(asyncio.to_thread(lambda: connection.execute(statement.sql, arguments).fetchall()))

        def release(task: asyncio.Task[list[Any]]) -> None:
            self.pool.put_nowait(connection)
            if not task.cancelled():
                task.exception()  # marks an exception as retrieved

        # The thread continues if the request is cancelled, so the connection is released with it.
        work.add_done_callback(release)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            connection.interrupt()
            raise

    def ids_argument(self, ids: list[Any]) -> Any:
        """Return the ids as a JSON array, for `json_each`."""
        return msgspec.json.encode(ids).decode()
