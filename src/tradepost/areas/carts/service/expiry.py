"""Carts that nobody changes any more expire."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import CartRow

BATCH_SIZE = 50
"""Rows that one transaction changes, so that none is locked for long."""


@periodic(minutes=10)
async def expire_carts(context: CallContext) -> None:
    """Set the status of overdue carts to `expired`, 50 in a transaction."""
    now, count = context.clock(), BATCH_SIZE
    overdue = select(CartRow.id).where(CartRow.status == "open", CartRow.expires_at <= now).order_by(CartRow.id)
    batch = overdue.limit(BATCH_SIZE).with_for_update(skip_locked=True)
    while count == BATCH_SIZE:
        async with context.database.transaction() as session:
            count = await expire(session, now, CartRow.id.in_((await session.scalars(batch)).all()))


async def expire(session: AsyncSession, now: datetime, condition: ColumnElement[bool]) -> int:
    """Set the status of those of the carts that are overdue; return how many there are."""
    expired = (
        update(CartRow)
        .where(condition, CartRow.status == "open", CartRow.expires_at <= now)
        .values(status="expired", updated_at=now, version=CartRow.version + 1)
        .execution_options(synchronize_session=False)
    )
    result: Any = await session.execute(expired)
    return result.rowcount
