"""The database: an engine for writes, a reader for reads, and transactions."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.exc import StaleDataError

from ..cache.invalidation import Invalidation, TrackingSession
from ..clock import now
from ..db.base import Table
from ..db.engine import MAX_LOCK_WAIT, MAX_QUEUE_WAIT, create_engine, json_text, waiting_since
from ..db.errors import LostRace, translated_errors, unavailable
from ..lru import LRUCache
from ..query.engine import ReadEngine
from ..query.readers.postgres import PostgresReader
from ..query.readers.protocol import Reader
from ..query.readers.sqlite import SqliteReader
from ..query.statement import Statement, compile_statement
from .pending import PendingEvents


class Database:
    """One database. `transaction` is the only way to write to it.

    max_lock_wait: seconds that a write waits for a lock that another session holds.
    rule_settings: the settings that members and rules about rows depend on, by name.
    invalidation: notified of every write; None if no process has a read cache.
    handled_types: the event types that this process's relay delivers.
    event_committed: set when this process has committed an event of such a type.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: bytes,
        pool_size: int = 10,
        max_lock_wait: float = MAX_LOCK_WAIT,
        rule_settings: Mapping[str, int] | None = None,
    ) -> None:
        self.url, self.reads = url, ReadEngine(secret, rule_settings)
        self.is_sqlite = url.startswith("sqlite")
        self.reader: Reader = SqliteReader(url) if self.is_sqlite else PostgresReader(url, pool_size)
        self.connections = self.reader.connections if isinstance(self.reader, PostgresReader) else None
        self.engine = create_engine(url, pool_size, connections=self.connections, max_lock_wait=max_lock_wait)
        self.statements = LRUCache[Select[*tuple[Any, ...]], Statement](
            "fixed_statements", 2 * 1024 * 1024, lambda query, statement: 10_000 + len(statement.sql)
        )
        self.session_factory = async_sessionmaker(self.engine, expire_on_commit=False)
        self.places = asyncio.Semaphore(pool_size)
        self.invalidation: Invalidation | None = None
        self.event_committed, self.handled_types = asyncio.Event(), frozenset[str]()

    async def start(self) -> None:
        """Open the reader and listen for the writes of other processes.

        The engine connects at its first write.
        """
        await self.reader.start()  # type: ignore[attr-defined]
        if self.invalidation is not None:
            await self.invalidation.start()

    async def stop(self) -> None:
        """Close all connections."""
        if self.invalidation is not None:
            await self.invalidation.stop()
        # The engine's connection to SQLite is closed last: readers cannot remove the WAL file.
        await self.reader.stop()  # type: ignore[attr-defined]
        await self.engine.dispose()
        if self.connections is not None:
            await self.connections.stop()

    def attach_invalidation(self, invalidation: Invalidation) -> None:
        """Attach cache invalidation to all further sessions."""
        self.invalidation = invalidation
        self.session_factory = async_sessionmaker(
            self.engine, expire_on_commit=False, sync_session_class=TrackingSession
        )

    async def fetch_first(self, query: Select[*tuple[Any, ...]], values: dict[str, Any]) -> Any:
        """Return the first row of a fixed query, or None. The query is compiled once."""
        statement = self.statement(query)
        return await self.reader.fetch_one(statement, statement.bind(values))

    def statement(self, query: Select[*tuple[Any, ...]]) -> Statement:
        """Return a fixed query as a statement. It is compiled once."""
        return self.statements.get_or_create(query, lambda: compile_statement(query, self.reader.dialect, True))

    def in_values(
        self, column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Sequence[Any]
    ) -> ColumnElement[bool]:
        """Return the condition that a column is one of some values.

        The values are one argument, so the SQL text does not depend on their number.
        """
        if self.is_sqlite:
            rows = func.json_each(literal(json_text(values), Text)).table_valued("value")
            return column.in_(select(rows.c.value))
        return column == any_(literal(list(values), ARRAY(column.type)))

    async def analyze(self, *tables: type[Table]) -> None:
        """Update PostgreSQL's statistics of tables that grow fast.

        A plan made while a table was empty, including that of a foreign key check, reads the
        whole table until then.
        """
        if not self.is_sqlite:
            async with self.engine.begin() as connection:
                await connection.exec_driver_sql(f"ANALYZE {', '.join([str(t.__tablename__) for t in tables])}")

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """Run a transaction: commit at the end of the block, roll back if it raises.

        Raise AlreadyExists or Conflict for a violated constraint, LostRace for a lost race, and
        Unavailable if the database cannot be used; a commit that was cut off may have happened.
        """
        waiting_since.set(monotonic())
        with translated_errors():
            async with self._place_in_queue(), self.session_factory() as session:
                try:
                    yield session
                    events = PendingEvents.for_session(session)
                    await events.write(session, now())
                    await (session.commit() if self.invalidation is None else self.invalidation.commit(session))
                except StaleDataError as fault:
                    raise LostRace from fault
        if not self.handled_types.isdisjoint(events.types):
            self.event_committed.set()

    @asynccontextmanager
    async def _place_in_queue(self) -> AsyncGenerator[None]:
        """Wait for one of PostgreSQL's connections, first come, first served.

        The pool itself gives a returned connection to whoever asks next.
        """
        if self.is_sqlite:
            yield
            return
        try:
            async with asyncio.timeout(MAX_QUEUE_WAIT):
                await self.places.acquire()
        except TimeoutError:
            raise unavailable() from None
        try:
            yield
        finally:
            self.places.release()
