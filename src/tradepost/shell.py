"""What the commands share."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tradepost.settings import Settings


@contextmanager
def reachable(settings: Settings) -> Iterator[None]:
    """A database that does not answer is one line and exit 1, never a traceback."""
    from asyncpg import PostgresError
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, PostgresError, sqlite3.Error, OSError) as fault:
        where = make_url(settings.database_url).render_as_string(hide_password=True)
        raise click.ClickException(f"DATABASE_URL: {where} cannot be used: {str(fault).splitlines()[0]}") from fault
