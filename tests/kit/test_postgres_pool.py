"""The pool for reads leaves no caller waiting if connections are lost."""

import asyncio
from typing import Any, cast

import pytest

from tradepost.kit.db.errors import unavailable
from tradepost.kit.db.postgres_connections import PostgresConnections
from tradepost.kit.problems import Unavailable
from tradepost.kit.query.readers import postgres_pool
from tradepost.kit.query.readers.postgres_pool import PooledConnection, PostgresPool


class Connection:
    """A connection that can only be closed."""

    closed = False

    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def terminate(self) -> None:
        """Close it."""
        self.closed = True

    async def set_codec(self, *_: Any, **__: Any) -> None:
        """Accept a codec."""

    set_type_codec = set_builtin_type_codec = set_codec


class Connections:
    """Opens connections, unless the server is down."""

    arguments: dict[str, Any] = {}
    is_down = False

    async def open(self, **_: Any) -> Connection:
        """Open a connection, or raise Unavailable."""
        await asyncio.sleep(0)
        if self.is_down:
            raise unavailable()
        return Connection()


@pytest.fixture
def connections() -> Connections:
    """A server."""
    return Connections()


@pytest.fixture
def pool(connections: Connections) -> PostgresPool:
    """A pool of two connections."""
    return PostgresPool(cast(PostgresConnections, connections), {}, 2)


async def with_waiters(pool: PostgresPool) -> tuple[list[PooledConnection], list[asyncio.Task[PooledConnection]]]:
    """Take all connections and let five tasks wait for one."""
    taken = [await pool.acquire() for _ in range(pool.size)]
    waiters = [asyncio.create_task(pool.acquire()) for _ in range(5)]
    await asyncio.sleep(0)
    return taken, waiters


async def test_waiters_are_refused_when_the_server_goes_away(pool: PostgresPool, connections: Connections) -> None:
    taken, waiters = await with_waiters(pool)
    connections.is_down = True
    for pooled in taken:
        pooled[0].terminate()
        pool.release(pooled)
    results = await asyncio.wait_for(asyncio.gather(*waiters, return_exceptions=True), 2)
    assert [type(result) for result in results] == [Unavailable] * 5
    assert (pool.opened, pool.free, len(pool.waiters)) == (0, [], 0)
    connections.is_down = False
    assert not (await pool.acquire())[0].is_closed()


async def test_waiters_get_new_connections_when_old_ones_were_closed(pool: PostgresPool) -> None:
    taken, waiters = await with_waiters(pool)
    for pooled in taken:
        pooled[0].terminate()
        pool.release(pooled)
    for waiter in waiters:
        pooled = await asyncio.wait_for(waiter, 2)
        assert not pooled[0].is_closed()
        pool.release(pooled)
    assert pool.opened == len(pool.free) == 2


async def test_a_cancelled_waiter_passes_on_what_it_was_given(pool: PostgresPool) -> None:
    taken, waiters = await with_waiters(pool)
    pool.release(taken[0])
    waiters[0].cancel()
    assert await asyncio.wait_for(waiters[1], 2) is taken[0]
    for waiter in waiters[2:]:
        waiter.cancel()
    await asyncio.wait(waiters)
    pool.release(taken[1])
    assert pool.free == [taken[1]]


async def test_waiting_ends(pool: PostgresPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_pool, "MAX_QUEUE_WAIT", 0.01)
    _, waiters = await with_waiters(pool)
    results = await asyncio.wait_for(asyncio.gather(*waiters, return_exceptions=True), 2)
    assert [type(result) for result in results] == [Unavailable] * 5
