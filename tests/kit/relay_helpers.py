"""Relays over one outbox, and functions of the tests that hear what is announced there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.worker.event_handlers import EventHandler
from tradepost.kit.worker.outbox_queue import EVENTS
from tradepost.kit.worker.outbox_relay import OutboxRelay
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database

SUBJECT = new_id(9)


class MovableClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        """The present, and what was added to it."""
        return now() + self.offset

    def advance(self, **much: float) -> None:
        """Time goes by."""
        self.offset += timedelta(**much)


def make_relay(database: Database, *deliveries: EventHandler, clock: Any = now, **more: Any) -> OutboxRelay:
    """A relay that hears these functions."""
    return OutboxRelay(
        database,
        lambda request_id: CallContext(ANONYMOUS, database, request_id, door="worker"),
        deliveries,
        clock=clock,
        **more,
    )


async def poll_and_finish(of: OutboxRelay) -> int:
    """One round, and the end of all that it began; how much that was."""
    of.acknowledged_at = 0.0
    begun = await of.poll_once()
    await of._finish()
    return begun


async def emit_events(database: Database, type: str, *many: dict[str, Any]) -> list[str]:
    """Events of a type with these data, each in a transaction of its own; their ids."""
    for data in many:
        async with database.transaction() as session:
            context = CallContext(ANONYMOUS, database, "the-request")
            context.work.session = session
            (context.emit_personal if type.startswith("mail.") else context.emit)(type, SUBJECT, **data)
    async with database.engine.connect() as connection:
        found = await connection.execute(select(EVENTS.c.id).where(EVENTS.c.type == type).order_by(EVENTS.c.id))
        return list(found.scalars())[-len(many) :]


async def stored_event(database: Database, id: str) -> Any:
    """An event as it is now."""
    async with database.engine.connect() as connection:
        return (await connection.execute(select(EVENTS).where(EVENTS.c.id == id))).one()


async def update_event(database: Database, id: str, **values: Any) -> None:
    """Changes an event, as time or another process would."""
    async with database.transaction() as session:
        await session.execute(update(EVENTS).where(EVENTS.c.id == id).values(**values))


async def wait_until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    """Waits for something to be so; half a minute at most."""
    for _ in range(1500):
        found = true()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("it did not come to be in 30 seconds")


async def is_sent(database: Database, id: str) -> bool:
    """Whether all was done with an event."""
    return (await stored_event(database, id)).sent_at is not None
