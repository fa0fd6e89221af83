"""The worker: delivers the events in the outbox and runs periodic tasks.

It runs in the server processes (`WORKER=on`) or as a process of its own (`tradepost worker`). Any
number of workers can run concurrently.
"""

import asyncio
import logging
import signal
from collections.abc import Iterable
from logging.config import dictConfig

import uvloop

from tradepost.areas.accounts.service import SYSTEM
from tradepost.bootstrap import create_database, create_dependencies, stop_payments
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.worker.event_handlers import EventHandler
from tradepost.kit.worker.mail import Mailer
from tradepost.kit.worker.outbox_relay import OutboxRelay
from tradepost.kit.worker.periodic import PeriodicTask, run_forever
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database
from tradepost.kit.writes.domain_events import DomainEventHandlers
from tradepost.kit.writes.event_types import EventTypes
from tradepost.kit.writes.outbox import is_personal_event
from tradepost.logging_config import logging_config
from tradepost.settings import Settings

LOG = logging.getLogger("tradepost.worker")


class Worker:
    """An outbox relay and periodic tasks, over one database."""

    def __init__(
        self,
        database: Database,
        dependencies: Dependencies,
        handlers: Iterable[EventHandler],
        periodic_tasks: Iterable[PeriodicTask],
    ) -> None:
        self.database, self.dependencies, self.periodic_tasks = database, dependencies, [*periodic_tasks]
        handlers = [*handlers]
        mail_types = {type for handler in handlers for type in handler.types if is_personal_event(type)}
        held = mail_types if Mailer not in dependencies.instances else ()
        if held:
            LOG.warning("MAILER is `smtp` but SMTP_URL is not set: e-mails wait in the outbox")
        self.relay = OutboxRelay(database, self.create_context, handlers, held=held)

    def create_context(self, request_id: str = "") -> CallContext:
        """Return the context of an event delivery or of one run of a periodic task.

        request_id: the request that caused the event.
        """
        return CallContext(SYSTEM, self.database, request_id, door="worker", dependencies=self.dependencies)

    async def run(self) -> None:
        """Run until `stop` is called; running deliveries are then finished."""
        tasks = [asyncio.create_task(run_forever(task, self.create_context)) for task in self.periodic_tasks]
        try:
            await self.relay.run()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """Start no further deliveries, so that `run` ends."""
        self.relay.stop()


def run_worker(
    settings: Settings,
    handlers: Iterable[EventHandler],
    domain_handlers: DomainEventHandlers,
    event_types: EventTypes,
    periodic_tasks: Iterable[PeriodicTask],
) -> None:
    """Run the worker as the whole process, until SIGTERM or Ctrl-C."""
    dictConfig(logging_config(settings))
    uvloop.run(_run(settings, handlers, domain_handlers, event_types, periodic_tasks))


async def _run(
    settings: Settings,
    handlers: Iterable[EventHandler],
    domain_handlers: DomainEventHandlers,
    event_types: EventTypes,
    periodic_tasks: Iterable[PeriodicTask],
) -> None:
    database = create_database(settings)
    dependencies = create_dependencies(settings, database, domain_handlers, event_types)
    await database.start()
    try:
        worker = Worker(database, dependencies, handlers, periodic_tasks)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, worker.stop)
        LOG.info(
            "worker started: %d event types, %d periodic tasks",
            len(worker.relay.handlers),
            len(worker.periodic_tasks),
        )
        await worker.run()
        LOG.info(
            "worker stopped: %d events delivered, %d attempts failed",
            worker.relay.delivered,
            worker.relay.failed,
        )
    finally:
        await stop_payments(dependencies)
        await database.stop()
