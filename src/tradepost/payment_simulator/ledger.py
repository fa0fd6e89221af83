"""What every change has in common: events with their deliveries, and entries of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .objects import new_balance_transaction, new_event
from .store import Object, Transaction

REORDER_SECONDS = 0.5


@dataclass(frozen=True)
class WebhookEndpoint:
    """A URL that gets events, signed with its own secret. No `events`: all types."""

    url: str
    secret: str = field(repr=False)
    events: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WebhookMode:
    """How webhooks are delivered, for tests.

    kind: `normal`, `double` (each event twice), `delay` (by `seconds`), `reorder` (events of half a
        second arrive in reverse order) or `suppress` (events are listed but not delivered).
    types: only events of these types; none: all.
    """

    kind: str = "normal"
    seconds: float = 0
    types: Sequence[str] = ()


@dataclass(frozen=True)
class Options:
    """What the changes depend on.

    settle_seconds: how long delayed payments, pending refunds and disputes of test cards take.
    """

    endpoints: Sequence[WebhookEndpoint] = ()
    settle_seconds: float = 5


class Ledger(Transaction):
    """A transaction that writes events for the endpoints."""

    def __init__(self, tx: Transaction, options: Options, base_url: str = "") -> None:
        super().__init__(tx.connection, tx.now)
        self.endpoints, self.settle_seconds, self.base_url = options.endpoints, options.settle_seconds, base_url

    def emit(self, event_type: str, item: Object) -> None:
        """Record an event, and its delivery to each endpoint in the same transaction."""
        event = new_event(self, event_type, item)
        urls = [e.url for e in self.endpoints if not e.events or event_type in e.events]
        self.deliver(self.insert({**event, "pending_webhooks": len(urls)}), urls)

    def deliver(self, event: Object, urls: Sequence[str]) -> None:
        """Queue the delivery of an event."""
        mode = WebhookMode(**(self.setting("webhooks") or {}))
        if mode.types and event["type"] not in mode.types:
            mode = WebhookMode()
        if mode.kind == "suppress":
            return
        wait = {"delay": mode.seconds, "reorder": mode.seconds or REORDER_SECONDS}.get(mode.kind, 0)
        for url in [*urls, *(urls if mode.kind == "double" else [])]:
            self.execute(
                "INSERT INTO delivery (event, url, due, is_reversed) VALUES (?, ?, ?, ?)",
                event["id"],
                url,
                self.now + wait,
                mode.kind == "reorder",
            )

    def book(self, source: Object, amount: int, kind: str) -> str:
        """Write an entry of the ledger and return its id."""
        return self.insert(new_balance_transaction(self, source, amount, kind))["id"]
