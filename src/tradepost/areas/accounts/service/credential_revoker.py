"""Revocation of credentials: sessions, API keys, and what processes have cached of them."""

import msgspec
from sqlalchemy import update

from tradepost.kit.operations.service import Service
from tradepost.kit.writes.call_context import CallContext

from ..models import ApiKeyRow, SessionRow
from ..revocations import Revocations


class Revoked(msgspec.Struct, frozen=True):
    """The credentials that were revoked: the number of sessions, and the names of API keys."""

    sessions: int
    api_keys: list[str]

    def __bool__(self) -> bool:
        return bool(self.sessions or self.api_keys)


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

    async def revoke_all(self, user_id: str) -> Revoked:
        """End all sessions and revoke all API keys of a user."""
        api_keys = await self.revoke_api_keys(user_id)
        return Revoked(await self.end_sessions(user_id), api_keys)

    async def end_sessions(self, user_id: str, *, except_session: str | None = None) -> int:
        """End all sessions of a user, except one if it is given.

        Return how many of them had not expired.
        """
        query = (
            update(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.revoked_at.is_(None))
            .values(revoked_at=self.context.clock())
        )
        if except_session is not None:
            query = query.where(SessionRow.id != except_session)
        self.publish_after_commit(user=user_id)
        expiries = await self.session.scalars(query.returning(SessionRow.expires_at))
        return sum(expires_at > self.context.clock() for expires_at in expiries)

    async def revoke_api_keys(self, user_id: str) -> list[str]:
        """Revoke all API keys of a user. Return the names of those that had not expired.

        Call `end_sessions` too: it publishes the revocation of everything that the user has.
        """
        now = self.context.clock()
        query = (
            update(ApiKeyRow)
            .where(ApiKeyRow.user_id == user_id, ApiKeyRow.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(ApiKeyRow.name, ApiKeyRow.expires_at)
        )
        rows = (await self.session.execute(query)).all()
        return sorted([name for name, expires_at in rows if expires_at is None or expires_at > now])
