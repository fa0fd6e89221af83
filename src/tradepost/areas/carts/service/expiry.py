"""The periodic task that closes carts which nobody changes any more."""

from typing import Any

from sqlalchemy import select, update

from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import CartRow

BATCH_SIZE = 50
"""Rows that one transaction changes, so that none is locked for long."""


@periodic(minutes=10)
async def expire_carts(context: CallContext) -> None:
    """Set the status of overdue carts to `expired`."""
    now = context.clock()
    overdue = (
        select(CartRow.id)
        .where(CartRow.status == "open", CartRow.expires_at < now)
        .order_by(CartRow.id)
        .limit(BATCH_SIZE)
        .with_for_update(skip_locked=True)
    )
    while True:
        async with context.database.transaction() as session:
            ids = (await session.scalars(overdue)).all()
            expired = (
                update(CartRow)
                .where(CartRow.id.in_(ids))
                .values(status="expired", updated_at=now, version=CartRow.version + 1)
                .execution_options(synchronize_session=False)
            )
            result: Any = await session.execute(expired)
        if result.rowcount < BATCH_SIZE:
            return
