"""Letters to the owners of accounts. They are written when the worker sends them: no token stands in the outbox, and nobody waits for them."""

import msgspec
from sqlalchemy import bindparam, select

from tradepost.kit.db.column_types import Id
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.worker.mail import Email, Mailer
from tradepost.kit.writes.call_context import CallContext

from ..models import UserRow
from ..opaque_tokens import OpaqueTokens
from .base import AccountSettings, mark_of
from .email_tokens import RESET_PASSWORD, VERIFY_EMAIL, create_token

ACTIVE = select(UserRow.id, UserRow.email, UserRow.password_hash).where(UserRow.status == "active")
BY_ID, BY_EMAIL = (
    ACTIVE.where(UserRow.id == bindparam("id", None, type_=Id)),
    ACTIVE.where(UserRow.email == bindparam("email", None)),
)


class Reader(msgspec.Struct, frozen=True):
    """Whoever gets a letter."""

    id: str
    email: str
    password_hash: str | None


@deliver_event("mail.verify_email")
async def verify_email(context: CallContext, event: Event) -> None:
    """Asks whoever reads this address whether it is theirs. Where another account has it by now, its owner is told that somebody asked for it."""
    email: str = event.data["email"]
    user = await user_of(context, id=event.subject)
    # A password that was changed since makes what was asked for before it worthless, also where the letter is late.
    if user is None or event.data["mark"] != mark_of(context.dependencies.require(OpaqueTokens), user.password_hash):
        return
    holder = await user_of(context, email=email)
    if holder is not None and holder.id != user.id:
        return await send(
            context,
            event,
            email,
            "Your address at the shop",
            known(context, "Somebody wanted to use this address for another account."),
        )
    token = await create_token(context, VERIFY_EMAIL, user.id, email)
    link = linked(context, "verify-email", token)
    text = f"Please confirm that this is your e-mail address:\n\n{link}\n\nThe link is good once, for a day. If you did not ask for it, do nothing."
    await send(context, event, email, "Please confirm your e-mail address", text)


@deliver_event("mail.already_registered")
async def already_registered(context: CallContext, event: Event) -> None:
    """Tells the owner of an account that somebody wanted to make one with its address."""
    user = await user_of(context, id=event.subject)
    if user is not None:
        await send(
            context,
            event,
            user.email,
            "You have an account already",
            known(context, "Somebody, perhaps you, wanted to open an account with this address."),
        )


@deliver_event("mail.password_reset")
async def password_reset(context: CallContext, event: Event) -> None:
    """Lets whoever reads the mail of an account set a new password. An address without an account gets nothing."""
    user = await user_of(context, email=event.data["email"])
    if user is None:
        return
    token = await create_token(context, RESET_PASSWORD, user.id, user.email)
    link = linked(context, "reset-password", token)
    text = f"Set a new password here:\n\n{link}\n\nThe link is good once, for an hour. If you did not ask for it, do nothing: your password stays as it is."
    await send(context, event, user.email, "A new password", text)


@deliver_event("mail.email_changed")
async def email_changed(context: CallContext, event: Event) -> None:
    """Tells the reader of an address that an account has another one now."""
    text = "Your account at the shop has another e-mail address now; nothing is sent to this one any more.\n\nIf that was not you, write to the shop at once."
    await send(context, event, event.data["email"], "Your e-mail address was changed", text)


@deliver_event("mail.password_changed")
async def password_changed(context: CallContext, event: Event) -> None:
    """Tells the owner of an account that its password is another one now."""
    user = await user_of(context, id=event.subject)
    if user is not None:
        text = f"The password of your account was changed.\n\nIf that was not you, set a new one at once:\n\n{context.dependencies.require(AccountSettings).storefront_url}"
        await send(context, event, user.email, "Your password was changed", text)


async def user_of(context: CallContext, *, id: str = "", email: str = "") -> Reader | None:
    """The active user with this id or address."""
    row = await context.database.fetch_first(BY_ID if id else BY_EMAIL, {"id": id, "email": email})
    return Reader(str(row[0]), row[1], row[2]) if row is not None else None


async def send(context: CallContext, event: Event, to: str, subject: str, text: str) -> None:
    """Hands a letter to the mailer, under the id of its event."""
    await context.dependencies.require(Mailer).send(Email(to=to, subject=subject, text=text), event.id)


def known(context: CallContext, said: str) -> str:
    """That an address has an account, and what to do about it."""
    link = f"{context.dependencies.require(AccountSettings).storefront_url}/reset-password"
    return f"{said}\n\nYou have one already. If you have forgotten its password, set a new one:\n\n{link}\n\nIf it was not you, do nothing."


def linked(context: CallContext, page: str, token: str) -> str:
    """A link to a page of the storefront. The token stands behind the `#`, so no server and no `Referer` gets to see it."""
    return f"{context.dependencies.require(AccountSettings).storefront_url}/{page}#token={token}"
