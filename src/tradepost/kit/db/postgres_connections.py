"""The connections of a process to PostgreSQL, and a watch that the server responds.

A server that hangs closes no connection, and a slow statement looks like a hanging server. So a
connection of its own is pinged all the time: if a ping gets no reply, every connection is closed,
which ends the requests that wait for one with 503, and none is opened until the server responds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from time import monotonic
from typing import Any
from weakref import WeakSet

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from .errors import CONNECTION_ERRORS, unavailable

PING_INTERVAL, MAX_SILENCE = 0.25, 1.2
"""Seconds between two pings, and seconds that a reply may take. Together they are well below the
2 s within which every request gets its answer."""
CONNECT_TIMEOUT = 1.5
"""Seconds that opening a connection may take."""
REPORT_INTERVAL = 10.0
"""Seconds between two log entries about refused connections."""
STEP = 0.1
"""Seconds between two looks for the reply."""

LOG = logging.getLogger("tradepost.database")
LOG.addHandler(logging.NullHandler())  # commands, which configure no logging, report errors themselves

# asyncpg has no types.
asyncpg_connect: Any = asyncpg.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class PostgresConnections:
    """Opens connections to one server, and closes them all when it stops responding.

    arguments: those of `asyncpg.connect`.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.arguments, self.is_down = arguments, False
        self.connections, self.opening = WeakSet[Any](), set[asyncio.Timeout]()
        self.refusal_reported_at = -REPORT_INTERVAL
        self.watcher: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to watch the server."""
        self.watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching, and close what the pools could not close because it was in use."""
        if self.watcher is not None:
            self.watcher.cancel()
            await asyncio.wait([self.watcher])
        for connection in list(self.connections):
            connection.terminate()

    async def open(self, **arguments: Any) -> Any:
        """Open a connection with these arguments, or raise Unavailable."""
        if self.is_down:
            raise unavailable()
        timeout = asyncio.timeout(CONNECT_TIMEOUT)
        try:
            async with timeout:
                self.opening.add(timeout)
                connection = await asyncpg_connect(**arguments)
        except CONNECTION_ERRORS as error:
            if isinstance(error, asyncpg.PostgresError):  # the watch reports the others
                self._report_refusal(error)
            raise unavailable() from error
        finally:
            self.opening.discard(timeout)
        self.connections.add(connection)
        return connection

    def _report_refusal(self, error: Exception) -> None:
        """Log why the server refuses connections, from time to time."""
        if monotonic() - self.refusal_reported_at > REPORT_INTERVAL:
            self.refusal_reported_at = monotonic()
            LOG.error("PostgreSQL refuses connections (%s): requests that need one get 503", reason(error))

    async def _watch(self) -> None:
        """Ping the server, and note whether it responds."""
        connection: Any = None
        while True:
            try:
                connection = await self._ping(connection)
            except Exception:  # any error: nothing restarts this task
                LOG.exception("PostgreSQL could not be watched")
                self.is_down, connection = False, None
            await asyncio.sleep(PING_INTERVAL)

    async def _ping(self, connection: Any) -> Any:
        """Ping once, and return the connection if it can be used again."""
        try:
            if connection is None or not await self._replies(connection):
                connection = await _within(MAX_SILENCE, self._open_to_watch())
        except TimeoutError:
            self._set_down(f"no reply within {MAX_SILENCE} s")
        except asyncpg.CannotConnectNowError as error:  # it is starting or stopping
            self._set_down(reason(error))
        except asyncpg.PostgresError:
            # It responds: it may have too many connections, and serve those that it has.
            self._set_up()
        except CONNECTION_ERRORS as error:
            self._set_down(reason(error))
        else:
            self._set_up()
            return connection
        return None

    async def _open_to_watch(self) -> Any:
        """Open the connection to ping. `stop` closes it, even if nobody awaits this any more."""
        settings = {"application_name": "tradepost-watcher"}
        connection = await asyncpg_connect(**self.arguments, server_settings=settings)
        self.connections.add(connection)
        return connection

    async def _replies(self, connection: Any) -> bool:
        """Whether a connection can be used; if it was closed, the server may be well.

        Raise TimeoutError if there is no reply.
        """
        try:
            await _within(MAX_SILENCE, connection.execute("SELECT 1"))
        except TimeoutError:
            connection.terminate()
            raise
        except CONNECTION_ERRORS:
            connection.terminate()
            return False
        return True

    def _set_down(self, why: str) -> None:
        """Close all connections, so that nothing waits for the server."""
        if not self.is_down:
            LOG.error("PostgreSQL does not respond (%s): requests get 503 until it does", why)
        self.is_down = True
        for connection in list(self.connections):
            connection.terminate()
        for timeout in self.opening:
            if not timeout.expired():
                timeout.reschedule(0)

    def _set_up(self) -> None:
        if self.is_down:
            LOG.warning("PostgreSQL responds again")
        self.is_down = False


async def _within[T](seconds: float, reply: Awaitable[T]) -> T:
    """Await a reply, or raise TimeoutError.

    The time is counted in steps, because a process that is busy may have the reply and not have
    read it yet: such a time counts as one step.
    """
    loop, task, waited = asyncio.get_running_loop(), asyncio.ensure_future(reply), 0.0
    try:
        while waited < seconds:
            started = loop.time()
            done, _ = await asyncio.wait([task], timeout=STEP)
            if done:
                return task.result()
            waited += min(loop.time() - started, 2 * STEP)
        raise TimeoutError
    finally:
        task.cancel()


def reason(error: BaseException) -> str:
    """Return an error as one line for logs and for the command line."""
    text = (isinstance(error, OSError) and error.strerror) or str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
