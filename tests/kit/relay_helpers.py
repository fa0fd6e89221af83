"""Helpers for tests of the outbox: relays, events, and a clock that a test moves."""

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
        """Return the current time plus the offset."""
        return now() + self.offset

    def advance(self, **duration: float) -> None:
        """Move the clock forward."""
        self.offset += timedelta(**duration)


def make_relay(database: Database, *handlers: EventHandler, clock: Any = now, **options: Any) -> OutboxRelay:
    """Return a relay with these handlers."""
    return OutboxRelay(
        database,
        lambda request_id: CallContext(ANONYMOUS, database, request_id, door="worker"),
        handlers,
        clock=clock,
        **options,
    )


async def poll_and_finish(relay: OutboxRelay) -> int:
    """Poll once and wait for the deliveries; return their number."""
    relay.acknowledged_at = 0.0
    started = await relay.poll_once()
    await relay._finish()
    return started


async def emit_events(database: Database, type: str, *events: dict[str, Any]) -> list[str]:
    """Emit events of a type with these data, each in its own transaction; return their ids."""
    for data in events:
        async with database.transaction() as session:
            context = CallContext(ANONYMOUS, database, "the-request")
            context.work.session = session
            (context.emit_personal if type.startswith("mail.") else context.emit)(type, SUBJECT, **data)
    async with database.engine.connect() as connection:
        ids = await connection.execute(select(EVENTS.c.id).where(EVENTS.c.type == type).order_by(EVENTS.c.id))
        return list(ids.scalars())[-len(events) :]


async def stored_event(database: Database, id: str) -> Any:
    """Return the current row of an event."""
    async with database.engine.connect() as connection:
        return (await connection.execute(select(EVENTS).where(EVENTS.c.id == id))).one()


async def update_event(database: Database, id: str, **values: Any) -> None:
    """Change the row of an event, as time or another process would."""
    async with database.transaction() as session:
        await session.execute(update(EVENTS).where(EVENTS.c.id == id).values(**values))


async def wait_until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until the condition is true, for at most 30 seconds."""
    for _ in range(1500):
        result = condition()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("the condition did not become true in 30 seconds")


async def is_sent(database: Database, id: str) -> bool:
    """Whether an event has been delivered."""
    return (await stored_event(database, id)).sent_at is not None
