"""The periodic task that deletes expired idempotency records."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from ...worker.periodic import periodic
from ...writes.call_context import CallContext
from ...writes.database import Database
from .records import RECORDS, RETENTION

# How many rows one transaction deletes.
DELETE_BATCH = 500


async def delete_expired(database: Database, now: datetime) -> int:
    """Delete the records older than a day, in batches, and return how many.

    Several processes may do it at the same time.
    """
    expired = (
        select(RECORDS.c.id)
        .where(RECORDS.c.created_at < now - RETENTION)
        .order_by(RECORDS.c.created_at)
        .limit(DELETE_BATCH)
        .with_for_update(skip_locked=True)
    )
    total = 0
    while True:
        async with database.transaction() as session:
            deleted: Any = await session.execute(delete(RECORDS).where(RECORDS.c.id.in_(expired)))
        total += deleted.rowcount
        if deleted.rowcount < DELETE_BATCH:
            return total


@periodic(minutes=5)
async def delete_expired_keys(context: CallContext) -> None:
    """Delete the idempotency keys older than a day."""
    await delete_expired(context.database, context.clock())
