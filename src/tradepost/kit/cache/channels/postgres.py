"""PostgreSQL: NOTIFY in the transaction itself, so others hear of it exactly where it is committed, whatever becomes of this process.

Listening takes a connection of its own (LISTEN belongs to one session: a pooler in front of PostgreSQL has to be in session mode). A connection that does
not answer is found by asking it.
"""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ...query.readers.postgres import asyncpg_connect

if TYPE_CHECKING:
    from ..invalidation import Invalidation, Tags

NAME, LONGEST = "tradepost_written", 7900
"""The channel, of which each database has its own; and the bytes that PostgreSQL takes of one message."""
TICK, PATIENCE, LONGEST_PATIENCE = 0.4, 0.5, 5.0
"""Seconds between two questions, after how many without an answer it counts as deaf (a dead connection is noticed within their sum), and after how many
another connection is opened."""
LEAST_PAUSE, MOST_PAUSE = 0.25, 5.0

LOG = logging.getLogger("tradepost.read_cache")


class PostgresChannel:
    """LISTEN and NOTIFY. `arguments` are those of asyncpg's `connect`."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.task: asyncio.Task[None] | None = None
        self.connection: Any = None  # asyncpg has no types

    async def start(self, hearer: "Invalidation") -> None:
        """Listens; where that fails the search goes on beside the requests."""
        with suppress(Exception):
            await self._join(hearer)
        self.task = asyncio.create_task(self._listen_on(hearer))

    async def stop(self) -> None:
        """Listens no longer."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        self._leave()

    async def notify_in_transaction(self, session: AsyncSession, said: "Invalidation", tags: "Tags") -> None:
        """What the transaction will have changed."""
        await session.execute(select(func.pg_notify(NAME, said.encode_message(tags, LONGEST).decode())))

    def notify_after_commit(self, said: "Invalidation", tags: "Tags") -> None:
        """The commit has told it."""

    async def _join(self, hearer: "Invalidation") -> None:
        def heard(*said: Any) -> None:
            hearer.receive(said[-1])

        def ended(_: Any) -> None:
            hearer.set_connected(False)

        async with asyncio.timeout(2 * PATIENCE):
            self.connection = await asyncpg_connect(
                **self.arguments, server_settings={"application_name": "tradepost-listener"}
            )
            await self.connection.add_listener(NAME, heard)
        self.connection.add_termination_listener(ended)
        hearer.set_connected(True)

    async def _listen_on(self, hearer: "Invalidation") -> None:
        """Asks the connection whether it is there, and opens another one where it is not."""
        pause, warned = LEAST_PAUSE, False
        while True:
            try:
                if self.connection is None:
                    await self._join(hearer)
                pause, warned = LEAST_PAUSE, False
                while True:
                    await asyncio.sleep(TICK)
                    await self._ask(hearer)
            except Exception as fault:  # whatever it was: nobody else looks after this task
                hearer.set_connected(False)
                self._leave()
                if not warned:
                    LOG.warning(
                        "PostgreSQL does not tell what others write (%s): nothing is kept until it does",
                        type(fault).__name__,
                    )
                warned = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_PAUSE)

    async def _ask(self, hearer: "Invalidation") -> None:
        """Who has to wait for the answer is deaf until it comes: what came before it has been heard then."""
        late = asyncio.get_running_loop().call_later(PATIENCE, hearer.set_connected, False)
        try:
            async with asyncio.timeout(LONGEST_PATIENCE):
                await self.connection.execute("SELECT 1")
        finally:
            late.cancel()
        if hearer.is_suspended:
            hearer.set_connected(True)

    def _leave(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.terminate()
