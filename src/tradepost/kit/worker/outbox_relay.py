"""The outbox relay: delivers events to their handlers, outside the transaction that wrote them.

Delivery is at least once. A relay leases an event while it delivers it. If the relay dies, its
lease expires and another relay delivers the event again, under the same id. Several relays can run
at the same time; none gets an event that another has leased. Each relay compares leases with its
own clock, and a delivery ends after half a lease, so clocks may differ by the other half.

Events without a handler count as sent. When a new event type is added, start the processes that
handle it before those that emit it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import uniform
from time import monotonic

from ..clock import Clock, now
from ..problems import Unavailable
from ..writes.call_context import CallContext
from ..writes.database import Database
from .event_handlers import Event, EventHandler, Undeliverable
from .outbox_queue import OutboxQueue

LOG = logging.getLogger("tradepost.relay")


class OutboxRelay:
    """Delivers due events, the longest due first. A failing event delays no other."""

    lease = timedelta(seconds=60)
    concurrency = 8
    # Seconds between two polls. A commit of this process that emitted an event polls at once.
    poll_interval = 1.0
    # Seconds that `run` waits for running deliveries after `stop`.
    stop_timeout = 25.0
    # Seconds before the second, third, ... attempt. After the last of them an event is dead.
    retry_delays = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0)

    def __init__(
        self,
        database: Database,
        context: Callable[[str], CallContext],
        handlers: Iterable[EventHandler],
        *,
        held: Iterable[str] = (),
        clock: Clock = now,
    ) -> None:
        """`context` creates a delivery's context from the request id of its event.

        Events of `held` types are left for another relay.
        """
        self.database, self.context, self.clock, held_types = database, context, clock, frozenset(held)
        self.handlers: dict[str, list[EventHandler]] = {}
        for handler in handlers:
            for type in frozenset(handler.types) - held_types:
                self.handlers.setdefault(type, []).append(handler)
        self.queue = OutboxQueue(database, self.handlers, held_types)
        self.running: set[asyncio.Task[None]] = set()
        self.stopping, self.acknowledged_at = False, 0.0
        self.delivered = self.failed = self.dead = 0

    async def run(self) -> None:
        """Deliver events until `stop`, then wait for the running deliveries.

        Deliveries that outlast `stop_timeout` are cancelled and left to their leases.
        """
        pause, wake_up = self.poll_interval, self.database.event_committed
        self.database.handled_types |= frozenset(self.handlers)
        while not self.stopping:
            wake_up.clear()
            try:
                await self.poll_once()
                pause = self.poll_interval
            except Unavailable:
                LOG.warning("The outbox could not be read: the database is not available")
                pause = self.poll_interval
            except Exception:
                LOG.exception("The outbox could not be read; trying again in %.0f s", pause)
                pause = min(pause * 2, 30.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await wake_up.wait()
        await self._finish()

    def stop(self) -> None:
        """Start no further deliveries."""
        self.stopping = True
        self.database.event_committed.set()

    async def poll_once(self) -> int:
        """Start delivering due events, up to `concurrency`. Return how many were started."""
        time = self.clock()
        if monotonic() - self.acknowledged_at >= self.poll_interval:
            self.acknowledged_at = monotonic()
            await self.queue.acknowledge_unhandled(time)
        capacity = self.concurrency - len(self.running)
        if not capacity or not self.handlers or not await self.queue.has_due(time):
            return 0
        events = await self.queue.claim(time, self.lease, capacity)
        for event in events:
            task = asyncio.create_task(self._deliver(event))
            self.running.add(task)
            task.add_done_callback(self._delivery_done)
        return len(events)

    def _delivery_done(self, task: asyncio.Task[None]) -> None:
        """Poll again, now that there is capacity."""
        self.running.discard(task)
        self.database.event_committed.set()

    async def _finish(self) -> None:
        if not self.running:
            return
        _, unfinished = await asyncio.wait(self.running, timeout=self.stop_timeout)
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)

    async def _deliver(self, event: Event) -> None:
        """Make one attempt and record its outcome."""
        try:
            if event.attempt > len(self.retry_delays) + 1:  # the relay died during the last attempt
                has_lease = await self._dead_letter(event, "LeaseExpired")
            else:
                errors = await asyncio.gather(*[self._call(handler, event) for handler in self.handlers[event.type]])
                has_lease = await self._record_outcome(event, [error for error in errors if error is not None])
            if not has_lease:
                LOG.warning(
                    "The lease of event %s (%s) expired during its delivery; it may be delivered twice",
                    event.id,
                    event.type,
                )
        except Unavailable:
            LOG.warning(
                "The outcome of event %s (%s) could not be recorded, because the database is not available; "
                "it is delivered again after its lease",
                event.id,
                event.type,
            )
        except Exception:
            LOG.exception(
                "The outcome of event %s (%s) could not be recorded; it is delivered again after its lease",
                event.id,
                event.type,
            )

    async def _call(self, handler: EventHandler, event: Event) -> Exception | None:
        """Call a handler and return what it raised.

        Only the error's type and place are logged: its message may contain personal data.
        """
        try:
            async with asyncio.timeout((self.lease / 2).total_seconds()):
                await handler(self.context(event.request_id), event)
        except Exception as error:
            LOG.warning(
                "%s failed for event %s (%s), attempt %d: %s",
                handler.name,
                event.id,
                event.type,
                event.attempt,
                _type_and_place(error),
            )
            return error
        return None

    async def _record_outcome(self, event: Event, errors: list[Exception]) -> bool:
        """Mark the event as sent, due again later, or dead. Return False if the lease was lost."""
        if not errors:
            self.delivered += 1
            return await self.queue.mark_sent(event, self.clock())
        self.failed += 1
        error = type(errors[0]).__name__
        if event.attempt > len(self.retry_delays) or all(isinstance(e, Undeliverable) for e in errors):
            return await self._dead_letter(event, error)
        # Jitter, so that events that failed together are not retried together.
        delay = self.retry_delays[event.attempt - 1] * uniform(0.8, 1.2)  # noqa: S311 (not a secret)
        return await self.queue.retry_at(event, self.clock() + timedelta(seconds=delay), error)

    async def _dead_letter(self, event: Event, error: str) -> bool:
        self.dead += 1
        LOG.error("Event %s (%s) was given up at attempt %d: %s", event.id, event.type, event.attempt, error)
        return await self.queue.mark_dead(event, error)


def _type_and_place(error: Exception) -> str:
    """Return an error's type, and the file and line that raised it."""
    frame, place = error.__traceback__, ""
    while frame is not None:
        place, frame = f" ({Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno})", frame.tb_next
    return type(error).__name__ + place
