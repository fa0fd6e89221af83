"""Revocation of credentials: sessions, API keys, and what processes have cached of them."""

from sqlalchemy import update

from tradepost.kit.operations.service import Service
from tradepost.kit.writes.call_context import CallContext

from ..models import ApiKeyRow, SessionRow
from ..revocations import Revocations


class CredentialRevoker(Service):
    """Ends sessions and revokes API keys within the open write."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.revocations = context.dependencies.require(Revocations)

    def publish_after_commit(
        self, *, user: str | None = None, session: str | None = None, key: str | None = None
    ) -> None:
        """Make every process drop the cached credentials once this write is committed."""
        self.context.work.after_commit(lambda: self.revocations.publish(user=user, session=session, key=key))

    async def end_sessions(self, user_id: str, *, except_session: str | None = None) -> None:
        """End all sessions of a user, except one if it is given."""
        query = (
            update(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.revoked_at.is_(None))
            .values(revoked_at=self.context.clock())
        )
        if except_session is not None:
            query = query.where(SessionRow.id != except_session)
        await self.session.execute(query)
        self.publish_after_commit(user=user_id)

    async def revoke_api_keys(self, user_id: str) -> None:
        """Revoke all API keys of a user.

        Call `end_sessions` too: it publishes the revocation of everything that the user has.
        """
        query = update(ApiKeyRow).where(ApiKeyRow.user_id == user_id, ApiKeyRow.revoked_at.is_(None))
        await self.session.execute(query.values(revoked_at=self.context.clock()))
