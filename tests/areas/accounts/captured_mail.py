"""E-mails as they would arrive: delivers the outbox of a shop into a list."""

import re
from typing import TYPE_CHECKING

from tests.kit.relay_helpers import poll_and_finish
from tradepost.app import event_handlers
from tradepost.areas.accounts.service import SYSTEM
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.worker.mail import Email, Mailer
from tradepost.kit.worker.outbox_relay import OutboxRelay
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


class CapturedMail:
    """A mailer that keeps the e-mails that the areas' event handlers write.

    `failing` is the number of attempts that fail before one succeeds.
    """

    def __init__(self, shop: "TradepostApp") -> None:
        self.emails: list[tuple[str, Email]] = []
        self.failing = 0
        dependencies = Dependencies()
        dependencies.instances |= shop.state.dependencies.instances
        dependencies.provide(Mailer, self)
        self.database = shop.state.database
        self.relay = OutboxRelay(
            self.database,
            lambda request: CallContext(SYSTEM, self.database, request, door="worker", dependencies=dependencies),
            event_handlers(),
        )

    async def send(self, email: Email, id: str) -> None:
        """Keep an e-mail, or fail."""
        if self.failing:
            self.failing -= 1
            raise ConnectionError
        self.emails.append((id, email))

    async def collect(self, to: str) -> list[Email]:
        """Deliver the outbox until it is empty, and return the e-mails to an address."""
        while await poll_and_finish(self.relay):
            pass
        return [email for _, email in self.emails if email.to == to]


def token_in_email(email: Email) -> str:
    """Return the token in the link of an e-mail."""
    match = re.search(r"[#?]token=(\S+)", email.text)
    assert match is not None, email.text
    return match[1]
