"""Event handlers that run in the transaction of the change (`@on_event`).

They carry the effects of a change into later areas, which the area of the change may not import.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from .pending import PendingEvents

MAX_ROUNDS = 10
"""Handlers may emit events, which are handled in the next round."""


class DomainEvent(msgspec.Struct, frozen=True):
    """A change in the open transaction, such as `variant.updated`.

    subject: the id of the row that changed.
    """

    type: str
    subject: str
    data: Mapping[str, Any]


# The first argument is the CallContext, which depends on this module.
type HandlerFunction = Callable[[Any, Sequence[DomainEvent]], Awaitable[None]]


class DomainEventHandler:
    """A function that handles events of some types in their transaction."""

    def __init__(self, function: HandlerFunction, types: tuple[str, ...]) -> None:
        self.function, self.types = function, frozenset(types)

    def __call__(self, context: Any, events: Sequence[DomainEvent]) -> Awaitable[None]:
        """Call the function."""
        return self.function(context, events)


def on_event(*types: str) -> Callable[[HandlerFunction], DomainEventHandler]:
    """Declare a function of an area's `service` as the handler of these event types.

    It runs in the open transaction, before the commit, and is called once with all events of its
    types, in their order. Their changes are in the database by then, except that rows are deleted
    after the handlers of `<resource>.deleted`, which still find what refers to them. It may refuse
    the change by raising a Problem: the transaction is rolled back. The answer of the operation has
    been read before, so a handler must not change what the operation returns. It acts for the
    caller of the operation, whose permissions need not cover its effects, so it calls functions of
    services, not operations.

    In a batch that writes item by item, it is called once for each item, in the item's savepoint,
    so that a refusal fails this item alone.
    """
    return lambda function: DomainEventHandler(function, types)


class DomainEventHandlers:
    """The handlers of all areas, in the order of the areas."""

    __slots__ = ("handlers", "types")

    def __init__(self, handlers: Iterable[DomainEventHandler] = ()) -> None:
        self.handlers = tuple(handlers)
        self.types = frozenset[str]().union(*[handler.types for handler in self.handlers])

    async def run(self, context: Any, session: AsyncSession) -> None:
        """Handle the events of a transaction that have not been handled yet.

        Raise RuntimeError if handlers emit events without end.
        """
        pending = PendingEvents.for_session(session)
        for _ in range(MAX_ROUNDS):
            events = [DomainEvent(e["type"], e["subject"], e["data"]) for e in pending.take_new(self.types)]
            if not events:
                return
            await session.flush()
            for handler in self.handlers:
                if matching := [event for event in events if event.type in handler.types]:
                    await handler(context, matching)
        if endless := {event["type"] for event in pending.take_new(self.types)}:
            names = ", ".join(sorted(endless))
            raise RuntimeError(f"event handlers emit events of the types {names} without end")
