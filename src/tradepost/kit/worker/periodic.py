"""Chores: what a worker does every so often for a room (`@every`): deleting what is old, letting go of what has expired."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import uniform

from ..writes.call_context import CallContext

LOG = logging.getLogger("tradepost.chores")
SOON = 60.0


class PeriodicTask:
    """A function of a room, and the seconds between two runs of it."""

    def __init__(self, function: Callable[[CallContext], Awaitable[None]], seconds: float) -> None:
        self.function, self.seconds, self.name = function, seconds, function.__qualname__

    def __call__(self, context: CallContext) -> Awaitable[None]:
        """Runs it once."""
        return self.function(context)


def periodic(
    *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
) -> Callable[[Callable[[CallContext], Awaitable[None]]], PeriodicTask]:
    """Declares a function, in a room's `service`, as a chore. Each worker runs it at its own times, so it has to bear another one beside it."""
    return lambda function: PeriodicTask(function, days * 86400 + hours * 3600 + minutes * 60 + seconds)


async def run_forever(chore: PeriodicTask, context: Callable[[], CallContext]) -> None:
    """Runs a chore for as long as it is left to: first within a minute, so that it also runs where processes are short-lived. No two keep step."""
    pause = uniform(0, min(chore.seconds, SOON))  # noqa: S311 (nothing is secret about it)
    while True:
        await asyncio.sleep(pause)
        try:
            await chore(context())
        except Exception:
            LOG.exception("the chore %s failed; the next run tries again", chore.name)
        pause = chore.seconds * uniform(0.5, 1.5)  # noqa: S311
