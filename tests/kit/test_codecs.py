"""Times go to a database and come back exact to the microsecond, whenever they are and however it writes them for others."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tradepost.kit.clock import to_datetime
from tradepost.kit.db.column_types import UTCDateTime
from tradepost.kit.query.readers.postgres import PostgresReader
from tradepost.kit.query.readers.postgres_pool import asyncpg_connect
from tradepost.kit.query.readers.protocol import Reader
from tradepost.kit.query.readers.sqlite import SqliteReader
from tradepost.kit.query.statement import Statement

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ASKED = {"postgresql": "SELECT $1::timestamptz", "sqlite": "SELECT ?"}


async def echo(reader: Reader, time: datetime) -> Any:
    """What comes back of a time that a reader was given."""
    bind = UTCDateTime().bind_processor(reader.dialect)
    assert bind is not None
    return (await reader.fetch_one(Statement(ASKED[reader.dialect.name], (), True), [bind(time)]))[0]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.datetimes(timezones=st.just(UTC)))
@example(NOON)
@example(NOON.replace(microsecond=1))
@example(NOON.replace(microsecond=500_000))
@example(NOON.replace(microsecond=123_450))
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime.max.replace(tzinfo=UTC))
async def test_a_time_comes_back_as_it_went(app: "TradepostApp", time: datetime) -> None:
    found = to_datetime(await echo(app.state.database.reader, time))
    assert found == time
    assert found.utcoffset() == timedelta(0)


async def test_a_database_that_writes_times_otherwise_is_read_all_the_same(empty_url: str) -> None:
    reader = SqliteReader(empty_url) if empty_url.startswith("sqlite") else PostgresReader(empty_url)
    if isinstance(reader, PostgresReader):
        connection = await asyncpg_connect(**reader.connect_arguments)
        name = await connection.fetchval("SELECT current_database()")
        for words in ("datestyle = 'German, DMY'", "timezone = 'America/St_Johns'"):
            await connection.execute(f'ALTER DATABASE "{name}" SET {words}')
        await connection.close()
    await reader.start()
    found = to_datetime(await echo(reader, NOON))
    assert (found, found.utcoffset()) == (NOON, timedelta(0))
    await reader.stop()
