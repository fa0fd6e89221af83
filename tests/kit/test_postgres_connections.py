"""A process that stops leaves no connection to PostgreSQL open."""

import asyncio
from typing import Any

import pytest

from tradepost.kit.db import postgres_connections
from tradepost.kit.db.postgres_connections import PostgresConnections


class Connection:
    """A connection that can only be closed."""

    closed = False

    def terminate(self) -> None:
        """Close it."""
        self.closed = True


class Server:
    """A server that accepts connections once it is `ready`."""

    def __init__(self) -> None:
        self.ready, self.connections = asyncio.Event(), list[Connection]()

    async def connect(self, **_: Any) -> Connection:
        """Open a connection."""
        await self.ready.wait()
        self.connections.append(Connection())
        return self.connections[-1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server that connections are opened to."""
    server = Server()
    monkeypatch.setattr(postgres_connections, "asyncpg_connect", server.connect)
    return server


async def test_a_watch_that_is_stopped_while_it_connects_closes_its_connection(server: Server) -> None:
    connections = PostgresConnections({})
    connections.start()
    for _ in range(5):
        await asyncio.sleep(0)
    server.ready.set()  # the connection is opened in the same step of the loop in which the watch is cancelled
    await connections.stop()
    assert [connection.closed for connection in server.connections] == [True]


async def test_connections_in_use_are_closed_at_the_end(server: Server) -> None:
    connections = PostgresConnections({})
    server.ready.set()
    connection = await connections.open()
    await connections.stop()
    assert connection.closed
