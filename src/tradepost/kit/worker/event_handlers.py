"""Event handlers that run after the transaction (`@deliver_event`); the outbox relay calls them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ..writes.call_context import CallContext

type HandlerFunction = Callable[[CallContext, Event], Awaitable[None]]


class Event(msgspec.Struct, frozen=True):
    """An event of the outbox. `attempt` counts its deliveries from 1; `id` is the same in each."""

    id: str
    type: str
    subject: str
    data: Mapping[str, Any]
    request_id: str
    created_at: datetime
    attempt: int


class Undeliverable(Exception):
    """Raised by a handler if no further attempt can succeed. The event is marked dead at once."""


class EventHandler:
    """A function that handles events of some types."""

    def __init__(self, function: HandlerFunction, types: tuple[str, ...]) -> None:
        self.function, self.types, self.name = function, types, function.__qualname__

    def __call__(self, context: CallContext, event: Event) -> Awaitable[None]:
        """Call the function."""
        return self.function(context, event)


def deliver_event(*types: str) -> Callable[[HandlerFunction], EventHandler]:
    """Declare a function of an area's `service` as the handler of these event types.

    It is called at least once for each event, outside its transaction, and has 30 s (half a lease).
    If it raises Undeliverable the event is given up; after any other exception it is tried again
    later. Several handlers of one type run concurrently; if one fails, all of them are called
    again. A handler can recognise a repetition by `event.id`.
    """
    return lambda function: EventHandler(function, types)
