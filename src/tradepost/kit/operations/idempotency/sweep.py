"""Sweep."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from ...worker.periodic import periodic
from ...writes.call_context import CallContext
from ...writes.database import Database
from .records import RECORDS, RETENTION

# How many rows one transaction of a sweep deletes.
DELETE_BATCH = 500


async def delete_expired(database: Database, now: datetime) -> int:
    """Deletes the records that are older than a day, some at a time, and tells how many. Several processes may do it at once."""
    old = (
        select(RECORDS.c.id)
        .where(RECORDS.c.created_at < now - RETENTION)
        .order_by(RECORDS.c.created_at)
        .limit(DELETE_BATCH)
        .with_for_update(skip_locked=True)
    )
    gone = 0
    while True:
        async with database.transaction() as session:
            done: Any = await session.execute(delete(RECORDS).where(RECORDS.c.id.in_(old)))
        gone += done.rowcount
        if done.rowcount < DELETE_BATCH:
            return gone


@periodic(minutes=5)
async def delete_expired_keys(context: CallContext) -> None:
    """Lets go of the keys that are older than a day."""
    await delete_expired(context.database, context.clock())
