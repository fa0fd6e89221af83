"""Reading SQLite: on the loop where it is short, in a thread where it is not."""

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
    made = SqliteReader(f"sqlite+aiosqlite:///{tmp_path / 'reader.db'}", threads=1)
    await made.start()
    yield made
    await made.stop()


async def test_a_bounded_read_that_is_slow_leaves_the_loop_and_is_answered_all_the_same(reader: SqliteReader) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    assert (await reader.fetch_one(Statement(LONG, (), True), [1_500_000]))[0] == 1_500_000
    task.cancel()
    assert turns > 10, "nobody else had a turn while the read ran"


async def test_a_fault_of_a_statement_is_no_reason_to_try_it_again(reader: SqliteReader) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await reader.fetch_all(Statement("SELECT * FROM nowhere", (), True), [])


async def test_a_cancelled_read_is_interrupted_and_its_connection_serves_the_next(reader: SqliteReader) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.fetch_all(Statement(LONG, (), False), [10**9])
    async with asyncio.timeout(5):
        assert (await reader.fetch_one(Statement(LONG, (), False), [3]))[0] == 3
