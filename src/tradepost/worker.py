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
from tradepost.bootstrap import database_of, means_of
from tradepost.kit.dependencies import Means
from tradepost.kit.worker.event_handlers import Delivery
from tradepost.kit.worker.mail import Mailer
from tradepost.kit.worker.outbox_relay import Relay
from tradepost.kit.worker.periodic import Chore, keep
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.database import Database
from tradepost.kit.writes.outbox import is_personal
from tradepost.logging_config import logging_config
from tradepost.migrations.head import at_head
from tradepost.settings import Settings

LOG = logging.getLogger("tradepost.worker")


class Worker:
    """A relay and the chores, over one database."""

    def __init__(
        self, database: Database, means: Means, deliveries: Iterable[Delivery], chores: Iterable[Chore]
    ) -> None:
        self.database, self.means, self.chores = database, means, [*chores]
        heard = [*deliveries]
        letters = {type for delivery in heard for type in delivery.types if is_personal(type)}
        held = letters if Mailer not in means.things else ()
        if held:
            LOG.warning("MAILER is `smtp` and SMTP_URL is not set: letters wait in the outbox")
        self.relay = Relay(database, self.context, heard, held=held)

    def context(self, request_id: str = "") -> CallContext:
        """The surroundings of one delivery, by the request that caused it, or of one run of a chore."""
        return CallContext(SYSTEM, self.database, request_id, door="worker", dependencies=self.means)

    async def run(self) -> None:
        """Works until `stop`; then finishes what is being delivered."""
        keeping = [asyncio.create_task(keep(chore, self.context)) for chore in self.chores]
        try:
            await self.relay.run()
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    def stop(self) -> None:
        """Begins nothing further."""
        self.relay.stop()


def work(settings: Settings, deliveries: Iterable[Delivery], chores: Iterable[Chore]) -> None:
    """The worker as a process of its own, until SIGTERM or Ctrl-C."""
    dictConfig(logging_config(settings))
    uvloop.run(_work(settings, deliveries, chores))


async def _work(settings: Settings, deliveries: Iterable[Delivery], chores: Iterable[Chore]) -> None:
    database = database_of(settings)
    await database.start()
    try:
        if not await at_head(database.engine):
            raise click.ClickException(
                "The database is not at the newest version of its tables; run `tradepost migrate`."
            )
        worker = Worker(database, means_of(settings, database), deliveries, chores)
        for told in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(told, worker.stop)
        LOG.info(
            "the worker is at work: %d kinds of events to deliver, %d chores",
            len(worker.relay.deliveries),
            len(worker.chores),
        )
        await worker.run()
        LOG.info(
            "the worker has finished: %d events delivered, %d attempts failed",
            worker.relay.delivered,
            worker.relay.failed,
        )
    finally:
        await database.stop()
