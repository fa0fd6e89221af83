"""What the commands share."""

import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import click

from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.kit.writes.call_context import CallContext


@contextmanager
def report_database_errors(settings: Settings) -> Iterator[None]:
    """A database that does not answer is one line and exit 1, never a traceback."""
    from asyncpg import PostgresError
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, PostgresError, sqlite3.Error, OSError) as fault:
        where = make_url(settings.database_url).render_as_string(hide_password=True)
        raise click.ClickException(f"DATABASE_URL: {where} cannot be used: {str(fault).splitlines()[0]}") from fault


@asynccontextmanager
async def cli_context(settings: Settings) -> AsyncGenerator["CallContext"]:
    """The shell's caller is the system; its database has to be at the newest version."""
    from tradepost.areas.accounts.revocations import Revocations
    from tradepost.areas.accounts.service import SYSTEM
    from tradepost.bootstrap import create_database, create_dependencies
    from tradepost.kit.writes.call_context import CallContext
    from tradepost.migrations.head import is_at_head

    database = create_database(settings, pool_size=2)
    means = create_dependencies(settings, database)
    await database.start()
    try:
        if not await is_at_head(database.engine):
            raise click.ClickException(
                "The database is not at the newest version of its tables; run `tradepost migrate`."
            )
        yield CallContext(SYSTEM, database, door="cli", dependencies=means)
    finally:
        await means.require(Revocations).stop()
        await database.stop()
