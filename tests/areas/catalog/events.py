"""What the shop announced and who did it: a look into the outbox and the audit."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tradepost.kit.writes.audit import AuditEntry
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def events_of(app: "TradepostApp", subject: str) -> list[tuple[str, Any]]:
    """Type and data of the events about a row, in order."""
    async with app.state.database.sessions() as session:
        found = await session.scalars(
            select(OutboxEvent).where(OutboxEvent.subject == subject).order_by(OutboxEvent.id)
        )
        return [(event.type, event.data) for event in found]


async def types_of(app: "TradepostApp", subject: str) -> list[str]:
    """Only their types."""
    return [type for type, _ in await events_of(app, subject)]


async def entries_of(app: "TradepostApp", subject: str) -> list[AuditEntry]:
    """The audit entries about a row, in order."""
    async with app.state.database.sessions() as session:
        return list(
            await session.scalars(select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id))
        )


async def count_entries(app: "TradepostApp") -> int:
    """How many audit entries there are in all."""
    async with app.state.database.sessions() as session:
        return len((await session.scalars(select(AuditEntry.id))).all())


async def count_events(app: "TradepostApp") -> int:
    """How many events there are in all."""
    async with app.state.database.sessions() as session:
        return len((await session.scalars(select(OutboxEvent.id))).all())
