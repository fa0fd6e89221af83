"""The database: an engine for writes, a thin reader for reads, and the unit of work."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.exc import StaleDataError

from ..cache.invalidation import Invalidation, TrackingSession
from ..clock import now
from ..db.base import Table
from ..db.engine import create_engine, json_text
from ..db.errors import LostRace, translate_error
from ..query.compiler import compile_statement
from ..query.engine import ReadEngine
from ..query.readers.postgres import PostgresReader
from ..query.readers.protocol import Reader
from ..query.readers.sqlite import SqliteReader
from ..query.statement import Statement
from .pending import PendingEvents


class Database:
    """One database; `transaction` is the only way to write to it."""

    def __init__(self, url: str, *, secret: bytes, pool_size: int = 10) -> None:
        self.url, self.reads = url, ReadEngine(secret)
        self.engine = create_engine(url, pool_size)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.reader: Reader = SqliteReader(url) if self.is_sqlite else PostgresReader(url, pool_size)
        self.statements: dict[Select[*tuple[Any, ...]], Statement] = {}
        self.session_factory = async_sessionmaker(self.engine, expire_on_commit=False)
        # Hears of every write; none where nobody keeps what was read.
        self.invalidation: Invalidation | None = None
        # Set when this process has committed an event of a type that its relay hears.
        self.event_committed, self.handled_types = asyncio.Event(), frozenset[str]()

    async def start(self) -> None:
        """Opens the reader, and listens to what others write; the engine connects at its first write."""
        await self.reader.start()  # type: ignore[attr-defined]
        if self.invalidation is not None:
            await self.invalidation.start()

    async def stop(self) -> None:
        """Closes all connections."""
        if self.invalidation is not None:
            await self.invalidation.stop()
        await self.reader.stop()  # type: ignore[attr-defined]
        await self.engine.dispose()

    def attach_invalidation(self, invalidation: Invalidation) -> None:
        """From now on what is written is told."""
        self.invalidation = invalidation
        self.session_factory = async_sessionmaker(
            self.engine, expire_on_commit=False, sync_session_class=TrackingSession
        )

    async def fetch_first(self, query: Select[*tuple[Any, ...]], given: dict[str, Any]) -> Any:
        """The first row of a query of ours, through the thin reader; None where there is none. A query is compiled once."""
        found = self.statements.get(query)
        if found is None:
            found = self.statements[query] = compile_statement(query, self.reader.dialect, True)
        return await self.reader.fetch_one(found, found.bind(given))

    def in_values(
        self, column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Sequence[Any]
    ) -> ColumnElement[bool]:
        """That a column is one of some values, which are one argument: the statement is the same however many they are."""
        if self.is_sqlite:
            given = func.json_each(literal(json_text(values), Text)).table_valued("value")
            return column.in_(select(given.c.value))
        return column == any_(literal(list(values), ARRAY(column.type)))

    async def analyze(self, *tables: type[Table]) -> None:
        """Lets PostgreSQL look at tables that grow fast. A plan that it made while one was empty, also that of a foreign key, reads all of it until then."""
        if not self.is_sqlite:
            async with self.engine.begin() as connection:
                await connection.exec_driver_sql(f"ANALYZE {', '.join([str(t.__tablename__) for t in tables])}")

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """One transaction: committed where the block ends well, rolled back else. A clash of unique values is a problem, a lost race is `LostRace`."""
        async with self.session_factory() as session:
            try:
                yield session
                announced = PendingEvents.for_session(session)
                await announced.write(session, now())
                await (session.commit() if self.invalidation is None else self.invalidation.commit(session))
                if not self.handled_types.isdisjoint(announced.types):
                    self.event_committed.set()
            except DBAPIError as fault:
                raise translate_error(fault) from fault
            except StaleDataError as fault:
                raise LostRace from fault
