"""Errors of the drivers as problems: violated constraints, lost races, and lost connections.

The meaning of an error is read from its SQLSTATE (PostgreSQL), its error name (SQLite) or its
class. The name of a constraint is read from the field of the error on PostgreSQL, whose texts are
in the language of `lc_messages`, and from the text on SQLite, which has no such field.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy import MetaData, UniqueConstraint
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..problems import AlreadyExists, Conflict, Unavailable
from .base import Table

# PostgreSQL: serialization_failure, deadlock_detected. SQLite: the snapshot is out of date.
RETRYABLE_CODES = frozenset({"40001", "40P01", "SQLITE_BUSY_SNAPSHOT"})
UNIQUE_CODES = frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
# ON DELETE RESTRICT has codes of its own: restrict_violation (23001) in PostgreSQL 18, and
# SQLITE_CONSTRAINT_TRIGGER (no trigger of ours raises errors).
FOREIGN_KEY_CODES = frozenset({"23503", "23001", "SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_TRIGGER"})
# PostgreSQL: connection exceptions, insufficient resources, operator intervention (also
# statement_timeout), lock_not_available, idle_in_transaction_session_timeout,
# read_only_sql_transaction (after a failover). SQLite: locked by another process, or disk errors.
UNAVAILABLE_CODES = (
    "08", "53", "57", "55P03", "25P03", "25006",
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_FULL",
)  # fmt: skip
CONNECTION_LOST_CODES = ("08", "57P")
"""Connection exceptions, and the shutdown of the server or of this session by an operator."""
CONNECTION_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What using a connection to PostgreSQL raises."""
LOST_CONNECTION_ERRORS = (ConnectionError, asyncpg.InternalClientError)
"""What the use of a lost connection raises besides errors with a code. asyncpg raises the second
between the server's last message and the end of the connection."""
DATABASE_ERRORS = (DBAPIError, PoolTimeout, *LOST_CONNECTION_ERRORS)
"""What a statement of SQLAlchemy raises because of the database."""


class LostRace(Exception):
    """A concurrent write came first. The transaction can be run again."""


def unavailable() -> Unavailable:
    """Return the problem of a database that cannot be reached or does not respond."""
    return Unavailable("The database is not available at the moment.", retry_after=1)


@contextmanager
def translated_errors() -> Generator[None]:
    """Run a block in which errors of the database become problems or LostRace."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise translate_error(error) from error


def translate_error(error: Exception) -> Exception:
    """Return the problem that an error of the database means, or LostRace, or the error itself."""
    driver_error = _driver_error(error)
    code = _code(driver_error)
    if code in RETRYABLE_CODES:
        return LostRace()
    if is_unavailable(error):
        return unavailable()
    if not isinstance(error, IntegrityError):
        return error
    if code in UNIQUE_CODES:
        field = unique_field(driver_error, Table.metadata)
        return AlreadyExists(f"This `{field}` is already in use.", field=field)
    if code in FOREIGN_KEY_CODES:
        return Conflict("Other resources still refer to this one, or one that it refers to no longer exists.")
    return error


def is_unavailable(error: Exception) -> bool:
    """Whether an error means that the database is not available: the connection was lost, say."""
    if isinstance(error, (PoolTimeout, *LOST_CONNECTION_ERRORS)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return True
    return _code(_driver_error(error)).startswith(UNAVAILABLE_CODES)


def is_connection_lost(error: Exception) -> bool:
    """Whether PostgreSQL ended the connection with this error, so that another one may work."""
    return isinstance(error, LOST_CONNECTION_ERRORS) or _code(error).startswith(CONNECTION_LOST_CODES)


def _code(driver_error: Any) -> str:
    """Return the SQLSTATE or the name of SQLite's error; "" if it has none."""
    return getattr(driver_error, "sqlstate", None) or getattr(driver_error, "sqlite_errorname", None) or ""


def _driver_error(error: Exception) -> Any:
    """Return the error of the driver that SQLAlchemy wrapped, or the error itself."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "__cause__", None) or original


def unique_field(driver_error: Any, metadata: MetaData) -> str:
    """Return the member of a unique violation: constraints are named `<table>_<member>_key`."""
    name: str = getattr(driver_error, "constraint_name", None) or _sqlite_constraint_name(driver_error, metadata)
    table = next((t for t in sorted(metadata.tables, key=len, reverse=True) if name.startswith(f"{t}_")), "")
    return name.removeprefix(f"{table}_").removesuffix("_key")


def _sqlite_constraint_name(driver_error: Any, metadata: MetaData) -> str:
    """Return the name of the constraint whose columns SQLite lists.

    SQLite has no attribute for them, and no other language: they follow the colon of its message,
    as `table.column`. For an index on expressions the message has the name of the index:
    `index 'tax_rate_region_key'`.
    """
    if (index := str(driver_error).partition(": index '")[2]) != "":
        return index.removesuffix("'")
    columns = [column.strip().split(".") for column in str(driver_error).partition(": ")[2].split(",")]
    table, names = columns[0][0], [column[-1] for column in columns]
    for constraint in metadata.tables[table].constraints:
        if isinstance(constraint, UniqueConstraint) and [column.name for column in constraint.columns] == names:
            return str(constraint.name)
    return f"{table}_{names[-1]}_key"
