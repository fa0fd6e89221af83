"""Database access of the commands."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import click

from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.kit.writes.call_context import CallContext

MAX_LOCK_WAIT = 30.0
"""Seconds that a command waits for a lock: longer than a request, which can be repeated."""


@contextmanager
def report_database_errors(settings: Settings) -> Iterator[None]:
    """Turn database errors into one line and exit status 1."""
    from tradepost.migrations.start_check import DATABASE_ERRORS, describe_error

    try:
        yield
    except DATABASE_ERRORS as error:
        raise click.ClickException(describe_error(settings, error)) from error


@asynccontextmanager
async def cli_context(settings: Settings) -> AsyncGenerator["CallContext"]:
    """Yield a CallContext whose caller is the system.

    Fail if the database is not at the latest migration, or has prices in another currency than
    SHOP_CURRENCY.
    """
    from tradepost.app import domain_event_handlers, event_types
    from tradepost.areas.accounts.revocations import Revocations
    from tradepost.areas.accounts.service import SYSTEM
    from tradepost.bootstrap import check_currency, create_database, create_dependencies, stop_payments
    from tradepost.kit.writes.call_context import CallContext
    from tradepost.migrations.head import is_at_head

    database = create_database(settings, pool_size=2, max_lock_wait=MAX_LOCK_WAIT)
    dependencies = create_dependencies(settings, database, domain_event_handlers(), event_types())
    await database.start()
    try:
        if not await is_at_head(database.engine):
            raise click.ClickException("The database schema is not up to date; run `tradepost migrate`.")
        await check_currency(settings, database.engine)
        yield CallContext(SYSTEM, database, door="cli", dependencies=dependencies)
    finally:
        await dependencies.require(Revocations).stop()
        await stop_payments(dependencies)
        await database.stop()
