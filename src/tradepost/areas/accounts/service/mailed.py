"""What stands in letters: tokens that are good once and not for long, of which only a digest is kept."""

from datetime import timedelta

import msgspec
from sqlalchemy import select, update

from tradepost.kit.context import Context

from ..models import MailedTokenRow, UserRow
from ..opaque import MAILED, OpaqueTokens
from .account import Account, InvalidToken
from .sessions import BAD

VERIFY, RESET = "verify_email", "reset_password"
GOOD_FOR = {VERIFY: timedelta(days=1), RESET: timedelta(hours=1)}


class Mailed(msgspec.Struct, frozen=True):
    """Whose token it was, and which address it proves."""

    user: str
    email: str


async def new_token(context: Context, purpose: str, user: str, email: str) -> str:
    """The token of a letter that is about to be sent."""
    opaque = context.means.of(OpaqueTokens)
    text = opaque.new(MAILED)
    row = MailedTokenRow(user_id=user, purpose=purpose, email=email, secret_hash=opaque.digest(text), expires_at=context.clock() + GOOD_FOR[purpose])
    async with context.database.transaction() as session:
        session.add(row)
    return text


async def redeem(service: Account, text: str, purpose: str) -> Mailed:
    """Uses a token up; 401 where it is unknown, used, too old, for something else, or its account can no longer be used."""
    now, hash = service.context.clock(), service.use(OpaqueTokens).digest(text)
    used = update(MailedTokenRow).where(
        MailedTokenRow.secret_hash == hash, MailedTokenRow.purpose == purpose, MailedTokenRow.used_at.is_(None), MailedTokenRow.expires_at > now
    )
    row = (await service.session.execute(used.values(used_at=now).returning(MailedTokenRow.user_id, MailedTokenRow.email))).first()
    if row is None or await service.session.scalar(select(UserRow.status).where(UserRow.id == row[0])) != "active":
        raise InvalidToken(BAD)
    return Mailed(row[0], row[1])
