"""The connection for writes to SQLite: one call of its thread per statement."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiosqlite import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradepost.kit.db.engine import create_engine

pytestmark = pytest.mark.anyio
INSERT = "INSERT INTO shelf (name) VALUES (?)"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """The engine of a database with one empty table."""
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}")
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    yield engine
    await engine.dispose()


async def names(connection: AsyncConnection) -> list[str]:
    """Return all names in the table."""
    rows = await connection.exec_driver_sql("SELECT id, name FROM shelf ORDER BY id")
    assert list(rows.keys()) == ["id", "name"]
    return [name for _, name in rows.all()]


async def test_a_statement_returns_its_rows_and_how_many_it_changed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        added: Any = await connection.exec_driver_sql(INSERT, ("oak",))
        assert (added.rowcount, added.lastrowid, added.returns_rows) == (1, 1, False)
        await connection.exec_driver_sql(INSERT, [("elm",), ("ash",)])
        renamed = await connection.exec_driver_sql("UPDATE shelf SET name = name || '!' WHERE id > 1 RETURNING id")
        assert renamed.scalars().all() == [2, 3]
        assert await names(connection) == ["oak", "elm!", "ash!"]
        gone = await connection.exec_driver_sql("DELETE FROM shelf WHERE id > 1")
        assert gone.rowcount == 2
        assert (await connection.exec_driver_sql("SELECT 1 WHERE 0")).all() == []


async def test_a_transaction_calls_the_thread_once_per_statement_and_for_the_commit(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, execute = list[Any](), Connection._execute  # pyright: ignore[reportPrivateUsage]

    async def counted(self: Connection, function: Any, *arguments: Any) -> Any:
        calls.append(function)
        return await execute(self, function, *arguments)

    monkeypatch.setattr(Connection, "_execute", counted)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(INSERT, ("oak",))
        assert await names(connection) == ["oak"]
    assert len(calls) == len(["BEGIN", "INSERT", "SELECT", "COMMIT"])


async def test_what_fails_is_rolled_back_also_after_a_transaction_that_was_committed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql(INSERT, ("oak",))
    async with engine.connect() as connection:
        await connection.exec_driver_sql(INSERT, ("elm",))
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await connection.exec_driver_sql(INSERT, ("oak",))
    async with engine.connect() as connection:
        await connection.exec_driver_sql(INSERT, ("ash",))  # neither committed nor rolled back
    async with engine.begin() as connection:
        assert await names(connection) == ["oak"]


async def test_a_transaction_that_is_cancelled_while_it_begins_leaves_no_lock(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async def write() -> None:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(INSERT, ("oak",))

    await write()
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(write())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other.execute("COMMIT")
        async with engine.begin() as connection:
            assert await names(connection) == ["oak"]
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
