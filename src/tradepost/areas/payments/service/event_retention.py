"""The periodic deletion of stored webhooks."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentEventRow

RETENTION = timedelta(days=90)
"""How long an event is kept. Providers send one again for some days only."""
BATCH_SIZE = 500
"""Rows that one transaction deletes."""


@periodic(hours=1)
async def delete_old_events(context: CallContext) -> None:
    """Delete the webhooks that were received more than 90 days ago."""
    row = PaymentEventRow
    old = select(row.id).where(row.created_at < context.clock() - RETENTION)
    batch = old.order_by(row.created_at).limit(BATCH_SIZE).with_for_update(skip_locked=True)
    while True:
        async with context.database.transaction() as session:
            deleted: Any = await session.execute(delete(row).where(row.id.in_(batch)))
        if deleted.rowcount < BATCH_SIZE:
            return
