"""E-mails to be sent after the commit.

A write queues only the name and the data of an e-mail, as an event of the outbox. The worker looks
up the recipient, creates the token and sends it (`emails.py`). So the outbox holds no tokens, and
no request waits for an e-mail.
"""

from typing import Any

from tradepost.kit.ids import new_id
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.outbox import OutboxEvent

from ..email_limits import EmailLimits
from ..models import UserRow
from ..opaque_tokens import OpaqueTokens


def queue_email(context: CallContext, name: str, subject: str | None = None, **data: Any) -> str:
    """Queue an e-mail for when this write is committed, and return the subject of its event.

    `subject` is the user's id. If the recipient is not looked up yet, it is a new id.
    """
    subject = subject or new_id(OutboxEvent.__number__)
    context.emit_personal(f"mail.{name}", subject, **data)
    return subject


async def limit_emails(context: CallContext, kind: str, email: str) -> None:
    """Count an e-mail to an address; raise QuotaExceeded if it was sent enough of this kind."""
    limits = context.dependencies.get(EmailLimits)
    if limits is not None and (refusal := await limits.count(kind, email)) is not None:
        raise refusal


async def is_email_allowed(context: CallContext, kind: str, email: str) -> bool:
    """Count an e-mail to an address, and return whether it may be sent."""
    limits = context.dependencies.get(EmailLimits)
    return limits is None or await limits.count(kind, email) is None


def queue_verification_email(context: CallContext, opaque_tokens: OpaqueTokens, user: UserRow, email: str) -> None:
    """Queue the e-mail that asks to verify an address of a user."""
    mark = password_mark(opaque_tokens, user.password_hash)
    queue_email(context, "verify_email", user.id, email=email, mark=mark)


def password_mark(opaque_tokens: OpaqueTokens, password_hash: str | None) -> str:
    """Return a value that changes with the password and reveals nothing else about it."""
    return opaque_tokens.digest(password_hash or "")[:16]
