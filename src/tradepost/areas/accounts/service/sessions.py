"""The rules of sessions: how one begins, goes on and ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update

from tradepost.kit.clock import to_datetime
from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.problems import Forbidden
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.pending import PendingEvents

from .. import policy
from ..models import ApiKeyRow, RefreshTokenRow, SessionRow, UserRow
from ..opaque_tokens import REFRESH_TOKEN, OpaqueTokens
from ..password_hasher import PasswordHasher
from ..policy import ROLES
from ..resource import acknowledgements, token_pairs
from ..revocations import Revocations
from ..schemas import Acknowledgement, LoginInput, ReceiptStatus, RefreshInput, TokenPair, TokenResponse
from ..tokens import AccessTokens
from .base import BY_EMAIL, AccountService, AccountSettings, InvalidCredentials, InvalidToken, normalize_email
from .scopes import narrowed, permissions, stored

WRONG = "The e-mail address or the password is not right."
BAD = "The token is not good: it is unknown, used already or too old."
BY_REFRESH_TOKEN = (
    select(
        RefreshTokenRow.id,
        RefreshTokenRow.used_at,
        SessionRow.id,
        SessionRow.revoked_at,
        SessionRow.expires_at,
        UserRow.id,
        UserRow.status,
        UserRow.role,
        SessionRow.scopes,
    )
    .join(SessionRow, SessionRow.id == RefreshTokenRow.session_id)
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(RefreshTokenRow.secret_hash == bindparam("hash"))
)
DONE = Acknowledgement(ReceiptStatus.DONE)


class Principal(msgspec.Struct, frozen=True):
    """A user whose password was right, and the hash that says so."""

    id: str
    password_hash: str


class Sessions(AccountService):
    """Sessions as their user begins, continues and ends them."""

    @operation(
        "login", "command", token_pairs, access=policy.anyone, input=LoginInput, problems=(InvalidCredentials,), idempotent=False,
        attempted_account=lambda given: normalize_email(given.email),
    )  # fmt: skip
    async def login(self, given: LoginInput, want: Selection[TokenPair]) -> Record[TokenPair]:
        """Begins a session with the address and the password of an account. Every attempt counts, right or wrong."""
        # Before the first statement of this write: nothing is locked while the slow hash is made.
        return self.respond(
            token_pairs, pair_of(await self.begin(await self.checked(given.email, given.password))), want
        )

    @operation(
        "token_refresh",
        "command",
        token_pairs,
        access=policy.anyone,
        input=RefreshInput,
        problems=(InvalidToken,),
        idempotent=False,
        attempted_account=lambda given: None,
    )
    async def refresh(self, given: RefreshInput, want: Selection[TokenPair]) -> Record[TokenPair]:
        """Goes on with a session: its refresh token for a new pair. Each token is good once; one that comes again was stolen, and ends the session."""
        return self.respond(token_pairs, pair_of(await self.continued(given.refresh_token)), want)

    @operation("logout", "command", acknowledgements, access=policy.read_own_account, status=204, idempotent=False)
    async def logout(self, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Ends the session that the access token belongs to, and with it its tokens."""
        session = self.context.caller.session_id
        if session is None:
            raise Forbidden("You came with an API key; revoke it where it shall be of no use any more.")
        await self.session.execute(
            update(SessionRow).where(SessionRow.id == session).values(revoked_at=self.context.clock())
        )
        self.revoke(session=session)
        self.context.emit("session.ended", session)
        return self.respond(acknowledgements, DONE, want)

    @operation(
        "logout_everywhere", "command", acknowledgements, access=policy.write_own_account, status=204, idempotent=False
    )
    async def logout_everywhere(self, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Ends all sessions of the account, this one too. API keys go on."""
        user = await self.owner()
        await self.end_all(user.id)
        self.context.emit("user.logged_out", user.id)
        return self.respond(acknowledgements, DONE, want)

    async def checked(self, email: str, password: str) -> Principal:
        """The active user with this address and password; it takes alike whatever is wrong."""
        row = await self.context.database.fetch_first(BY_EMAIL, {"email": normalize_email(email)})
        passwords = self.require(PasswordHasher)
        right = await passwords.verify(row[1] if row is not None else None, password)
        if row is None or not right or row[2] != "active":
            raise InvalidCredentials(WRONG)
        if not passwords.is_outdated(row[1]):
            return Principal(str(row[0]), row[1])
        made = await passwords.hash(password)
        # No member shows it, so neither the version nor the time of the last change is another one.
        renewed = update(UserRow).where(UserRow.id == str(row[0]), UserRow.password_hash == row[1])
        done: Any = await self.session.execute(renewed.values(password_hash=made, updated_at=UserRow.updated_at))
        return Principal(str(row[0]), made if done.rowcount else row[1])

    async def begin(self, user: Principal, scope: str | None = None) -> TokenResponse:
        """A new session of a user, narrowed to a scope where one is named, and its first tokens."""
        # Locked against a suspension or another password that comes at the same moment: it either sees this session, or this sees it.
        query = (
            select(UserRow.status, UserRow.role, UserRow.password_hash)
            .where(UserRow.id == user.id)
            .with_for_update(read=True)
        )
        found = (await self.session.execute(query)).first()
        if found is None or found.status != "active":
            raise InvalidCredentials(WRONG)
        if found.password_hash != user.password_hash:
            # Another one was set since, or the same one hashed anew by another log-in: look again.
            raise LostRace
        scopes = narrowed(ROLES[found.role], scope)
        row = SessionRow(id=new_id(SessionRow.__number__), user_id=user.id, expires_at=self.until(), scopes=scopes)
        self.session.add(row)
        await self.session.flush()
        self.context.emit("session.begun", row.id, user_id=user.id)
        return await self.pair(user.id, row.id, found.role, scopes)

    async def continued(self, text: str, scope: str | None = None) -> TokenResponse:
        """The next tokens of the session that a refresh token belongs to. A scope narrows the access token alone (RFC 6749, 6)."""
        now = self.context.clock()
        row = await self.context.database.fetch_first(
            BY_REFRESH_TOKEN, {"hash": self.require(OpaqueTokens).digest(text)}
        )
        if row is None:
            raise InvalidToken(BAD)
        token, used, session, revoked, expires, user, status, role, column = row
        if used is not None:
            await self.stolen(str(session))
            raise InvalidToken(BAD)
        if revoked is not None or to_datetime(expires) <= now or status != "active":
            raise InvalidToken(BAD)
        scopes = stored(column)
        asked = narrowed(permissions(role, scopes), scope)
        taken: Any = await self.session.execute(
            update(RefreshTokenRow)
            .where(RefreshTokenRow.id == str(token), RefreshTokenRow.used_at.is_(None))
            .values(used_at=now)
        )
        alive: Any = await self.session.execute(
            update(SessionRow)
            .where(SessionRow.id == str(session), SessionRow.revoked_at.is_(None))
            .values(expires_at=self.until())
        )
        if not taken.rowcount or not alive.rowcount:
            # Somebody used it, or ended the session, since it was read: look again.
            raise LostRace
        self.context.emit("session.continued", str(session), user_id=str(user))
        return await self.pair(str(user), str(session), role, scopes if asked is None else asked)

    async def stolen(self, session: str) -> None:
        """Ends a session whose refresh token came a second time (RFC 9700, 4.14.2). This is committed by itself, because the call fails."""
        async with self.context.database.transaction() as apart:
            done: Any = await apart.execute(
                update(SessionRow)
                .where(SessionRow.id == session, SessionRow.revoked_at.is_(None))
                .values(revoked_at=self.context.clock())
            )
            if not done.rowcount:
                return
            PendingEvents.for_session(apart).add(
                "session.stolen", session, {}, self.context.request_id, self.context.signature
            )
        if (told := self.context.dependencies.get(Revocations)) is not None:
            await told.publish(session=session)

    async def pair(self, user: str, session: str, role: str, scopes: Sequence[str] | None) -> TokenResponse:
        """Tokens of a session. The refresh token exists from this commit on."""
        opaque = self.require(OpaqueTokens)
        refresh = opaque.generate(REFRESH_TOKEN)
        self.session.add(RefreshTokenRow(session_id=session, secret_hash=opaque.digest(refresh)))
        access, seconds = self.require(AccessTokens).issue(user=user, session=session, scope=scopes)
        return TokenResponse(access, "Bearer", seconds, refresh, " ".join(sorted(permissions(role, scopes))))

    async def end_all(self, user: str, *, keep: str | None = None) -> None:
        """Ends the sessions of a user, but for one that is kept."""
        ended = (
            update(SessionRow)
            .where(SessionRow.user_id == user, SessionRow.revoked_at.is_(None))
            .values(revoked_at=self.context.clock())
        )
        await self.session.execute(ended if keep is None else ended.where(SessionRow.id != keep))
        self.revoke(user=user)

    async def revoke_keys(self, user: str) -> None:
        """Revokes the API keys of a user. Processes forget them with the user: `end_all` tells them."""
        keys = update(ApiKeyRow).where(ApiKeyRow.user_id == user, ApiKeyRow.revoked_at.is_(None))
        await self.session.execute(keys.values(revoked_at=self.context.clock()))

    def until(self) -> datetime:
        """Until when a session goes on that is used now."""
        return self.context.clock() + timedelta(days=self.require(AccountSettings).refresh_token_days)


def pair_of(grant: TokenResponse) -> TokenPair:
    """What a login gives of a grant."""
    return TokenPair(
        access_token=grant.access_token,
        token_type=grant.token_type,
        expires_in=grant.expires_in,
        refresh_token=grant.refresh_token or "",
    )
