"""What the services of accounts share: the caller's own row, letters to be sent, and addresses in one spelling."""

from typing import Any

import msgspec
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import bindparam, select

from tradepost.kit.db.column_types import Id
from tradepost.kit.ids import new_id
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Forbidden, Unauthenticated, Validation
from tradepost.kit.writes.outbox import OutboxEvent

from ..models import UserRow
from ..opaque_tokens import OpaqueTokens
from ..password_hasher import PasswordHasher
from ..revocations import Revocations

BY_ID = select(UserRow.password_hash).where(UserRow.id == bindparam("id", type_=Id))
BY_EMAIL = select(UserRow.id, UserRow.password_hash, UserRow.status).where(UserRow.email == bindparam("email"))


NOT_RIGHT = "The password is not right."


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What of the shop's settings the accounts need."""

    refresh_token_days: int = 30
    storefront_url: str = "http://127.0.0.1:8000"


class InvalidCredentials(Unauthenticated):
    """The address and the password do not belong together, or the account cannot be used."""

    code, status, title = "invalid_credentials", 401, "The credentials are not right"
    cure = "Check the address and the password; a forgotten password can be set anew (`password_reset`)."
    example = {"detail": "The e-mail address or the password is not right."}


class InvalidToken(Unauthenticated):
    """A token of a letter or a refresh token that is unknown, used already, ended or too old."""

    code, status, title = "invalid_token", 401, "The token is not good"
    cure = "Ask for a new letter, or log in again."
    example = {"detail": "The token is not good: it is unknown, used already or too old."}


class AccountService(Service):
    """A service that is about the caller's own account."""

    async def owner(self, confirmed: str | None = None) -> UserRow:
        """The caller's own row, locked for this write; 403 where its credential belongs to no user, 401 where its password is not what was confirmed."""
        id = self.context.caller.id
        row = (
            await self.session.get(UserRow, id, populate_existing=True, with_for_update=True)
            if id is not None
            else None
        )
        if row is None or row.status != "active":
            raise Forbidden("This credential belongs to no user; log in as one.")
        # Somebody may have set another one since it was verified, which nothing was locked for.
        if confirmed is not None and row.password_hash != confirmed:
            raise InvalidCredentials(NOT_RIGHT)
        return row

    async def confirm(self, password: str) -> str:
        """That the caller knows the password of its account: its hash, for `owner` to be sure that it still is. It comes before the first
        statement of a write, so nothing is locked meanwhile."""
        row = await self.context.database.fetch_first(BY_ID, {"id": self.context.caller.id})
        stored: str | None = row[0] if row is not None else None
        if not await self.require(PasswordHasher).verify(stored, password) or stored is None:
            raise InvalidCredentials(NOT_RIGHT)
        return stored

    def mail(self, letter: str, subject: str | None = None, **data: Any) -> str:
        """Has a letter sent once this write is committed. Whoever delivers it looks up whom it is for; nobody waits for that.

        Returns the id that the letter is filed under: its subject, or one of its own where nobody knows yet whose it is.
        """
        filed = subject or new_id(OutboxEvent.__number__)
        self.context.emit_personal(f"mail.{letter}", filed, **data)
        return filed

    def ask_to_verify(self, user: UserRow, email: str) -> None:
        """Has the letter sent that asks whether an address is the user's."""
        self.mail("verify_email", user.id, email=email, mark=mark_of(self.require(OpaqueTokens), user.password_hash))

    def revoke(self, *, user: str | None = None, session: str | None = None, key: str | None = None) -> None:
        """Has every process forget credentials, once this write is committed."""
        if (told := self.context.dependencies.get(Revocations)) is not None:
            self.context.work.after_commit(lambda: told.publish(user=user, session=session, key=key))


def mark_of(opaque: OpaqueTokens, password_hash: str | None) -> str:
    """What tells whether a password is still the same, and nothing else of it."""
    return opaque.digest(password_hash or "")[:16]


def normalize_email(text: str) -> str:
    """An address in the spelling that it is stored in; one that is none is only lower-cased, and nobody has it."""
    try:
        return _spelled(text.strip())
    except EmailNotValidError:
        return text.strip().lower()


def validate_email_address(text: str, pointer: str = "/email") -> str:
    """An address that may be stored, in lower case; 422 where it is none. Whether it exists is not asked: a letter finds that out."""
    try:
        return _spelled(text)
    except EmailNotValidError as fault:
        raise Validation.at_pointer(pointer, f"This is no e-mail address: {fault}", "invalid_format") from None


def _spelled(text: str) -> str:
    """In NFC and lower case, the domain as its users write it: `kim@xn--bcher-kva.example` is `kim@bücher.example`."""
    return validate_email(text, check_deliverability=False).normalized.lower()
