"""Invalidation on SQLite: every process polls the file for commits of other processes.

`PRAGMA data_version` is read on the one connection that this process writes through. Its own
commits do not change the number there; they invalidate by tags. A commit of another process clears
the cache. While a write of this process occupies the connection it cannot be polled, and the cache
is suspended until it can.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

if TYPE_CHECKING:
    from ..invalidation import Invalidation, Tags

POLL_INTERVAL, SUSPEND_AFTER = 0.7, 0.2
"""Seconds between two polls, and for one. Another process's write is noticed within their sum."""


class SqliteChannel:
    """The database file itself: nothing is sent."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.task: asyncio.Task[None] | None = None
        self.connection: Any = None
        self.version = 0

    async def start(self, invalidation: "Invalidation") -> None:
        """Poll once, and then regularly in the background."""
        await self._poll(invalidation)
        self.task = asyncio.create_task(self._run(invalidation))

    async def stop(self) -> None:
        """Stop polling."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def notify_in_transaction(self, session: AsyncSession, invalidation: "Invalidation", tags: "Tags") -> None:
        """No-op: other processes poll the file."""

    def notify_after_commit(self, invalidation: "Invalidation", tags: "Tags") -> None:
        """No-op: other processes poll the file."""

    async def _run(self, invalidation: "Invalidation") -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL)
            await self._poll(invalidation)

    async def _poll(self, invalidation: "Invalidation") -> None:
        """Clear the cache if another process has committed since the last poll."""
        late = asyncio.get_running_loop().call_later(SUSPEND_AFTER, invalidation.set_connected, False)
        try:
            connection, version = await self._data_version()
        except Exception:  # any error: it is unknown whether the file has changed
            invalidation.set_connected(False)
            return
        finally:
            late.cancel()
        if connection is not self.connection or version != self.version or invalidation.is_suspended:
            invalidation.set_connected(True)
        self.connection, self.version = connection, version

    async def _data_version(self) -> tuple[Any, int]:
        """Return the driver's connection, and the file's version as that connection sees it."""
        async with self.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            async with driver.execute("PRAGMA data_version") as cursor:
                return driver, (await cursor.fetchone())[0]
