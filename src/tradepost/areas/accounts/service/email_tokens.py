"""What stands in letters: tokens that are good once and not for long, of which only a digest is kept."""

from datetime import timedelta

from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.writes.call_context import CallContext

from ..models import EmailTokenRow, UserRow
from ..opaque_tokens import EMAIL_TOKEN, OpaqueTokens
from .base import AccountService, InvalidToken
from .sessions import BAD

VERIFY_EMAIL, RESET_PASSWORD = "verify_email", "reset_password"
GOOD_FOR = {VERIFY_EMAIL: timedelta(days=1), RESET_PASSWORD: timedelta(hours=1)}


async def create_token(context: CallContext, purpose: str, user: str, email: str) -> str:
    """The token of a letter that is about to be sent."""
    opaque = context.dependencies.require(OpaqueTokens)
    text = opaque.generate(EMAIL_TOKEN)
    row = EmailTokenRow(
        user_id=user,
        purpose=purpose,
        email=email,
        secret_hash=opaque.digest(text),
        expires_at=context.clock() + GOOD_FOR[purpose],
    )
    async with context.database.transaction() as session:
        session.add(row)
    return text


async def redeem(service: AccountService, text: str, purpose: str) -> tuple[UserRow, str]:
    """Uses a token up: whose it was, locked, and which address it proves. 401 where it is unknown, used, too old, for something else, or its
    account can no longer be used."""
    now, hash, session = service.context.clock(), service.require(OpaqueTokens).digest(text), service.session
    # The account first, as in every other write, so that nobody closes or suspends it meanwhile.
    whose = select(EmailTokenRow.user_id).where(EmailTokenRow.secret_hash == hash).scalar_subquery()
    user = await session.scalar(
        select(UserRow).where(UserRow.id == whose).with_for_update().execution_options(populate_existing=True)
    )
    if user is None or user.status != "active":
        raise InvalidToken(BAD)
    used = update(EmailTokenRow).where(
        EmailTokenRow.secret_hash == hash,
        EmailTokenRow.purpose == purpose,
        EmailTokenRow.used_at.is_(None),
        EmailTokenRow.expires_at > now,
    )
    email = await session.scalar(used.values(used_at=now).returning(EmailTokenRow.email))
    if email is None:
        raise InvalidToken(BAD)
    return user, email


async def invalidate_tokens(session: AsyncSession, user: str, *, but: str | None = None) -> None:
    """Makes the tokens of a user's letters worthless, apart from those that only verify one address.

    Whoever could ask for an address or a password while the account was not safe must not come back by a letter that is still on its way.
    """
    kept = and_(EmailTokenRow.purpose == VERIFY_EMAIL, EmailTokenRow.email == but)
    mine = delete(EmailTokenRow).where(EmailTokenRow.user_id == user)
    await session.execute(mine if but is None else mine.where(~kept))
