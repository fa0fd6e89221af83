"""SQLite: every process looks once a second whether another one has written into the file.

`PRAGMA data_version` is asked on the one connection that this process writes through: its own commits do not change the number there, so they
drop by tags alone. A commit of another process drops everything. While a write of our own holds that connection it cannot be asked; everything is
dropped then until it can.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

if TYPE_CHECKING:
    from ..invalidation import Invalidation, Tags

TICK, PATIENCE = 0.7, 0.2
"""Seconds between two looks, and for one: a write elsewhere is noticed within their sum."""


class SqliteChannel:
    """The file itself. Nobody needs to be told anything."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.task: asyncio.Task[None] | None = None
        self.connection: Any = None
        self.version = 0

    async def start(self, hearer: "Invalidation") -> None:
        """Looks once, and from now on every second."""
        await self._look(hearer)
        self.task = asyncio.create_task(self._look_on(hearer))

    async def stop(self) -> None:
        """Looks no longer."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def notify_in_transaction(self, session: AsyncSession, said: "Invalidation", tags: "Tags") -> None:
        """The commit is all that others have to see."""

    def notify_after_commit(self, said: "Invalidation", tags: "Tags") -> None:
        """So it is after it."""

    async def _look_on(self, hearer: "Invalidation") -> None:
        while True:
            await asyncio.sleep(TICK)
            await self._look(hearer)

    async def _look(self, hearer: "Invalidation") -> None:
        """Hears whether another connection has written since the last look."""
        late = asyncio.get_running_loop().call_later(PATIENCE, hearer.set_connected, False)
        try:
            found = await self._ask()
        except Exception:  # whatever it is that went wrong: nothing is known
            hearer.set_connected(False)
            return
        finally:
            late.cancel()
        if found[0] is not self.connection or found[1] != self.version or hearer.is_suspended:
            hearer.set_connected(True)
        self.connection, self.version = found

    async def _ask(self) -> tuple[Any, int]:
        async with self.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            async with driver.execute("PRAGMA data_version") as cursor:
                return driver, (await cursor.fetchone())[0]
