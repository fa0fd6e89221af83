"""The check of the database before a server or a worker starts."""

import sqlite3
from pathlib import Path

from asyncpg import PostgresError
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tradepost.kit.db.engine import create_engine
from tradepost.kit.db.postgres_connections import reason
from tradepost.kit.problems import Unavailable
from tradepost.settings import Settings, SettingsError

from .head import current_revision, head_revision, known_revisions

DATABASE_ERRORS = (DBAPIError, PostgresError, sqlite3.Error, OSError, Unavailable)
"""What using a database raises if it cannot be reached or opened."""


async def check_database(settings: Settings) -> None:
    """Raise SettingsError if the database cannot be used, or has another schema.

    The message is one line, which names the setting and the cure.
    """
    if settings.is_sqlite and not _has_file(settings):
        raise SettingsError(_missing_tables(settings))  # connecting would create the file
    engine = create_engine(settings.database_url, 1)
    try:
        revision = await current_revision(engine)
    except (*DATABASE_ERRORS, SQLAlchemyError) as error:
        raise SettingsError(f"{describe_error(settings, error)}. Start the database, or correct the URL.") from None
    finally:
        await engine.dispose()
    if revision is None:
        raise SettingsError(_missing_tables(settings))
    if revision != (head := head_revision()):
        is_older = revision in known_revisions()
        cure = "run `tradepost migrate`" if is_older else "install the release that migrated it"
        comparison = "is older than" if is_older else "is not known to"
        raise SettingsError(
            f"DATABASE_URL: the schema of {display_url(settings)} (revision {revision}) {comparison} "
            f"this release (revision {head}); {cure}."
        )


def describe_error(settings: Settings, error: BaseException) -> str:
    """Return one line that names the database and why it cannot be used, without a full stop."""
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    why = "it does not respond" if isinstance(error, TimeoutError) else reason(error)
    return f"DATABASE_URL: {display_url(settings)} cannot be used: {why}"


def display_url(settings: Settings) -> str:
    """Return the URL of the database without its password."""
    return make_url(settings.database_url).render_as_string(hide_password=True)


def _has_file(settings: Settings) -> bool:
    path = make_url(settings.database_url).database
    return not path or Path(path).exists()


def _missing_tables(settings: Settings) -> str:
    return f"DATABASE_URL: {display_url(settings)} has no tables; run `tradepost migrate`."
