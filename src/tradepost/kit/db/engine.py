"""The SQLAlchemy engine, used for writes and migrations."""

from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import Any

import msgspec
from sqlalchemy import AsyncAdaptedQueuePool, event
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool.base import ConnectionPoolEntry, _ConnectionRecord  # pyright: ignore[reportPrivateUsage]

from .asyncpg_codecs import decode_uuids_as_text
from .postgres_connections import CONNECT_TIMEOUT, PostgresConnections
from .sqlite_connection import connect

MAX_LOCK_WAIT, MAX_QUEUE_WAIT = 1.5, 10.0
"""Seconds that a statement waits for a lock that another session holds, and that a request waits
for a connection while all of them are in use by others."""
MAX_STATEMENT, MAX_IDLE = 30.0, 60.0
"""Seconds that a statement of a write may take, and that a transaction may stay without one: the
server then ends it, so that its locks are released even if this process hangs."""
waiting_since = ContextVar("waiting_since", default=inf)
"""The monotonic time at which the current task began to wait for SQLite's one connection."""
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


class _QueuePool(AsyncAdaptedQueuePool):
    """A pool in which a connection that could not be opened leaves nobody waiting for it.

    SQLAlchemy's own gives up the place of such a connection without waking those who wait, until
    their time is over. Here the place is in the pool first, and returns to it.
    """

    __module__ = AsyncAdaptedQueuePool.__module__  # the name of its logger, whose level is SQLAlchemy's

    def _create_connection(self) -> ConnectionPoolEntry:
        return _ConnectionRecord(self, connect=False)


def create_engine(
    url: str,
    pool_size: int = 10,
    *,
    connections: PostgresConnections | None = None,
    max_lock_wait: float = MAX_LOCK_WAIT,
) -> AsyncEngine:
    """Create the engine of a database URL. SQLite has one connection: it has one writer.

    connections: opens the connections to PostgreSQL.
    """
    options: dict[str, Any] = {
        "json_serializer": json_text,
        "json_deserializer": msgspec.json.decode,
        "poolclass": _QueuePool,
        "max_overflow": 0,
        "pool_timeout": max(MAX_QUEUE_WAIT, max_lock_wait),
    }
    if url.startswith("sqlite"):
        engine = create_async_engine(url, pool_size=1, connect_args={"isolation_level": None}, **options)
        _configure_sqlite(engine, max_lock_wait)
        return engine

    arguments: dict[str, Any] = {"server_settings": _write_settings(max_lock_wait)}
    arguments |= {"timeout": CONNECT_TIMEOUT} if connections is None else {"async_creator_fn": connections.open}
    engine = create_async_engine(url, pool_size=pool_size, connect_args=arguments, **options)

    @event.listens_for(engine.sync_engine, "connect")
    def set_codecs(connection: Any, _: Any) -> None:
        connection.run_async(decode_uuids_as_text)

    @event.listens_for(engine.sync_engine, "checkout")
    def replace_closed(connection: Any, _: Any, __: Any) -> None:
        # The server has restarted since: without this, each idle connection would fail one write.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    return engine


def _write_settings(max_lock_wait: float) -> dict[str, str]:
    """Return PostgreSQL's settings of a connection for writes; times are in milliseconds."""
    return {
        "jit": "off",
        "application_name": "tradepost-writer",
        "lock_timeout": str(int(max_lock_wait * 1000)),
        "statement_timeout": str(int(max(MAX_STATEMENT, max_lock_wait) * 1000)),
        "idle_in_transaction_session_timeout": str(int(MAX_IDLE * 1000)),
    }


def _configure_sqlite(engine: AsyncEngine, max_lock_wait: float) -> None:
    event.listen(engine.sync_engine, "do_connect", connect)

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={int(max_lock_wait * 1000)}", *SQLITE_PRAGMAS):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    locked_at = 0.0

    # A deferred transaction that reads first fails at once if another write commits before its
    # own first write: its snapshot cannot be upgraded (STACK, 5).
    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        nonlocal locked_at
        # Writes that queued behind one that found the database locked have waited as long as it.
        has_waited = waiting_since.get() < locked_at
        if has_waited:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError:
            locked_at = monotonic()
            raise
        finally:
            if has_waited:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={int(max_lock_wait * 1000)}")


def json_text(value: Any) -> str:
    """Encode a value as JSON text."""
    return msgspec.json.encode(value).decode()
