"""The tokens in e-mails. They expire and can be used once; only a digest is stored."""

from datetime import datetime, timedelta

from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.writes.call_context import CallContext

from ..models import EmailTokenRow, UserRow
from ..opaque_tokens import EMAIL_TOKEN, OpaqueTokens
from .errors import INVALID_TOKEN_DETAIL, InvalidToken

VERIFY_EMAIL, RESET_PASSWORD = "verify_email", "reset_password"
"""The purposes of a token."""
LIFETIMES = {VERIFY_EMAIL: timedelta(days=1), RESET_PASSWORD: timedelta(hours=1)}


async def create_token(context: CallContext, purpose: str, user_id: str, email: str) -> str:
    """Store a new token in a transaction of its own and return its text."""
    opaque_tokens = context.dependencies.require(OpaqueTokens)
    text = opaque_tokens.generate(EMAIL_TOKEN)
    row = EmailTokenRow(
        user_id=user_id,
        purpose=purpose,
        email=email,
        secret_hash=opaque_tokens.digest(text),
        expires_at=context.clock() + LIFETIMES[purpose],
    )
    async with context.database.transaction() as session:
        session.add(row)
    return text


async def redeem(session: AsyncSession, token_hash: str, purpose: str, now: datetime) -> tuple[UserRow, str]:
    """Use a token. Return its user, locked, and the address that it was sent to.

    Raise InvalidToken if it is unknown, used, expired or has another purpose, or if its account
    cannot be used.
    """
    # The account is locked first, as in every other write, so that it is not closed or suspended
    # at the same time.
    user_id = select(EmailTokenRow.user_id).where(EmailTokenRow.secret_hash == token_hash).scalar_subquery()
    user = await session.scalar(
        select(UserRow).where(UserRow.id == user_id).with_for_update().execution_options(populate_existing=True)
    )
    if user is None or user.status != "active":
        raise InvalidToken(INVALID_TOKEN_DETAIL)
    query = (
        update(EmailTokenRow)
        .where(
            EmailTokenRow.secret_hash == token_hash,
            EmailTokenRow.purpose == purpose,
            EmailTokenRow.used_at.is_(None),
            EmailTokenRow.expires_at > now,
        )
        .values(used_at=now)
    )
    email = await session.scalar(query.returning(EmailTokenRow.email))
    if email is None:
        raise InvalidToken(INVALID_TOKEN_DETAIL)
    return user, email


async def invalidate_tokens(session: AsyncSession, user_id: str, *, except_email: str | None = None) -> None:
    """Delete the tokens of a user, except those that verify the address `except_email`.

    An intruder may have requested a new address or password; an e-mail that is still on its way
    must not give them access again.
    """
    query = delete(EmailTokenRow).where(EmailTokenRow.user_id == user_id)
    if except_email is not None:
        kept = and_(EmailTokenRow.purpose == VERIFY_EMAIL, EmailTokenRow.email == except_email)
        query = query.where(~kept)
    await session.execute(query)
