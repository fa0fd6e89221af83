"""The caller's own account: lock its row, confirm its password, check that its log-in is recent."""

from datetime import timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.db.column_types import Id
from tradepost.kit.problems import Forbidden
from tradepost.kit.writes.call_context import CallContext

from ..models import SessionRow, UserRow
from ..password_hasher import PasswordHasher
from .errors import RECENT_LOGIN_SECONDS, WRONG_PASSWORD_DETAIL, InvalidCredentials, ReauthenticationRequired

PASSWORD_HASH_BY_ID = select(UserRow.password_hash).where(UserRow.id == bindparam("id", type_=Id))


async def lock_own_account(context: CallContext, session: AsyncSession, confirmed_hash: str | None = None) -> UserRow:
    """Return the caller's row, locked for this write.

    Raise Forbidden if the credential does not belong to an active user. `confirmed_hash` is the
    result of `confirm_password`; raise InvalidCredentials if the password has changed since then.
    """
    id = context.caller.id
    row = await session.get(UserRow, id, populate_existing=True, with_for_update=True) if id is not None else None
    if row is None or row.status != "active":
        raise Forbidden("This credential does not belong to a user. Log in as a user.")
    # Nothing was locked while the password was verified, so it may have changed since.
    if confirmed_hash is not None and row.password_hash != confirmed_hash:
        raise InvalidCredentials(WRONG_PASSWORD_DETAIL)
    return row


async def check_recent_login(context: CallContext, session: AsyncSession) -> None:
    """Raise ReauthenticationRequired if the caller's session ended, or began over an hour ago.

    A stolen access token, or a session left open, must not become a credential that lasts. An API
    key has no session: what it creates is limited by the key itself. Call it after
    `lock_own_account`.
    """
    if context.caller.session_id is None:
        return
    # The session may have ended while this write waited for the lock of the account.
    query = select(SessionRow.created_at).where(
        SessionRow.id == context.caller.session_id, SessionRow.revoked_at.is_(None)
    )
    started_at = await session.scalar(query)
    if started_at is None:
        raise ReauthenticationRequired("The session has ended.")
    if context.clock() - started_at > timedelta(seconds=RECENT_LOGIN_SECONDS):
        raise ReauthenticationRequired(f"The session began more than {RECENT_LOGIN_SECONDS // 60} minutes ago.")


async def confirm_password(context: CallContext, passwords: PasswordHasher, password: str) -> str:
    """Verify the caller's password and return its hash, or raise InvalidCredentials.

    Call it before the first statement of a write, so that nothing is locked during the slow hash.
    """
    row = await context.database.fetch_first(PASSWORD_HASH_BY_ID, {"id": context.caller.id})
    stored: str | None = row[0] if row is not None else None
    if not await passwords.verify(stored, password) or stored is None:
        raise InvalidCredentials(WRONG_PASSWORD_DETAIL)
    return stored
