"""The tokens of sessions: verify a password, start a session, refresh its tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update

from tradepost.kit.clock import to_datetime
from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.operations.service import Service
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.pending import PendingEvents

from ..models import RefreshTokenRow, SessionRow, UserRow
from ..opaque_tokens import REFRESH_TOKEN, OpaqueTokens
from ..password_hasher import PasswordHasher
from ..policy import ROLES
from ..revocations import Revocations
from ..schemas import TokenResponse
from ..tokens import AccessTokens
from .email_address import normalize_email
from .errors import INVALID_TOKEN_DETAIL, WRONG_EMAIL_OR_PASSWORD_DETAIL, InvalidCredentials, InvalidToken
from .scopes import decode_scopes, parse_scope, permissions
from .settings import AccountSettings

REFRESH_GRACE = timedelta(seconds=10)
"""How long a used refresh token is answered with its successor.

Two tabs of a browser may send the same token, or an answer may be lost. Later, the token counts as
stolen.
"""
USER_BY_EMAIL = select(UserRow.id, UserRow.password_hash, UserRow.status).where(UserRow.email == bindparam("email"))
REFRESH_TOKEN_BY_HASH = (
    select(
        RefreshTokenRow.id,
        RefreshTokenRow.used_at,
        SessionRow.id,
        SessionRow.revoked_at,
        SessionRow.expires_at,
        SessionRow.created_at,
        UserRow.id,
        UserRow.status,
        UserRow.role,
        SessionRow.scopes,
    )
    .join(SessionRow, SessionRow.id == RefreshTokenRow.session_id)
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(RefreshTokenRow.secret_hash == bindparam("hash"))
)


class Principal(msgspec.Struct, frozen=True):
    """A user whose password was verified, and the hash that it was verified against."""

    id: str
    password_hash: str


class _RefreshToken(msgspec.Struct, frozen=True):
    """A refresh token of a session that can be continued, and that session."""

    id: str
    text: str
    used_at: datetime | None
    session_id: str
    started_at: datetime
    user_id: str
    role: str
    scopes: Sequence[str] | None


class SessionTokens(Service):
    """Starts sessions, refreshes them, and issues their tokens, within the open write."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.password_hasher = context.dependencies.require(PasswordHasher)
        self.opaque_tokens = context.dependencies.require(OpaqueTokens)
        self.access_tokens = context.dependencies.require(AccessTokens)
        self.revocations = context.dependencies.require(Revocations)
        settings = context.dependencies.require(AccountSettings)
        self.idle_lifetime = timedelta(days=settings.refresh_token_days)
        self.session_lifetime = timedelta(days=settings.session_days)

    async def verify_password(self, email: str, password: str) -> Principal:
        """Return the active user with this e-mail address and password.

        Otherwise raise InvalidCredentials, after the same time whatever is wrong.
        """
        row = await self.context.database.fetch_first(USER_BY_EMAIL, {"email": normalize_email(email)})
        matches = await self.password_hasher.verify(row[1] if row is not None else None, password)
        if row is None or not matches or row[2] != "active":
            raise InvalidCredentials(WRONG_EMAIL_OR_PASSWORD_DETAIL)
        user_id, stored = str(row[0]), row[1]
        if not self.password_hasher.is_outdated(stored):
            return Principal(user_id, stored)
        rehashed = await self.password_hasher.hash(password)
        # No member shows the hash, so the version and `updated_at` stay as they are.
        query = update(UserRow).where(UserRow.id == user_id, UserRow.password_hash == stored)
        result: Any = await self.session.execute(query.values(password_hash=rehashed, updated_at=UserRow.updated_at))
        return Principal(user_id, rehashed if result.rowcount else stored)

    async def start(self, principal: Principal, scope: str | None = None) -> TokenResponse:
        """Start a session and issue its first tokens. `scope` limits the whole session."""
        # Locked against a simultaneous suspension or password change: either it sees this session
        # or this write sees its change.
        query = (
            select(UserRow.status, UserRow.role, UserRow.password_hash)
            .where(UserRow.id == principal.id)
            .with_for_update(read=True)
        )
        user = (await self.session.execute(query)).first()
        if user is None or user.status != "active":
            raise InvalidCredentials(WRONG_EMAIL_OR_PASSWORD_DETAIL)
        if user.password_hash != principal.password_hash:
            # The password was changed, or another log-in has rehashed it: verify it again.
            raise LostRace
        scopes, now = parse_scope(scope, ROLES[user.role]), self.context.clock()
        row = SessionRow(
            id=new_id(SessionRow.__number__),
            user_id=principal.id,
            created_at=now,
            expires_at=self._expiry(now),
            scopes=scopes,
        )
        self.session.add(row)
        await self.session.flush()
        self.context.emit("session.begun", row.id, user_id=principal.id)
        refresh_token = self.opaque_tokens.generate(REFRESH_TOKEN)
        self._store(refresh_token, row.id)
        return self._respond(_RefreshToken("", refresh_token, None, row.id, now, principal.id, user.role, scopes))

    async def refresh(self, refresh_token: str, scope: str | None = None) -> TokenResponse:
        """Issue the next tokens of a session, or raise InvalidToken.

        The refresh token is used up. If it was used within REFRESH_GRACE, its successor is issued
        again. `scope` limits only the access token (RFC 6749, 6).
        """
        token = await self._find(refresh_token)
        requested = parse_scope(scope, permissions(token.role, token.scopes))
        if token.used_at is None:
            await self._use(token)
            successor = self.opaque_tokens.successor(token.text)
            self._store(successor, token.session_id)
        else:
            successor = await self._unused_successor(token, token.used_at)
        self.context.emit("session.continued", token.session_id, user_id=token.user_id)
        scopes = token.scopes if requested is None else requested
        return self._respond(msgspec.structs.replace(token, text=successor, scopes=scopes))

    async def _find(self, text: str) -> _RefreshToken:
        row = await self.context.database.fetch_first(REFRESH_TOKEN_BY_HASH, {"hash": self.opaque_tokens.digest(text)})
        if row is None:
            raise InvalidToken(INVALID_TOKEN_DETAIL)
        id, used_at, session_id, revoked_at, expires_at, started_at, user_id, status, role, scopes = row
        started_at, used_at = to_datetime(started_at), None if used_at is None else to_datetime(used_at)
        # A setting that was lowered applies to sessions that exist already.
        end = min(to_datetime(expires_at), started_at + self.session_lifetime)
        if revoked_at is not None or end <= self.context.clock() or status != "active":
            raise InvalidToken(INVALID_TOKEN_DETAIL)
        return _RefreshToken(
            str(id), text, used_at, str(session_id), started_at, str(user_id), role, decode_scopes(scopes)
        )

    async def _use(self, token: _RefreshToken) -> None:
        """Use up a refresh token and extend its session, or raise LostRace.

        The race is lost if the token was used, or the session ended, since the token was read.
        """
        used: Any = await self.session.execute(
            update(RefreshTokenRow)
            .where(RefreshTokenRow.id == token.id, RefreshTokenRow.used_at.is_(None))
            .values(used_at=self.context.clock())
        )
        extended: Any = await self.session.execute(
            update(SessionRow)
            .where(SessionRow.id == token.session_id, SessionRow.revoked_at.is_(None))
            .values(expires_at=self._expiry(token.started_at))
        )
        if not used.rowcount or not extended.rowcount:
            raise LostRace

    async def _unused_successor(self, token: _RefreshToken, used_at: datetime) -> str:
        """Return the refresh token that a token used within REFRESH_GRACE was replaced by.

        If the successor has been used as well, it is the one after that, and so on: the client
        must not be left with a token that counts as stolen soon. Later than REFRESH_GRACE, the
        session ends.
        """
        if self.context.clock() - used_at > REFRESH_GRACE:
            signature = self.context.signature
            self.context.work.after_call(lambda: self._end_stolen_session(token.session_id, signature))
            raise InvalidToken(INVALID_TOKEN_DETAIL)
        while token.used_at is not None:
            token = await self._find(self.opaque_tokens.successor(token.text))
        return token.text

    async def _end_stolen_session(self, session_id: str, signature: dict[str, str | None]) -> None:
        """End a session whose refresh token was used twice (RFC 9700, 4.14.2).

        It has a transaction of its own, because the call that detects it fails. It begins after
        that of the call has ended: two at once could wait for the connections of each other.
        """
        async with self.context.database.transaction() as transaction:
            result: Any = await transaction.execute(
                update(SessionRow)
                .where(SessionRow.id == session_id, SessionRow.revoked_at.is_(None))
                .values(revoked_at=self.context.clock())
            )
            if not result.rowcount:
                return
            PendingEvents.for_session(transaction).add(
                "session.stolen", session_id, {}, self.context.request_id, signature
            )
        await self.revocations.publish(session=session_id)

    def _store(self, refresh_token: str, session_id: str) -> None:
        """Store a refresh token, which works once this write is committed."""
        self.session.add(RefreshTokenRow(session_id=session_id, secret_hash=self.opaque_tokens.digest(refresh_token)))

    def _respond(self, token: _RefreshToken) -> TokenResponse:
        """Return a refresh token and a new access token, which does not outlive the session."""
        access_token, seconds = self.access_tokens.issue(
            user=token.user_id, session=token.session_id, scope=token.scopes
        )
        left = self._expiry(token.started_at) - self.context.clock()
        seconds = min(seconds, max(1, int(left.total_seconds())))
        scope = " ".join(sorted(permissions(token.role, token.scopes)))
        return TokenResponse(access_token, "Bearer", seconds, token.text, scope)

    def _expiry(self, started_at: datetime) -> datetime:
        """Return when a session that is used now will expire."""
        return min(self.context.clock() + self.idle_lifetime, started_at + self.session_lifetime)
