"""Thin readers: they run a plan's SQL text and give rows back. No session, no pool ping, no transaction (PERFORMANCE, E)."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Sequence
from time import perf_counter
from typing import Any, Protocol

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import msgspec
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql
from sqlalchemy.dialects.sqlite.aiosqlite import dialect as sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ..db.asyncpg_codecs import TEXTS_OF_TIMES, read_for_the_wire
from .plan import Statement

# Seconds that a read may hold the event loop, and after how many steps of SQLite's machine the clock is looked at.
PATIENCE, STEPS = 0.02, 20_000

type Row = Sequence[Any]

CONNECT: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (asyncpg has no types)

SQLITE_PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


class Reader(Protocol):
    """What a plan runs on. `count` counts the statements, for those who watch the SQL."""

    dialect: Dialect
    count: int

    def one(self, statement: Statement, arguments: list[Any]) -> Awaitable[Any]:
        """The first row, or None."""
        ...

    def all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> Awaitable[list[Row]]:
        """All rows. `inline=False` says that there may be many."""
        ...

    def many(self, ids: list[Any]) -> Any:
        """Several ids as the one argument that this database takes."""
        ...


class PostgresReader:
    """A free list of asyncpg connections, each with its prepared autocommit statements. A broken connection is replaced at its next use."""

    def __init__(self, url: str, size: int = 10, statement_timeout: float = 30.0) -> None:
        self.dialect: Dialect = postgresql()
        _, arguments = self.dialect.create_connect_args(make_url(url))
        dropped = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")
        self.arguments = {k: v for k, v in arguments.items() if k not in dropped}
        self.settings = {
            "jit": "off",
            "statement_timeout": str(int(statement_timeout * 1000)),
            "application_name": "tradepost-reader",
            **TEXTS_OF_TIMES,
        }
        self.size, self.opened, self.count = size, 0, 0
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
            connection = await CONNECT(**self.arguments, server_settings=self.settings)
            await read_for_the_wire(connection)
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
        self.count += 1
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

    def one(self, statement: Statement, arguments: list[Any]) -> Awaitable[Any]:
        """The first row, or None."""
        return self._run("fetchrow", statement, arguments)

    def all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> Awaitable[list[Row]]:
        """All rows."""
        return self._run("fetch", statement, arguments)

    def many(self, ids: list[Any]) -> Any:
        """An array."""
        return ids


class SqliteReader:
    """sqlite3 on the event loop for bounded plans, where a thread would cost more than the read; the others go to a few threads.

    A bounded plan that turns out slow is interrupted after `PATIENCE` and begun again in a thread, so that no read holds up the loop.
    """

    def __init__(self, url: str, threads: int = 4) -> None:
        self.dialect: Dialect = sqlite()
        self.path, self.count, self.threads, self.deadline = make_url(url).database or ":memory:", 0, threads, 0.0
        self.pool: asyncio.LifoQueue[sqlite3.Connection] = asyncio.LifoQueue()

    async def start(self) -> None:
        """Opens the connection of the loop and those of the threads."""
        self.connection = self._open()
        self.connection.set_progress_handler(lambda: perf_counter() > self.deadline, STEPS)
        for _ in range(self.threads):
            self.pool.put_nowait(self._open())

    async def stop(self) -> None:
        """Closes all connections."""
        self.connection.close()
        while not self.pool.empty():
            self.pool.get_nowait().close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=500)
        for pragma in (*SQLITE_PRAGMAS, "query_only=ON", "mmap_size=268435456"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    async def one(self, statement: Statement, arguments: list[Any]) -> Any:
        """The first row, or None."""
        rows = await self.all(statement, arguments)
        return rows[0] if rows else None

    async def all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> list[Row]:
        """All rows."""
        self.count += 1
        if statement.bounded and inline:
            self.deadline = perf_counter() + PATIENCE
            try:
                return self.connection.execute(statement.sql, arguments).fetchall()
            except sqlite3.OperationalError as fault:
                if fault.sqlite_errorname != "SQLITE_INTERRUPT":
                    raise
        return await self._threaded(statement, arguments)

    async def _threaded(self, statement: Statement, arguments: list[Any]) -> list[Row]:
        connection = await self.pool.get()
        work = asyncio.ensure_future(asyncio.to_thread(lambda: connection.execute(statement.sql, arguments).fetchall()))

        def give_back(done: asyncio.Task[list[Any]]) -> None:
            self.pool.put_nowait(connection)
            if not done.cancelled():
                done.exception()

        # The thread goes on where the request is cancelled: the connection is free only when the thread is.
        work.add_done_callback(give_back)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            connection.interrupt()
            raise

    def many(self, ids: list[Any]) -> Any:
        """A JSON list, for `json_each`."""
        return msgspec.json.encode(ids).decode()


class WriteReader:
    """A plan's SQL on the connection of an open write, behind what waits in its session, so that the answer sees what was written.

    It goes through SQLAlchemy's connection: on the raw driver connection of an SQLAlchemy transaction a write survived the ROLLBACK (STACK, 5).
    """

    def __init__(self, session: AsyncSession, over: Reader) -> None:
        self.session, self.over, self.dialect, self.count = session, over, over.dialect, 0

    async def one(self, statement: Statement, arguments: list[Any]) -> Any:
        """The first row, or None."""
        rows = await self.all(statement, arguments)
        return rows[0] if rows else None

    async def all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> list[Row]:
        """All rows."""
        self.over.count += 1
        return await self.session.run_sync(_rows, statement.sql, tuple(arguments))

    def many(self, ids: list[Any]) -> Any:
        """As the reader of this database."""
        return self.over.many(ids)


def _rows(session: Session, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
    session.flush()
    return list(session.connection().exec_driver_sql(sql, arguments).fetchall())
