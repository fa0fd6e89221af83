"""The pool for writes leaves no caller waiting if connections cannot be opened."""

import asyncio

import pytest

from tradepost.kit.db.engine import create_engine
from tradepost.kit.db.errors import unavailable
from tradepost.kit.db.postgres_connections import PostgresConnections
from tradepost.kit.problems import Unavailable


async def test_writes_are_refused_when_the_server_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        await asyncio.sleep(0)
        raise unavailable()

    connections = PostgresConnections({})
    monkeypatch.setattr(connections, "open", refuse)
    engine = create_engine("postgresql+asyncpg://shop@/shop", 2, connections=connections)

    async def connect() -> None:
        async with engine.connect():
            raise AssertionError

    results = await asyncio.wait_for(asyncio.gather(*[connect() for _ in range(9)], return_exceptions=True), 5)
    assert [type(result) for result in results] == [Unavailable] * 9
    await engine.dispose()
