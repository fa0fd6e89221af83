"""Pending events: the outbox events and audit entries of an open write.

They are kept with the session and written just before the commit, by one statement per table. No
business rule reads either table inside a write.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncSession

from . import bulk
from .audit import AuditEntry
from .outbox import OutboxEvent, is_personal_event

PENDING_EVENTS = "pending_events"
"""The key in `session.info`."""

type Values = Mapping[str, Any]


class PendingEvents:
    """The events of one write, and their audit entries.

    handled: the events for the handlers of the transaction, of which they got the first `taken`.
    """

    __slots__ = ("entries", "events", "handled", "taken", "types")

    def __init__(self) -> None:
        self.types: set[str] = set()
        self.events: list[Values] = []
        self.entries: list[Values] = []
        self.handled: list[Values] = []
        self.taken = 0

    @classmethod
    def for_session(cls, session: AsyncSession) -> Self:
        """Return the pending events of an open write."""
        return session.info.get(PENDING_EVENTS) or session.info.setdefault(PENDING_EVENTS, cls())

    def add(self, type: str, subject: str, data: Mapping[str, Any], request_id: str, signature: Values) -> None:
        """Add an event, and its audit entry unless it holds personal data."""
        self.types.add(type)
        event = {"type": type, "subject": subject, "data": data, "request_id": request_id}
        self.events.append(event)
        self.handled.append(event)
        if not is_personal_event(type):
            self.entries.append({**event, **signature})

    def add_for_handlers(self, type: str, subject: str, data: Mapping[str, Any]) -> None:
        """Add an event that is not written."""
        self.handled.append({"type": type, "subject": subject, "data": data})

    def take_new(self, types: Collection[str]) -> list[Values]:
        """Return the events of some types that were added since the last call."""
        new, self.taken = self.handled[self.taken :], len(self.handled)
        return [event for event in new if event["type"] in types]

    @property
    def savepoint(self) -> tuple[int, int, int, int]:
        """The present numbers of events and entries, for `rollback_to`."""
        return len(self.events), len(self.entries), len(self.handled), self.taken

    def rollback_to(self, savepoint: tuple[int, int, int, int]) -> None:
        """Drop the events added since a savepoint."""
        events, entries, handled, self.taken = savepoint
        del self.events[events:], self.entries[entries:], self.handled[handled:]

    async def write(self, session: AsyncSession, now: datetime) -> None:
        """Write the events and entries, and clear them."""
        (events, entries), self.events, self.entries = (self.events, self.entries), [], []
        await bulk.insert_into_tables(session, now, (OutboxEvent, events), (AuditEntry, entries))
