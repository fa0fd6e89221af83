"""Times are stored and read exactly to the microsecond, whatever the settings of the database."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tradepost.kit.clock import to_datetime
from tradepost.kit.db.column_types import UTCDateTime
from tradepost.kit.db.postgres_connections import asyncpg_connect
from tradepost.kit.query.readers.postgres import PostgresReader
from tradepost.kit.query.readers.protocol import Reader
from tradepost.kit.query.readers.sqlite import SqliteReader
from tradepost.kit.query.statement import Statement

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SELECT = {"postgresql": "SELECT $1::timestamptz", "sqlite": "SELECT ?"}


async def echo(reader: Reader, time: datetime) -> Any:
    """Send a time to the database and return what it sends back."""
    bind = UTCDateTime().bind_processor(reader.dialect)
    assert bind is not None
    return (await reader.fetch_one(Statement(SELECT[reader.dialect.name], (), True), [bind(time)]))[0]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.datetimes(timezones=st.just(UTC)))
@example(NOON)
@example(NOON.replace(microsecond=1))
@example(NOON.replace(microsecond=500_000))
@example(NOON.replace(microsecond=123_450))
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime.max.replace(tzinfo=UTC))
async def test_a_time_is_read_as_it_was_written(app: "TradepostApp", time: datetime) -> None:
    result = to_datetime(await echo(app.state.database.reader, time))
    assert result == time
    assert result.utcoffset() == timedelta(0)


async def test_the_date_style_and_time_zone_of_the_database_do_not_matter(empty_url: str) -> None:
    reader = SqliteReader(empty_url) if empty_url.startswith("sqlite") else PostgresReader(empty_url)
    if isinstance(reader, PostgresReader):
        connection = await asyncpg_connect(**reader.connect_arguments)
        name = await connection.fetchval("SELECT current_database()")
        for setting in ("datestyle = 'German, DMY'", "timezone = 'America/St_Johns'"):
            await connection.execute(f'ALTER DATABASE "{name}" SET {setting}')
        await connection.close()
    await reader.start()
    result = to_datetime(await echo(reader, NOON))
    assert (result, result.utcoffset()) == (NOON, timedelta(0))
    await reader.stop()
    if isinstance(reader, PostgresReader):
        await reader.connections.stop()
