"""Handlers of domain events for tests: they record what they are called with."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, DomainEventHandler, DomainEventHandlers, on_event

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

type Check = Callable[[CallContext, Sequence[DomainEvent]], None]


class Recorder:
    """A handler that records the events of each call, and then runs a check."""

    def __init__(self, *types: str, check: Check = lambda context, events: None) -> None:
        self.calls: list[list[DomainEvent]] = []
        self.check, self.types = check, types

    async def handle(self, context: CallContext, events: Sequence[DomainEvent]) -> None:
        """Record the events."""
        self.calls.append([*events])
        self.check(context, events)

    @property
    def handler(self) -> DomainEventHandler:
        """The declared handler."""
        return on_event(*self.types)(self.handle)

    @property
    def events(self) -> list[DomainEvent]:
        """The events of all calls, in order."""
        return [event for call in self.calls for event in call]


@contextmanager
def handled_by(app: "TradepostApp", *handlers: DomainEventHandler) -> Iterator[None]:
    """Let an app call these handlers instead of those of the areas."""
    dependencies = app.state.dependencies
    before = dependencies.require(DomainEventHandlers)
    dependencies.provide(DomainEventHandlers, DomainEventHandlers(handlers))
    try:
        yield
    finally:
        dependencies.provide(DomainEventHandlers, before)
