"""Requests in flight, those whose response has not started: limits on their number and duration.

One timer serves all requests and flushes the access log: a timer per request (`asyncio.timeout`)
costs about 2 us. It runs only while there is something to do.
"""

import asyncio
from time import perf_counter

from .access_log import AccessLog
from .response_sender import ResponseSender

TICK = 0.25
"""Seconds between two runs of the timer; a request may exceed its timeout by this much."""


class InFlightRequests:
    """At most `limit` requests. Each is cancelled if no response has started within `timeout` s."""

    def __init__(self, limit: int, timeout: float, access_log: AccessLog | None) -> None:
        self.limit, self.timeout, self.access_log = limit, timeout, access_log
        self.senders: dict[ResponseSender, None] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.timer: asyncio.TimerHandle | None = None

    def try_add(self, sender: ResponseSender) -> bool:
        """Add a request, or return False if the limit is reached."""
        if self.timer is None or self.loop is not asyncio.get_running_loop():
            self.timer = self._schedule()
        if len(self.senders) >= self.limit:
            return False
        sender.deadline, sender.task = sender.started + self.timeout, asyncio.current_task()
        self.senders[sender] = None
        return True

    @property
    def has_room(self) -> bool:
        """Whether the limit is not reached."""
        return len(self.senders) < self.limit

    def ensure_timer(self) -> None:
        """Start the timer unless it runs in the current event loop."""
        if self.timer is None or self.loop is not asyncio.get_running_loop():
            self.timer = self._schedule()

    def _schedule(self) -> asyncio.TimerHandle:
        """Schedule the next tick in the running loop."""
        self.loop = asyncio.get_running_loop()
        return self.loop.call_later(min(TICK, self.timeout / 4), self._tick)

    def _tick(self) -> None:
        """Cancel the requests that are past their deadline and flush the access log."""
        # A request cancelled now is logged afterwards, so the timer runs once more for it.
        busy = bool(self.senders)
        self._cancel_late(perf_counter())
        if self.access_log is not None:
            self.access_log.flush()
        self.timer = self._schedule() if busy else None

    def _cancel_late(self, moment: float) -> None:
        """Cancel the requests whose deadline is before `moment`."""
        # A dict keeps its order and all requests have the same timeout: the first request with
        # time left ends the search.
        for sender in list(self.senders):
            if sender.deadline > moment:
                break
            self.senders.pop(sender)
            sender.timed_out = True
            if sender.task is not None:
                sender.task.cancel()

    def stop(self) -> None:
        """Stop the timer and flush the access log."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.access_log is not None:
            self.access_log.flush()
