"""What goes by itself: sessions that ended, tokens of letters that are too old."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_, select

from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import EmailTokenRow, SessionRow

KEPT, AT_ONCE = timedelta(days=7), 500
"""For how long an ended session is kept, so that a stolen refresh token of it is still known; and how many rows one transaction deletes."""


@periodic(hours=1)
async def delete_expired(context: CallContext) -> None:
    """Deletes sessions that ended a week ago, with their refresh tokens, and tokens of letters that nobody can use any more."""
    before = context.clock() - KEPT
    await _delete(context, SessionRow, or_(SessionRow.expires_at < before, SessionRow.revoked_at < before))
    await _delete(context, EmailTokenRow, EmailTokenRow.expires_at < context.clock())


async def _delete(context: CallContext, of: Any, old: Any) -> None:
    while True:
        async with context.database.transaction() as session:
            some = select(of.id).where(old).limit(AT_ONCE).with_for_update(skip_locked=True)
            done: Any = await session.execute(delete(of).where(of.id.in_(some)))
        if done.rowcount < AT_ONCE:
            return
