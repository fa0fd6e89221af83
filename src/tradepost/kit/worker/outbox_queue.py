"""The events that wait in the outbox: which are due, taking the lease of some, and writing what became of them."""

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
# How many events one transaction passes over, and how often a write is tried that lost a race.
ACKNOWLEDGE_BATCH, TRIES = 5000, 5
# An event that was due for longer has no relay.
LONG = timedelta(minutes=5)
OVERDUE = select(EVENTS.c.id).where(EVENTS.c.due_at <= bindparam("now", required=False, type_=UTCDateTime)).limit(1)


async def is_behind(database: Database, moment: datetime) -> bool:
    """Whether an event has been due for minutes and no relay took it."""
    return await database.fetch_first(OVERDUE, {"now": moment - LONG}) is not None


class OutboxQueue:
    """What waits, for a relay that delivers some types. Those that it holds stay where they are; all others count as sent."""

    def __init__(self, database: Database, delivered: Collection[str], held: Collection[str]) -> None:
        self.database = database
        due = EVENTS.c.due_at <= bindparam("now", required=False, type_=UTCDateTime)
        self.heard, self.unheard = (
            (due, EVENTS.c.type.in_([*delivered])),
            (due, EVENTS.c.type.not_in([*delivered, *held])),
        )
        self.any_heard, self.any_unheard = (
            select(EVENTS.c.id).where(*which).limit(1) for which in (self.heard, self.unheard)
        )

    async def has_due(self, moment: datetime) -> bool:
        """Whether there is anything to deliver: one read, which takes no lock."""
        return await self.database.fetch_first(self.any_heard, {"now": moment}) is not None

    async def claim(self, moment: datetime, lease: timedelta, most: int) -> list[Event]:
        """Takes the lease of the events that are due the longest. It is held by whoever knows `attempts` as it was set here."""
        found = select(
            *[EVENTS.c[n] for n in ("id", "type", "subject", "data", "request_id", "created_at", "attempts")]
        ).where(*self.heard)
        found = found.order_by(EVENTS.c.due_at, EVENTS.c.id).limit(most).with_for_update(skip_locked=True)
        async with self.database.transaction() as session:
            rows = (await session.execute(found, {"now": moment})).all()
            if rows:
                mine = self.database.in_values(EVENTS.c.id, [row.id for row in rows])
                await session.execute(
                    update(EVENTS).where(mine).values(due_at=moment + lease, attempts=EVENTS.c.attempts + 1)
                )
        return [Event(r.id, r.type, r.subject, r.data, r.request_id, r.created_at, r.attempts + 1) for r in rows]

    async def acknowledge_unhandled(self, moment: datetime) -> None:
        """Marks as sent what nobody hears, thousands by one statement."""
        if await self.database.fetch_first(self.any_unheard, {"now": moment}) is None:
            return
        some = (
            select(EVENTS.c.id)
            .where(*self.unheard)
            .order_by(EVENTS.c.due_at, EVENTS.c.id)
            .limit(ACKNOWLEDGE_BATCH)
            .with_for_update(skip_locked=True)
        )
        emptied = case((EVENTS.c.type.startswith(PERSONAL_PREFIX), literal({}, Json)), else_=EVENTS.c.data)
        marked = update(EVENTS).where(EVENTS.c.id.in_(some)).values(sent_at=moment, due_at=None, data=emptied)
        while await self._write(marked, {"now": moment}) >= ACKNOWLEDGE_BATCH:
            pass

    async def mark_sent(self, event: Event, moment: datetime) -> bool:
        """All was done. False, here and below, where the lease was lost: then nothing is written."""
        return await self._mark(event, sent_at=moment, due_at=None, fault=None)

    async def retry_at(self, event: Event, moment: datetime, fault: str) -> bool:
        """The event is due again at that moment."""
        return await self._mark(event, due_at=moment, fault=fault)

    async def mark_dead(self, event: Event, fault: str) -> bool:
        """The event stays, and is never due again."""
        return await self._mark(event, due_at=None, fault=fault)

    async def _mark(self, event: Event, **values: Any) -> bool:
        if values["due_at"] is None and is_personal_event(event.type):
            values["data"] = {}
        mine = EVENTS.c.id == event.id, EVENTS.c.attempts == event.attempt, EVENTS.c.due_at.is_not(None)
        return await self._write(update(EVENTS).where(*mine).values(**values)) == 1

    async def _write(self, statement: Any, given: dict[str, Any] | None = None) -> int:
        """One statement in its transaction, again where a race was lost; tells how many rows it changed."""
        for _ in range(TRIES):
            try:
                async with self.database.transaction() as session:
                    done: Any = await session.execute(statement, given or {})
                return done.rowcount
            except LostRace:
                continue
        raise LostRace
