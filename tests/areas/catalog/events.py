"""What the shop announced: a look into the outbox."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tradepost.kit.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import Shop


async def events_of(app: "Shop", subject: str) -> list[tuple[str, Any]]:
    """Type and data of the events about a row, in order."""
    async with app.state.database.sessions() as session:
        found = await session.scalars(select(OutboxEvent).where(OutboxEvent.subject == subject).order_by(OutboxEvent.id))
        return [(event.type, event.data) for event in found]


async def types_of(app: "Shop", subject: str) -> list[str]:
    """Only their types."""
    return [type for type, _ in await events_of(app, subject)]


async def count_events(app: "Shop") -> int:
    """How many events there are in all."""
    async with app.state.database.sessions() as session:
        return len((await session.scalars(select(OutboxEvent.id))).all())
