"""The database: an engine for writes, a thin reader for reads, and the unit of work."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, MetaData, Select, Text, UniqueConstraint, any_, event, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.exc import StaleDataError

from ..cache.invalidation import Invalidation, Recording
from ..clock import now
from ..db.asyncpg_codecs import read_ids_as_text
from ..db.base import Table
from ..problems import AlreadyExists, Conflict
from ..query.compiler import statement
from ..query.engine import Reads
from ..query.plan import Statement
from ..query.readers import SQLITE_PRAGMAS, PostgresReader, Reader, SqliteReader
from .pending import Announced

RETRIED_STATES = frozenset({"40001", "40P01"})


class LostRace(Exception):
    """Another write came first; the transaction can be run again."""


class Database:
    """One database; `transaction` is the only way to write to it."""

    def __init__(self, url: str, *, secret: bytes, pool_size: int = 10) -> None:
        self.url, self.reads = url, Reads(secret)
        self.engine = engine(url, pool_size)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.reader: Reader = SqliteReader(url) if self.sqlite else PostgresReader(url, pool_size)
        self.statements: dict[Select[*tuple[Any, ...]], Statement] = {}
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        # Hears of every write; none where nobody keeps what was read.
        self.invalidation: Invalidation | None = None
        # Set when this process has committed an event of a type that its relay hears.
        self.announced, self.heard = asyncio.Event(), frozenset[str]()

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

    def invalidates(self, invalidation: Invalidation) -> None:
        """From now on what is written is told."""
        self.invalidation = invalidation
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False, sync_session_class=Recording)

    async def first(self, query: Select[*tuple[Any, ...]], given: dict[str, Any]) -> Any:
        """The first row of a query of ours, through the thin reader; None where there is none. A query is compiled once."""
        found = self.statements.get(query)
        if found is None:
            found = self.statements[query] = statement(query, self.reader.dialect, True)
        return await self.reader.one(found, found.bind(given))

    def among(
        self, column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Sequence[Any]
    ) -> ColumnElement[bool]:
        """That a column is one of some values, which are one argument: the statement is the same however many they are."""
        if self.sqlite:
            given = func.json_each(literal(_dumps(values), Text)).table_valued("value")
            return column.in_(select(given.c.value))
        return column == any_(literal(list(values), ARRAY(column.type)))

    async def analyze(self, *tables: type[Table]) -> None:
        """Lets PostgreSQL look at tables that grow fast. A plan that it made while one was empty, also that of a foreign key, reads all of it until then."""
        if not self.sqlite:
            async with self.engine.begin() as connection:
                await connection.exec_driver_sql(f"ANALYZE {', '.join([str(t.__tablename__) for t in tables])}")

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """One transaction: committed where the block ends well, rolled back else. A clash of unique values is a problem, a lost race is `LostRace`."""
        async with self.sessions() as session:
            try:
                yield session
                announced = Announced.of(session)
                await announced.write(session, now())
                await (session.commit() if self.invalidation is None else self.invalidation.commit(session))
                if not self.heard.isdisjoint(announced.types):
                    self.announced.set()
            except DBAPIError as fault:
                raise problem_of(fault) from fault
            except StaleDataError as fault:
                raise LostRace from fault


def engine(url: str, pool_size: int = 10) -> AsyncEngine:
    """An engine whose transactions are right for writes: SQLite's begin with BEGIN IMMEDIATE, because a snapshot that is upgraded fails at once (STACK, 5)."""
    dumps: dict[str, Any] = {"json_serializer": _dumps, "json_deserializer": msgspec.json.decode}
    if not url.startswith("sqlite"):
        made = create_async_engine(
            url, pool_size=pool_size, max_overflow=0, connect_args={"server_settings": {"jit": "off"}}, **dumps
        )

        @event.listens_for(made.sync_engine, "connect")
        def ids(connection: Any, _: Any) -> None:
            connection.run_async(read_ids_as_text)

        return made

    made = create_async_engine(url, pool_size=1, max_overflow=0, connect_args={"isolation_level": None}, **dumps)

    @event.listens_for(made.sync_engine, "connect")
    def pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(made.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return made


def _dumps(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def problem_of(fault: DBAPIError) -> Exception:
    """What a driver's error means: a unique value that is taken, a row that is pointed at, a race that was lost; else the error itself."""
    cause: Any = getattr(fault.orig, "__cause__", None) or fault.orig
    if getattr(cause, "sqlstate", None) in RETRIED_STATES or "database is locked" in str(fault.orig):
        return LostRace()
    if not isinstance(fault, IntegrityError):
        return fault
    if (field := unique_field(fault, Table.metadata)) is not None:
        return AlreadyExists(f"Another row has this `{field}`.", field=field)
    if "foreign key" in str(fault.orig).lower():
        return Conflict("Something still points at this row, or the row that it points at is gone.")
    return fault


def unique_field(fault: IntegrityError, metadata: MetaData) -> str | None:
    """The member whose value is taken: constraints are called `<table>_<member>_key`; SQLite names the columns, PostgreSQL the constraint."""
    said = str(fault.orig)
    if found := re.search(r'unique constraint "(\w+)"', said):
        name = found[1]
    elif found := re.search(r"UNIQUE constraint failed: (.+)", said):
        columns = [c.split(".")[-1].strip() for c in found[1].split(",")]
        table = found[1].split(".")[0]
        unique = [c for c in metadata.tables[table].constraints if isinstance(c, UniqueConstraint)]
        name = next(
            (str(c.name) for c in unique if [x.name for x in c.columns] == columns), f"{table}_{columns[-1]}_key"
        )
    else:
        return None
    table = next((t for t in sorted(metadata.tables, key=len, reverse=True) if name.startswith(f"{t}_")), "")
    return name.removeprefix(f"{table}_").removesuffix("_key")
