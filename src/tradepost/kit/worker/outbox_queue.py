"""The outbox as a queue: which events are due, leasing them, and recording the outcome."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, literal, select, update

from ..db.column_types import Json, UTCDateTime
from ..db.errors import LostRace
from ..writes.database import Database
from ..writes.outbox import PERSONAL_PREFIX, OutboxEvent, is_personal_event
from .event_handlers import Event

EVENTS: Any = OutboxEvent.__table__
ACKNOWLEDGE_BATCH, MAX_TRIES = 5000, 5
"""Events that one transaction acknowledges, and attempts at a write that loses races."""
OVERDUE_AFTER = timedelta(minutes=5)
OVERDUE = select(EVENTS.c.id).where(EVENTS.c.due_at <= bindparam("now", required=False, type_=UTCDateTime)).limit(1)


async def is_behind(database: Database, time: datetime) -> bool:
    """Whether an event has been due for five minutes, so that no relay seems to run."""
    return await database.fetch_first(OVERDUE, {"now": time - OVERDUE_AFTER}) is not None


class OutboxQueue:
    """The events for a relay that handles some types.

    Events of `held` types stay in the queue. Events of all other types count as sent.
    """

    def __init__(self, database: Database, handled: Collection[str], held: Collection[str]) -> None:
        self.database = database
        due = EVENTS.c.due_at <= bindparam("now", required=False, type_=UTCDateTime)
        self.is_handled = due, EVENTS.c.type.in_([*handled])
        self.is_unhandled = due, EVENTS.c.type.not_in([*handled, *held])
        self.any_handled = select(EVENTS.c.id).where(*self.is_handled).limit(1)
        self.any_unhandled = select(EVENTS.c.id).where(*self.is_unhandled).limit(1)

    async def has_due(self, time: datetime) -> bool:
        """Whether an event is due: one read without a lock."""
        return await self.database.fetch_first(self.any_handled, {"now": time}) is not None

    async def claim(self, time: datetime, lease: timedelta, limit: int) -> list[Event]:
        """Lease up to `limit` events, the longest due first, and return them.

        The lease belongs to the relay whose `attempt` equals the row's `attempts`.
        """
        columns = [EVENTS.c[n] for n in ("id", "type", "subject", "data", "request_id", "created_at", "attempts")]
        query = select(*columns).where(*self.is_handled).order_by(EVENTS.c.due_at, EVENTS.c.id)
        query = query.limit(limit).with_for_update(skip_locked=True)
        async with self.database.transaction() as session:
            rows = (await session.execute(query, {"now": time})).all()
            if rows:
                is_claimed = self.database.in_values(EVENTS.c.id, [row.id for row in rows])
                await session.execute(
                    update(EVENTS).where(is_claimed).values(due_at=time + lease, attempts=EVENTS.c.attempts + 1)
                )
        return [Event(r.id, r.type, r.subject, r.data, r.request_id, r.created_at, r.attempts + 1) for r in rows]

    async def acknowledge_unhandled(self, time: datetime) -> None:
        """Mark events without a handler as sent, thousands per statement."""
        if await self.database.fetch_first(self.any_unhandled, {"now": time}) is None:
            return
        batch = (
            select(EVENTS.c.id)
            .where(*self.is_unhandled)
            .order_by(EVENTS.c.due_at, EVENTS.c.id)
            .limit(ACKNOWLEDGE_BATCH)
            .with_for_update(skip_locked=True)
        )
        data = case((EVENTS.c.type.startswith(PERSONAL_PREFIX), literal({}, Json)), else_=EVENTS.c.data)
        statement = update(EVENTS).where(EVENTS.c.id.in_(batch)).values(sent_at=time, due_at=None, data=data)
        while await self._write(statement, {"now": time}) >= ACKNOWLEDGE_BATCH:
            pass

    async def mark_sent(self, event: Event, time: datetime) -> bool:
        """Record that all handlers succeeded.

        This and the following methods write nothing and return False if the lease was lost.
        """
        return await self._mark(event, sent_at=time, due_at=None, fault=None)

    async def retry_at(self, event: Event, time: datetime, error: str) -> bool:
        """Record a failure, and make the event due again at a time."""
        return await self._mark(event, due_at=time, fault=error)

    async def mark_dead(self, event: Event, error: str) -> bool:
        """Record a failure, and never make the event due again."""
        return await self._mark(event, due_at=None, fault=error)

    async def _mark(self, event: Event, **values: Any) -> bool:
        if values["due_at"] is None and is_personal_event(event.type):
            values["data"] = {}
        has_lease = EVENTS.c.id == event.id, EVENTS.c.attempts == event.attempt, EVENTS.c.due_at.is_not(None)
        return await self._write(update(EVENTS).where(*has_lease).values(**values)) == 1

    async def _write(self, statement: Any, parameters: dict[str, Any] | None = None) -> int:
        """Execute a statement in a transaction, again after a lost race. Return the row count."""
        for _ in range(MAX_TRIES):
            try:
                async with self.database.transaction() as session:
                    result: Any = await session.execute(statement, parameters or {})
                return result.rowcount
            except LostRace:
                continue
        raise LostRace
