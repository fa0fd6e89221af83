"""The periodic deletion of ended sessions and expired tokens."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_, select

from tradepost.kit.worker.periodic import periodic
from tradepost.kit.writes.call_context import CallContext

from ..models import EmailTokenRow, SessionRow

SESSION_RETENTION = timedelta(days=7)
"""How long an ended session is kept, so that the use of a stolen refresh token is recognised."""
BATCH_SIZE = 500
"""Rows that one transaction deletes."""


@periodic(hours=1)
async def delete_expired(context: CallContext) -> None:
    """Delete expired e-mail tokens, and sessions that ended a week ago with their tokens."""
    cutoff = context.clock() - SESSION_RETENTION
    await _delete(context, SessionRow, or_(SessionRow.expires_at < cutoff, SessionRow.revoked_at < cutoff))
    await _delete(context, EmailTokenRow, EmailTokenRow.expires_at < context.clock())


async def _delete(context: CallContext, model: Any, condition: Any) -> None:
    while True:
        async with context.database.transaction() as session:
            batch = select(model.id).where(condition).limit(BATCH_SIZE).with_for_update(skip_locked=True)
            result: Any = await session.execute(delete(model).where(model.id.in_(batch)))
        if result.rowcount < BATCH_SIZE:
            return
