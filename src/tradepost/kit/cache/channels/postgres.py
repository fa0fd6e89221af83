"""Invalidation through PostgreSQL's NOTIFY, sent in the writing transaction itself.

So other processes are notified exactly if the transaction commits, even if this process dies right
after. The listener needs a connection of its own: LISTEN belongs to one session, so a pooler in
front of PostgreSQL must be in session mode. The connection is pinged to notice that it is dead.
"""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ...db.postgres_connections import asyncpg_connect

if TYPE_CHECKING:
    from ..invalidation import Invalidation, Tags

NAME, MAX_BYTES = "tradepost_written", 7900
"""The channel (each database has its own), and the size of a payload that PostgreSQL accepts."""
PING_INTERVAL, SUSPEND_AFTER, RECONNECT_AFTER = 0.4, 0.5, 5.0
"""Seconds between two pings, and seconds without a reply until the cache is suspended and until
the connection is replaced. A dead connection is noticed within the sum of the first two."""
MIN_PAUSE, MAX_PAUSE = 0.25, 5.0
"""Seconds between two attempts to reconnect; the pause doubles after each failure."""

LOG = logging.getLogger("tradepost.read_cache")


class PostgresChannel:
    """LISTEN and NOTIFY. `arguments` are passed to `asyncpg.connect`."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.task: asyncio.Task[None] | None = None
        self.connection: Any = None  # asyncpg has no types

    async def start(self, invalidation: "Invalidation") -> None:
        """Listen. If that fails, keep trying in the background."""
        with suppress(Exception):
            await self._connect(invalidation)
        self.task = asyncio.create_task(self._run(invalidation))

    async def stop(self) -> None:
        """Stop listening."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        self._disconnect()

    async def notify_in_transaction(self, session: AsyncSession, invalidation: "Invalidation", tags: "Tags") -> None:
        """Send NOTIFY; PostgreSQL delivers it when the transaction commits."""
        await session.execute(select(func.pg_notify(NAME, invalidation.encode_message(tags, MAX_BYTES).decode())))

    def notify_after_commit(self, invalidation: "Invalidation", tags: "Tags") -> None:
        """No-op: NOTIFY was sent in the transaction."""

    async def _connect(self, invalidation: "Invalidation") -> None:
        def on_notification(connection: Any, pid: Any, channel: Any, payload: Any) -> None:
            invalidation.receive(payload)

        def on_termination(_: Any) -> None:
            invalidation.set_connected(False)

        async with asyncio.timeout(2 * SUSPEND_AFTER):
            connection = await asyncpg_connect(
                **self.arguments, server_settings={"application_name": "tradepost-listener"}
            )
            try:
                await connection.add_listener(NAME, on_notification)
            except BaseException:
                connection.terminate()
                raise
        connection.add_termination_listener(on_termination)
        self.connection = connection
        invalidation.set_connected(True)

    async def _run(self, invalidation: "Invalidation") -> None:
        """Ping the connection, and replace it when it is dead."""
        pause, warned = MIN_PAUSE, False
        while True:
            try:
                if self.connection is None:
                    await self._connect(invalidation)
                pause, warned = MIN_PAUSE, False
                while True:
                    await asyncio.sleep(PING_INTERVAL)
                    await self._ping(invalidation)
            except Exception as error:  # any error: nothing restarts this task
                invalidation.set_connected(False)
                self._disconnect()
                if not warned:
                    LOG.warning(
                        "Notifications from PostgreSQL are not received (%s): the read cache is suspended",
                        type(error).__name__,
                    )
                warned = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)

    async def _ping(self, invalidation: "Invalidation") -> None:
        """Ping the listener. If the reply is late, suspend the cache until it arrives.

        Notifications sent before the reply have been processed by then.
        """
        late = asyncio.get_running_loop().call_later(SUSPEND_AFTER, invalidation.set_connected, False)
        try:
            async with asyncio.timeout(RECONNECT_AFTER):
                await self.connection.execute("SELECT 1")
        finally:
            late.cancel()
        if invalidation.is_suspended:
            invalidation.set_connected(True)

    def _disconnect(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.terminate()
