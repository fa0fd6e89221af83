"""Database access of the commands."""

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
    """Turn database errors into one line and exit status 1."""
    from asyncpg import PostgresError
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, PostgresError, sqlite3.Error, OSError) as error:
        url = make_url(settings.database_url).render_as_string(hide_password=True)
        raise click.ClickException(f"DATABASE_URL: {url} cannot be used: {str(error).splitlines()[0]}") from error


@asynccontextmanager
async def cli_context(settings: Settings) -> AsyncGenerator["CallContext"]:
    """Yield a CallContext whose caller is the system.

    Fail if the database is not at the latest migration, or has prices in another currency than
    SHOP_CURRENCY.
    """
    from tradepost.areas.accounts.revocations import Revocations
    from tradepost.areas.accounts.service import SYSTEM
    from tradepost.bootstrap import check_currency, create_database, create_dependencies
    from tradepost.kit.writes.call_context import CallContext
    from tradepost.migrations.head import is_at_head

    database = create_database(settings, pool_size=2)
    dependencies = create_dependencies(settings, database)
    await database.start()
    try:
        if not await is_at_head(database.engine):
            raise click.ClickException("The database schema is not up to date; run `tradepost migrate`.")
        await check_currency(settings, database.engine)
        yield CallContext(SYSTEM, database, door="cli", dependencies=dependencies)
    finally:
        await dependencies.require(Revocations).stop()
        await database.stop()
