"""The session of the open write, for functions that are no methods of a service."""

from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.writes.call_context import CallContext


def open_session(context: CallContext) -> AsyncSession:
    """Return the session of the open write."""
    assert context.work.session is not None, "not inside a write"
    return context.work.session
