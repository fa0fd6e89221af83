"""The SQLite reader runs short reads on the event loop and long ones in a thread."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tradepost.kit.query.readers.sqlite import SqliteReader
from tradepost.kit.query.statement import Statement

pytestmark = pytest.mark.anyio

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n"


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[SqliteReader]:
    """A reader of an empty database, with one thread."""
    reader = SqliteReader(f"sqlite+aiosqlite:///{tmp_path / 'reader.db'}", threads=1)
    await reader.start()
    yield reader
    await reader.stop()


async def test_a_slow_bounded_read_moves_to_a_thread_and_returns_its_rows(reader: SqliteReader) -> None:
    iterations = 0

    async def count_iterations() -> None:
        nonlocal iterations
        while True:
            iterations += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(count_iterations())
    assert (await reader.fetch_one(Statement(LONG, (), True), [1_500_000]))[0] == 1_500_000
    task.cancel()
    assert iterations > 10, "the read blocked the event loop"


async def test_an_error_of_a_statement_is_raised(reader: SqliteReader) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await reader.fetch_all(Statement("SELECT * FROM nowhere", (), True), [])


async def test_a_cancelled_read_is_interrupted_and_its_connection_is_reused(reader: SqliteReader) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.fetch_all(Statement(LONG, (), False), [10**9])
    async with asyncio.timeout(5):
        assert (await reader.fetch_one(Statement(LONG, (), False), [3]))[0] == 3
