"""Periodic tasks of the worker (`@periodic`), such as deleting expired rows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import uniform

from ..problems import Unavailable
from ..writes.call_context import CallContext

LOG = logging.getLogger("tradepost.periodic")
MAX_FIRST_DELAY = 60.0


class PeriodicTask:
    """A function, and the mean number of seconds between two runs of it."""

    def __init__(self, function: Callable[[CallContext], Awaitable[None]], seconds: float) -> None:
        self.function, self.seconds, self.name = function, seconds, function.__qualname__

    def __call__(self, context: CallContext) -> Awaitable[None]:
        """Run the task once."""
        return self.function(context)


def periodic(
    *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
) -> Callable[[Callable[[CallContext], Awaitable[None]]], PeriodicTask]:
    """Declare a function of an area's `service` as a periodic task.

    Every worker runs it, each at its own times, so runs may overlap.
    """
    return lambda function: PeriodicTask(function, days * 86400 + hours * 3600 + minutes * 60 + seconds)


async def run_forever(task: PeriodicTask, context: Callable[[], CallContext]) -> None:
    """Run a task periodically until cancelled.

    The first run is within a minute, so that processes with a short life run it too. Pauses vary
    at random, so that workers do not run it at the same time.
    """
    pause = uniform(0, min(task.seconds, MAX_FIRST_DELAY))  # noqa: S311 (not a secret)
    while True:
        await asyncio.sleep(pause)
        try:
            await task(context())
        except Unavailable:
            LOG.warning("The periodic task %s did not run: the database is not available", task.name)
        except Exception:
            LOG.exception("The periodic task %s failed; the next run tries again", task.name)
        pause = task.seconds * uniform(0.5, 1.5)  # noqa: S311
