"""Sweep."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from ...worker.periodic import every
from ...writes.call_context import CallContext
from ...writes.database import Database
from .records import KEPT, RECORDS

# How many rows one transaction of a sweep deletes.
AT_ONCE = 500


async def sweep(database: Database, now: datetime) -> int:
    """Deletes the records that are older than a day, some at a time, and tells how many. Several processes may do it at once."""
    old = (
        select(RECORDS.c.id)
        .where(RECORDS.c.created_at < now - KEPT)
        .order_by(RECORDS.c.created_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    gone = 0
    while True:
        async with database.transaction() as session:
            done: Any = await session.execute(delete(RECORDS).where(RECORDS.c.id.in_(old)))
        gone += done.rowcount
        if done.rowcount < AT_ONCE:
            return gone


@every(minutes=5)
async def sweep_keys(context: CallContext) -> None:
    """Lets go of the keys that are older than a day."""
    await sweep(context.database, context.clock())
