"""The SQLAlchemy engine, used for writes and migrations."""

from typing import Any

import msgspec
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .asyncpg_codecs import decode_uuids_as_text

SQLITE_PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


def create_engine(url: str, pool_size: int = 10) -> AsyncEngine:
    """Create the engine of a database URL. SQLite has one connection: it has one writer."""
    json: dict[str, Any] = {"json_serializer": json_text, "json_deserializer": msgspec.json.decode}
    if url.startswith("sqlite"):
        engine = create_async_engine(url, pool_size=1, max_overflow=0, connect_args={"isolation_level": None}, **json)
        _configure_sqlite(engine)
        return engine

    engine = create_async_engine(
        url, pool_size=pool_size, max_overflow=0, connect_args={"server_settings": {"jit": "off"}}, **json
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_codecs(connection: Any, _: Any) -> None:
        connection.run_async(decode_uuids_as_text)

    return engine


def _configure_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    # A deferred transaction that reads first fails at once if another write commits before its
    # own first write: its snapshot cannot be upgraded (STACK, 5).
    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def json_text(value: Any) -> str:
    """Encode a value as JSON text."""
    return msgspec.json.encode(value).decode()
