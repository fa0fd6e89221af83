"""The caller's own account: lock its row, confirm its password."""

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.db.column_types import Id
from tradepost.kit.problems import Forbidden
from tradepost.kit.writes.call_context import CallContext

from ..models import UserRow
from ..password_hasher import PasswordHasher
from .errors import WRONG_PASSWORD_DETAIL, InvalidCredentials

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


async def confirm_password(context: CallContext, passwords: PasswordHasher, password: str) -> str:
    """Verify the caller's password and return its hash, or raise InvalidCredentials.

    Call it before the first statement of a write, so that nothing is locked during the slow hash.
    """
    row = await context.database.fetch_first(PASSWORD_HASH_BY_ID, {"id": context.caller.id})
    stored: str | None = row[0] if row is not None else None
    if not await passwords.verify(stored, password) or stored is None:
        raise InvalidCredentials(WRONG_PASSWORD_DETAIL)
    return stored
