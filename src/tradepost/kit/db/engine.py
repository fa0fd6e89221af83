"""Engine."""

from typing import Any

import msgspec
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .asyncpg_codecs import decode_uuids_as_text

SQLITE_PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


def create_engine(url: str, pool_size: int = 10) -> AsyncEngine:
    """An engine whose transactions are right for writes: SQLite's begin with BEGIN IMMEDIATE, because a snapshot that is upgraded fails at once (STACK, 5)."""
    dumps: dict[str, Any] = {"json_serializer": json_text, "json_deserializer": msgspec.json.decode}
    if not url.startswith("sqlite"):
        made = create_async_engine(
            url, pool_size=pool_size, max_overflow=0, connect_args={"server_settings": {"jit": "off"}}, **dumps
        )

        @event.listens_for(made.sync_engine, "connect")
        def ids(connection: Any, _: Any) -> None:
            connection.run_async(decode_uuids_as_text)

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


def json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
