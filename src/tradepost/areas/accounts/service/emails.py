"""E-mails to users, written and sent by the worker when their event is delivered."""

import msgspec
from sqlalchemy import bindparam, select

from tradepost.kit.db.column_types import Id
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.worker.mail import Email, Mailer
from tradepost.kit.writes.call_context import CallContext

from ..models import UserRow
from ..opaque_tokens import OpaqueTokens
from .email_queue import password_mark
from .email_tokens import RESET_PASSWORD, VERIFY_EMAIL, create_token
from .settings import AccountSettings

ACTIVE_USER = select(UserRow.id, UserRow.email, UserRow.password_hash).where(UserRow.status == "active")
ACTIVE_USER_BY_ID = ACTIVE_USER.where(UserRow.id == bindparam("id", None, type_=Id))
ACTIVE_USER_BY_EMAIL = ACTIVE_USER.where(UserRow.email == bindparam("email", None))


class _User(msgspec.Struct, frozen=True):
    id: str
    email: str
    password_hash: str | None


@deliver_event("mail.verify_email")
async def verify_email(context: CallContext, event: Event) -> None:
    """Ask the owner of an address to verify it.

    If another account has the address by now, inform the owner of that account instead.
    """
    email: str = event.data["email"]
    user = await _find_user(context, id=event.subject)
    # A request made before the last password change is void, even if its e-mail is late.
    if user is None or event.data["mark"] != password_mark(
        context.dependencies.require(OpaqueTokens), user.password_hash
    ):
        return
    holder = await _find_user(context, email=email)
    if holder is not None and holder.id != user.id:
        text = _existing_account_text(context, "Someone tried to use this e-mail address for another account.")
        return await _send(context, event, email, "You already have an account", text)
    token = await create_token(context, VERIFY_EMAIL, user.id, email)
    text = (
        f"Please confirm your e-mail address:\n\n{_link(context, 'verify-email', token)}\n\n"
        "This link expires in 24 hours and can be used once. If you didn't request it, you can ignore this e-mail."
    )
    await _send(context, event, email, "Confirm your e-mail address", text)


@deliver_event("mail.already_registered")
async def already_registered(context: CallContext, event: Event) -> None:
    """Inform a user that someone tried to register with their address."""
    user = await _find_user(context, id=event.subject)
    if user is not None:
        text = _existing_account_text(
            context, "Someone, perhaps you, tried to create an account with this e-mail address."
        )
        await _send(context, event, user.email, "You already have an account", text)


@deliver_event("mail.password_reset")
async def password_reset(context: CallContext, event: Event) -> None:
    """Send a link to set a new password, if the address has an account."""
    user = await _find_user(context, email=event.data["email"])
    if user is None:
        return
    token = await create_token(context, RESET_PASSWORD, user.id, user.email)
    text = (
        f"Set a new password:\n\n{_link(context, 'reset-password', token)}\n\n"
        "This link expires in 1 hour and can be used once. If you didn't request it, you can ignore this e-mail; "
        "your password stays the same."
    )
    await _send(context, event, user.email, "Reset your password", text)


@deliver_event("mail.email_changed")
async def email_changed(context: CallContext, event: Event) -> None:
    """Inform the previous address that the account has a new one."""
    text = (
        "The e-mail address of your account was changed. You won't receive any more e-mails at this address.\n\n"
        "If this wasn't you, contact the shop immediately."
    )
    await _send(context, event, event.data["email"], "Your e-mail address was changed", text)


@deliver_event("mail.password_changed")
async def password_changed(context: CallContext, event: Event) -> None:
    """Inform a user that their password was changed."""
    user = await _find_user(context, id=event.subject)
    if user is not None:
        storefront = context.dependencies.require(AccountSettings).storefront_url
        text = (
            "The password of your account was changed.\n\n"
            f"If this wasn't you, set a new password immediately:\n\n{storefront}"
        )
        await _send(context, event, user.email, "Your password was changed", text)


async def _find_user(context: CallContext, *, id: str = "", email: str = "") -> _User | None:
    """Return the active user with this id or address."""
    query = ACTIVE_USER_BY_ID if id else ACTIVE_USER_BY_EMAIL
    row = await context.database.fetch_first(query, {"id": id, "email": email})
    return _User(str(row[0]), row[1], row[2]) if row is not None else None


async def _send(context: CallContext, event: Event, to: str, subject: str, text: str) -> None:
    """Send an e-mail, with the id of its event."""
    await context.dependencies.require(Mailer).send(Email(to=to, subject=subject, text=text), event.id)


def _existing_account_text(context: CallContext, reason: str) -> str:
    link = f"{context.dependencies.require(AccountSettings).storefront_url}/reset-password"
    return (
        f"{reason}\n\nYou already have an account with this address. If you forgot your password, set a new one:"
        f"\n\n{link}\n\nIf this wasn't you, you can ignore this e-mail."
    )


def _link(context: CallContext, page: str, token: str) -> str:
    """Return a link to a page of the storefront.

    The token is in the fragment, which browsers send neither to a server nor in `Referer`.
    """
    return f"{context.dependencies.require(AccountSettings).storefront_url}/{page}#token={token}"
