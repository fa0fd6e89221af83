"""Reads events from the outbox and entries from the audit log."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def events_of(app: "TradepostApp", subject: str) -> list[tuple[str, Any]]:
    """Return type and data of the events about a row, in order."""
    async with app.state.database.session_factory() as session:
        events = await session.scalars(
            select(OutboxEvent).where(OutboxEvent.subject == subject).order_by(OutboxEvent.id)
        )
        return [(event.type, event.data) for event in events]


async def types_of(app: "TradepostApp", subject: str) -> list[str]:
    """Return the types of the events about a row, in order."""
    return [type for type, _ in await events_of(app, subject)]


async def entries_of(app: "TradepostApp", subject: str) -> list[AuditEntry]:
    """Return the audit entries about a row, in order."""
    async with app.state.database.session_factory() as session:
        return list(
            await session.scalars(select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id))
        )


async def count_entries(app: "TradepostApp") -> int:
    """Return the number of all audit entries."""
    async with app.state.database.session_factory() as session:
        return len((await session.scalars(select(AuditEntry.id))).all())


async def count_events(app: "TradepostApp") -> int:
    """Return the number of all events."""
    async with app.state.database.session_factory() as session:
        return len((await session.scalars(select(OutboxEvent.id))).all())
