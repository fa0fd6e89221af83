"""What an open write announces. It is kept beside the session and written just before the commit, by one statement for each table: the outbox
and the audit hold it exactly where the change is, and no rule reads either inside a write."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncSession

from . import bulk
from .audit import AuditEntry
from .outbox import OutboxEvent, is_personal_event

type Values = Mapping[str, Any]


class PendingEvents:
    """The events of one write, and the audit's entries beside them."""

    __slots__ = ("entries", "events", "types")

    def __init__(self) -> None:
        self.types: set[str] = set()
        self.events: list[Values] = []
        self.entries: list[Values] = []

    @classmethod
    def for_session(cls, session: AsyncSession) -> Self:
        """Those of an open write."""
        return session.info.get("announced") or session.info.setdefault("announced", cls())

    def add(self, type: str, subject: str, data: Mapping[str, Any], request_id: str, signature: Values) -> None:
        """One more event. What is personal has no entry: the audit would keep it."""
        self.types.add(type)
        event = {"type": type, "subject": subject, "data": data, "request_id": request_id}
        self.events.append(event)
        if not is_personal_event(type):
            self.entries.append({**event, **signature})

    @property
    def savepoint(self) -> tuple[int, int]:
        """How much there is so far, for `back_to`."""
        return len(self.events), len(self.entries)

    def rollback_to(self, mark: tuple[int, int]) -> None:
        """Forgets what came since: a part of the write was taken back."""
        del self.events[mark[0] :], self.entries[mark[1] :]

    async def write(self, session: AsyncSession, now: datetime) -> None:
        """Writes what there is, once."""
        (events, entries), self.events, self.entries = (self.events, self.entries), [], []
        await bulk.insert_rows(session, OutboxEvent, events, now)
        await bulk.insert_rows(session, AuditEntry, entries, now)
