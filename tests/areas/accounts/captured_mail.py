"""Letters as they would arrive: the worker's deliveries over the outbox of a shop, into a list."""

import re
from typing import TYPE_CHECKING

from tests.kit.outboxes import poll_and_finish
from tradepost.app import deliveries
from tradepost.areas.accounts.service import SYSTEM
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.worker.mail import Email, Mailer
from tradepost.kit.worker.outbox_relay import OutboxRelay
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


class Letterbox:
    """The shop's own letters, written by the functions of its rooms. `failing` says how many sendings fail before one works."""

    def __init__(self, shop: "TradepostApp") -> None:
        self.letters: list[tuple[str, Email]] = []
        self.failing = 0
        means = Dependencies()
        means.instances |= shop.state.means.things
        means.provide(Mailer, self)  # type: ignore[type-abstract]
        self.database = shop.state.database
        self.relay = OutboxRelay(
            self.database,
            lambda request: CallContext(SYSTEM, self.database, request, door="worker", dependencies=means),
            deliveries(),
        )

    async def send(self, email: Email, id: str) -> None:
        """Takes a letter."""
        if self.failing:
            self.failing -= 1
            raise ConnectionError
        self.letters.append((id, email))

    async def collect(self, to: str) -> list[Email]:
        """The letters to an address, once the outbox is empty."""
        while await poll_and_finish(self.relay):
            pass
        return [letter for _, letter in self.letters if letter.to == to]


def token_in(letter: Email) -> str:
    """The token in a letter's link."""
    found = re.search(r"#token=(\S+)", letter.text)
    assert found is not None, letter.text
    return found[1]
