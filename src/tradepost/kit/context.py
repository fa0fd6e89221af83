"""What surrounds one call: who calls, which database, which transaction (if one is open), which time."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from .caller import Caller
from .clock import Clock, now
from .database import Database
from .outbox import OutboxEvent
from .readers import Reader, WriteReader


class Context:
    """One call's surroundings. Services are built from it and share its transaction."""

    __slots__ = ("caller", "clock", "database", "made", "operation", "request_id", "session")

    def __init__(self, caller: Caller, database: Database, request_id: str = "", clock: Clock = now) -> None:
        self.caller, self.database, self.request_id, self.clock = caller, database, request_id, clock
        self.session: AsyncSession | None = None
        self.operation = ""
        # Members whose values we chose ourselves (a slug): a clash on them is ours to mend, by choosing again.
        self.made: set[str] = set()

    async def reader(self) -> Reader:
        """Where a read goes: to the open write after a flush, else to the thin reader."""
        if self.session is None:
            return self.database.reader
        await self.session.flush()
        return WriteReader(await self.session.connection(), self.database.reader)

    def announce(self, type: str, subject: str, **data: Any) -> None:
        """Puts an event into the outbox of the open write: it is there exactly where the change is."""
        assert self.session is not None, "an event is announced inside a write"
        self.session.add(OutboxEvent(type=type, subject=subject, data=data, request_id=self.request_id))
