"""The worker, the third caller of the services: it delivers what the outbox holds and does the chores of the rooms.

It runs beside the doors (`WORKER=on`) or as a process of its own (`tradepost worker`); any number of them may run side by side.
"""

import asyncio
import logging
import signal
from collections.abc import Iterable
from logging.config import dictConfig

import click
import uvloop

from tradepost.areas.accounts.service import SYSTEM
from tradepost.bootstrap import create_database, create_dependencies
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.worker.event_handlers import EventHandler
from tradepost.kit.worker.mail import Mailer
from tradepost.kit.worker.outbox_relay import OutboxRelay
from tradepost.kit.worker.periodic import PeriodicTask, run_forever
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database
from tradepost.kit.writes.outbox import is_personal_event
from tradepost.logging_config import logging_config
from tradepost.migrations.head import is_at_head
from tradepost.settings import Settings

LOG = logging.getLogger("tradepost.worker")


class Worker:
    """A relay and the chores, over one database."""

    def __init__(
        self,
        database: Database,
        dependencies: Dependencies,
        deliveries: Iterable[EventHandler],
        periodic_tasks: Iterable[PeriodicTask],
    ) -> None:
        self.database, self.dependencies, self.periodic_tasks = database, dependencies, [*periodic_tasks]
        heard = [*deliveries]
        letters = {type for delivery in heard for type in delivery.types if is_personal_event(type)}
        held = letters if Mailer not in dependencies.instances else ()
        if held:
            LOG.warning("MAILER is `smtp` and SMTP_URL is not set: letters wait in the outbox")
        self.relay = OutboxRelay(database, self.create_context, heard, held=held)

    def create_context(self, request_id: str = "") -> CallContext:
        """The surroundings of one delivery, by the request that caused it, or of one run of a chore."""
        return CallContext(SYSTEM, self.database, request_id, door="worker", dependencies=self.dependencies)

    async def run(self) -> None:
        """Works until `stop`; then finishes what is being delivered."""
        keeping = [asyncio.create_task(run_forever(chore, self.create_context)) for chore in self.periodic_tasks]
        try:
            await self.relay.run()
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    def stop(self) -> None:
        """Begins nothing further."""
        self.relay.stop()


def run_worker(settings: Settings, deliveries: Iterable[EventHandler], periodic_tasks: Iterable[PeriodicTask]) -> None:
    """The worker as a process of its own, until SIGTERM or Ctrl-C."""
    dictConfig(logging_config(settings))
    uvloop.run(_work(settings, deliveries, periodic_tasks))


async def _work(settings: Settings, deliveries: Iterable[EventHandler], chores: Iterable[PeriodicTask]) -> None:
    database = create_database(settings)
    await database.start()
    try:
        if not await is_at_head(database.engine):
            raise click.ClickException(
                "The database is not at the newest version of its tables; run `tradepost migrate`."
            )
        worker = Worker(database, create_dependencies(settings, database), deliveries, chores)
        for told in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(told, worker.stop)
        LOG.info(
            "the worker is at work: %d kinds of events to deliver, %d chores",
            len(worker.relay.handlers),
            len(worker.periodic_tasks),
        )
        await worker.run()
        LOG.info(
            "the worker has finished: %d events delivered, %d attempts failed",
            worker.relay.delivered,
            worker.relay.failed,
        )
    finally:
        await database.stop()
