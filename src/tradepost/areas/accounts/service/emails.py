"""E-mails to users, written and sent by the worker when their event is delivered."""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from tradepost.kit.db.column_types import Id
from tradepost.kit.worker.email_templates import EmailTemplates
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.worker.mail import Mailer
from tradepost.kit.writes.call_context import CallContext

from ..models import UserRow
from ..opaque_tokens import OpaqueTokens
from .email_queue import password_mark
from .email_tokens import RESET_PASSWORD, VERIFY_EMAIL, create_token
from .settings import AccountSettings

STOREFRONT_PAGES = {"change-email": "verify-email"}
"""Pages that a storefront has under another name: it verifies every address on one page."""
TEMPLATES = Path(__file__).parent.parent / "templates/emails"
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
        link = _forgotten_password_link(context)
        return await _send(context, event, email, "existing_account", is_registration=False, link=link)
    token = await create_token(context, VERIFY_EMAIL, user.id, email)
    if email == user.email:
        await _send(context, event, email, "verify_email", link=_link(context, "verify-email", token))
    else:
        await _send(context, event, email, "confirm_new_email", link=_link(context, "change-email", token))


@deliver_event("mail.already_registered")
async def already_registered(context: CallContext, event: Event) -> None:
    """Inform a user that someone tried to register with their address."""
    user = await _find_user(context, id=event.subject)
    if user is not None:
        link = _forgotten_password_link(context)
        await _send(context, event, user.email, "existing_account", is_registration=True, link=link)


@deliver_event("mail.password_reset")
async def password_reset(context: CallContext, event: Event) -> None:
    """Send a link to set a new password, if the address has an account."""
    user = await _find_user(context, email=event.data["email"])
    if user is None:
        return
    token = await create_token(context, RESET_PASSWORD, user.id, user.email)
    await _send(context, event, user.email, "password_reset", link=_link(context, "reset-password", token))


@deliver_event("mail.email_change_requested")
async def email_change_requested(context: CallContext, event: Event) -> None:
    """Inform the current address of a requested change, and how to stop it."""
    link = _forgotten_password_link(context)
    email, new_email = event.data["email"], event.data["new_email"]
    await _send(context, event, email, "email_change_requested", new_email=new_email, link=link)


@deliver_event("mail.email_changed")
async def email_changed(context: CallContext, event: Event) -> None:
    """Inform the previous address that the account has a new one."""
    await _send(context, event, event.data["email"], "email_changed")


@deliver_event("mail.password_changed")
async def password_changed(context: CallContext, event: Event) -> None:
    """Inform a user that their password was changed, and what this ended."""
    await _send_revoked(context, event, "password_changed")


@deliver_event("mail.access_revoked")
async def access_revoked(context: CallContext, event: Event) -> None:
    """Inform a user of the sessions and API keys that the verification of the address ended."""
    await _send_revoked(context, event, "access_revoked")


async def _send_revoked(context: CallContext, event: Event, template: str) -> None:
    """Send an e-mail that lists the sessions and API keys that were ended."""
    user = await _find_user(context, id=event.subject)
    if user is not None:
        # An event of an earlier version has no list.
        sessions, api_keys = event.data.get("sessions", 0), event.data.get("api_keys", [])
        link = _forgotten_password_link(context)
        await _send(context, event, user.email, template, sessions=sessions, api_keys=api_keys, link=link)


async def _find_user(context: CallContext, *, id: str = "", email: str = "") -> _User | None:
    """Return the active user with this id or address."""
    query = ACTIVE_USER_BY_ID if id else ACTIVE_USER_BY_EMAIL
    row = await context.database.fetch_first(query, {"id": id, "email": email})
    return _User(str(row[0]), row[1], row[2]) if row is not None else None


async def _send(context: CallContext, event: Event, to: str, template: str, **values: Any) -> None:
    """Send an e-mail, with the id of its event."""
    email = context.dependencies.require(EmailTemplates).render(TEMPLATES, template, to, **values)
    await context.dependencies.require(Mailer).send(email, event.id)


def _forgotten_password_link(context: CallContext) -> str:
    """Return the page that asks for an e-mail with a link to set a new password."""
    settings = context.dependencies.require(AccountSettings)
    if settings.storefront_url is not None:
        return f"{settings.storefront_url}/reset-password"
    return f"{settings.public_url}/forgot-password"


def _link(context: CallContext, page: str, token: str) -> str:
    """Return a link to a page of the storefront, else of this server.

    A storefront gets the token in the fragment, which browsers send neither to a server nor in
    `Referer`. The pages of this server work without JavaScript, so they need it in the query; they
    send `Referrer-Policy: no-referrer`, and only a form that is submitted uses the token.
    """
    settings = context.dependencies.require(AccountSettings)
    if settings.storefront_url is not None:
        path = STOREFRONT_PAGES.get(page, page)
        return f"{settings.storefront_url}/{path}#token={token}"
    return f"{settings.public_url}/{page}?token={token}"
