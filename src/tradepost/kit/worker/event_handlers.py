"""Deliveries: functions of the rooms that hear events after their transaction (`@delivers`); the relay calls them (see `relay`)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ..writes.call_context import CallContext

type HandlerFunction = Callable[[CallContext, Event], Awaitable[None]]


class Event(msgspec.Struct, frozen=True):
    """One event on its way. `id` is the same on each attempt; `attempt` counts from 1."""

    id: str
    type: str
    subject: str
    data: Mapping[str, Any]
    request_id: str
    created_at: datetime
    attempt: int


class Undeliverable(Exception):
    """Raised by a function for what no further attempt can change; the event is dead at once."""


class EventHandler:
    """A function of a room that hears events of some types."""

    def __init__(self, function: HandlerFunction, types: tuple[str, ...]) -> None:
        self.function, self.types, self.name = function, types, function.__qualname__

    def __call__(self, context: CallContext, event: Event) -> Awaitable[None]:
        """Calls the function."""
        return self.function(context, event)


def deliver_event(*types: str) -> Callable[[HandlerFunction], EventHandler]:
    """Declares a function, in a room's `service`, that is called with each event of these types: at least once, and not in its transaction.

    It has half a lease of time (30 s). What it raises makes the relay try again later, `Undeliverable` ends it. Where several functions hear one
    type, an attempt calls all of them, side by side; when one fails, the next attempt calls all again. `event.id` tells a repeat.
    """
    return lambda function: EventHandler(function, types)
