"""The relay: delivers what the outbox holds to the functions of the rooms that ask for it, outside the transaction that wrote it.

At least once: an event that is being delivered is leased, and a relay that dies loses its lease with it, so that another one delivers the event
again, under the same id. Several relays side by side share the work, and none gets what another has. A lease is compared with each relay's own
clock; a delivery ends after half of it, so clocks may differ by as much.

What no function hears counts as sent: bring up the processes that know a new type before those that announce it.
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
from ..writes.call_context import CallContext
from ..writes.database import Database
from .event_handlers import Event, EventHandler, Undeliverable
from .outbox_queue import OutboxQueue

LOG = logging.getLogger("tradepost.relay")


class OutboxRelay:
    """Claims events that are due, the longest due first, and delivers some at a time; each that fails waits by itself and holds up no other."""

    lease = timedelta(seconds=60)
    concurrency = 8
    # Seconds between two looks at the outbox; it is also looked at when this process has announced something.
    poll_interval = 1.0
    # Seconds that a stop waits for what is being delivered.
    stop_timeout = 25.0
    # Seconds before the second attempt, the third ...; an event that fails after the last pause is dead.
    retry_delays = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0)

    def __init__(
        self,
        database: Database,
        context: Callable[[str], CallContext],
        deliveries: Iterable[EventHandler],
        *,
        held: Iterable[str] = (),
        clock: Clock = now,
    ) -> None:
        """`context` makes the surroundings of a delivery from the request id of its event; events of types that are `held` wait for another relay."""
        self.database, self.context, self.clock, withheld = database, context, clock, frozenset(held)
        self.handlers: dict[str, list[EventHandler]] = {}
        for delivery in deliveries:
            for type in frozenset(delivery.types) - withheld:
                self.handlers.setdefault(type, []).append(delivery)
        self.queue = OutboxQueue(database, self.handlers, withheld)
        self.running: set[asyncio.Task[None]] = set()
        self.stopping, self.acknowledged_at = False, 0.0
        self.delivered = self.failed = self.dead = 0

    async def run(self) -> None:
        """Delivers until `stop`; then what is being delivered is finished, or left to its lease after the grace."""
        pause, woken = self.poll_interval, self.database.event_committed
        self.database.handled_types |= frozenset(self.handlers)
        while not self.stopping:
            woken.clear()
            try:
                await self.poll_once()
                pause = self.poll_interval
            except Exception:
                LOG.exception("the outbox could not be read; the next try is in %.0f s", pause)
                pause = min(pause * 2, 30.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await woken.wait()
        await self._finish()

    def stop(self) -> None:
        """Begins no further delivery."""
        self.stopping = True
        self.database.event_committed.set()

    async def poll_once(self) -> int:
        """Begins to deliver what is due, as much as there is room for, and tells how much that was."""
        moment = self.clock()
        if monotonic() - self.acknowledged_at >= self.poll_interval:
            self.acknowledged_at = monotonic()
            await self.queue.acknowledge_unhandled(moment)
        room = self.concurrency - len(self.running)
        if not room or not self.handlers or not await self.queue.has_due(moment):
            return 0
        events = await self.queue.claim(moment, self.lease, room)
        for event in events:
            task = asyncio.create_task(self._deliver(event))
            self.running.add(task)
            task.add_done_callback(self._done)
        return len(events)

    def _done(self, task: asyncio.Task[None]) -> None:
        """There is room again."""
        self.running.discard(task)
        self.database.event_committed.set()

    async def _finish(self) -> None:
        if not self.running:
            return
        _, late = await asyncio.wait(self.running, timeout=self.stop_timeout)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _deliver(self, event: Event) -> None:
        """One attempt, and what became of it."""
        try:
            if event.attempt > len(self.retry_delays) + 1:  # whoever had the last one died in it
                kept = await self._dead_letter(event, "LeaseExpired")
            else:
                faults = await asyncio.gather(*[self._call(delivery, event) for delivery in self.handlers[event.type]])
                kept = await self._settle(event, [f for f in faults if f is not None])
            if not kept:
                LOG.warning(
                    "the lease of event %s (%s) ran out while it was being delivered; it may arrive twice",
                    event.id,
                    event.type,
                )
        except Exception:
            LOG.exception(
                "what became of event %s (%s) could not be written; it is delivered again after its lease",
                event.id,
                event.type,
            )

    async def _call(self, delivery: EventHandler, event: Event) -> Exception | None:
        """What a function raised. Only its kind and its place are logged: its text may repeat what is personal."""
        try:
            async with asyncio.timeout((self.lease / 2).total_seconds()):
                await delivery(self.context(event.request_id), event)
        except Exception as fault:
            LOG.warning(
                "%s failed on event %s (%s), attempt %d: %s",
                delivery.name,
                event.id,
                event.type,
                event.attempt,
                _place(fault),
            )
            return fault
        return None

    async def _settle(self, event: Event, faults: list[Exception]) -> bool:
        """Sent; or due again after a pause; or dead."""
        if not faults:
            self.delivered += 1
            return await self.queue.mark_sent(event, self.clock())
        self.failed += 1
        fault = type(faults[0]).__name__
        if event.attempt > len(self.retry_delays) or all(isinstance(f, Undeliverable) for f in faults):
            return await self._dead_letter(event, fault)
        # No two that failed together come back together.
        pause = self.retry_delays[event.attempt - 1] * uniform(0.8, 1.2)  # noqa: S311 (nothing is secret about it)
        return await self.queue.retry_at(event, self.clock() + timedelta(seconds=pause), fault)

    async def _dead_letter(self, event: Event, fault: str) -> bool:
        self.dead += 1
        LOG.error("event %s (%s) is given up at attempt %d: %s", event.id, event.type, event.attempt, fault)
        return await self.queue.mark_dead(event, fault)


def _place(fault: Exception) -> str:
    """The kind of a fault, and where it was raised."""
    step, place = fault.__traceback__, ""
    while step is not None:
        place, step = f" ({Path(step.tb_frame.f_code.co_filename).name}:{step.tb_lineno})", step.tb_next
    return type(fault).__name__ + place
