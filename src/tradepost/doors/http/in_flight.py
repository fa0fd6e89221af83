"""The requests in flight, those whose answer has not begun: bounded in number, and each in time.

One timer serves all of them, and the access log as well: a timer each (`asyncio.timeout`) would cost every request some 2 us. It runs only
while there is something to do.
"""

import asyncio
from time import perf_counter

from .access_log import AccessLog
from .response_sender import ResponseSender

TICK = 0.25
"""Seconds between two looks at the clock; a request may be so much over its time."""


class InFlightRequests:
    """At most `most` requests, each cancelled where its answer has not begun after `timeout` seconds."""

    def __init__(self, most: int, timeout: float, log: AccessLog | None) -> None:
        self.limit, self.timeout, self.log = most, timeout, log
        self.senders: dict[ResponseSender, None] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.timer: asyncio.TimerHandle | None = None

    def try_add(self, reply: ResponseSender) -> bool:
        """Takes a request in; False where there are too many."""
        if self.timer is None or self.loop is not asyncio.get_running_loop():
            self.timer = self.later()
        if len(self.senders) >= self.limit:
            return False
        reply.deadline, reply.task = reply.started + self.timeout, asyncio.current_task()
        self.senders[reply] = None
        return True

    @property
    def has_room(self) -> bool:
        """Whether one more may come in."""
        return len(self.senders) < self.limit

    def ensure_timer(self) -> None:
        """Makes sure that the timer runs: there is something to watch over or to write."""
        if self.timer is None or self.loop is not asyncio.get_running_loop():
            self.timer = self.later()

    def later(self) -> asyncio.TimerHandle:
        """The next tick, in the running loop."""
        self.loop = asyncio.get_running_loop()
        return self.loop.call_later(min(TICK, self.timeout / 4), self.tick)

    def tick(self) -> None:
        """Ends what is over its time and writes the access lines."""
        # What is cancelled now has its access line only afterwards, so the timer runs once more for it.
        busy = bool(self.senders)
        self.cancel_late(perf_counter())
        if self.log is not None:
            self.log.flush()
        self.timer = self.later() if busy else None

    def cancel_late(self, moment: float) -> None:
        """Cancels what should have begun its answer by this moment."""
        # A dict keeps its order and all requests have the same time, so the first that has time left ends the search.
        for reply in list(self.senders):
            if reply.deadline > moment:
                break
            self.senders.pop(reply)
            reply.timed_out = True
            if reply.task is not None:
                reply.task.cancel()

    def stop(self) -> None:
        """Stops the timer and writes what the log still holds."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.log is not None:
            self.log.flush()
