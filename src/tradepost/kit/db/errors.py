"""Driver errors as problems: unique and foreign key violations, and lost races."""

from typing import Any

from sqlalchemy import MetaData, UniqueConstraint
from sqlalchemy.exc import DBAPIError, IntegrityError

from ..problems import AlreadyExists, Conflict
from .base import Table

# PostgreSQL: serialization_failure, deadlock_detected. SQLite: SQLITE_BUSY_SNAPSHOT and others.
RETRYABLE_CODES = frozenset({"40001", "40P01"})
SQLITE_BUSY = "SQLITE_BUSY"
UNIQUE_CODES = frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
# ON DELETE RESTRICT has codes of its own: restrict_violation (23001) in PostgreSQL 18, and
# SQLITE_CONSTRAINT_TRIGGER (no trigger of ours raises errors).
FOREIGN_KEY_CODES = frozenset({"23503", "23001", "SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_TRIGGER"})


class LostRace(Exception):
    """A concurrent write came first. The transaction can be run again."""


def translate_error(error: DBAPIError) -> Exception:
    """Return the problem that a driver's error means, or LostRace, or the error itself."""
    driver_error: Any = getattr(error.orig, "__cause__", None) or error.orig
    code: str = getattr(driver_error, "sqlstate", None) or getattr(driver_error, "sqlite_errorname", None) or ""
    if code in RETRYABLE_CODES or code.startswith(SQLITE_BUSY):
        return LostRace()
    if not isinstance(error, IntegrityError):
        return error
    if code in UNIQUE_CODES:
        field = unique_field(driver_error, Table.metadata)
        return AlreadyExists(f"This `{field}` is already in use.", field=field)
    if code in FOREIGN_KEY_CODES:
        return Conflict("Other resources still refer to this one, or one that it refers to no longer exists.")
    return error


def unique_field(driver_error: Any, metadata: MetaData) -> str:
    """Return the member of a unique violation: constraints are named `<table>_<member>_key`."""
    name: str = getattr(driver_error, "constraint_name", None) or _sqlite_constraint_name(driver_error, metadata)
    table = next((t for t in sorted(metadata.tables, key=len, reverse=True) if name.startswith(f"{t}_")), "")
    return name.removeprefix(f"{table}_").removesuffix("_key")


def _sqlite_constraint_name(driver_error: Any, metadata: MetaData) -> str:
    """Return the name of the constraint whose columns SQLite lists.

    SQLite has no attribute for them: they follow the colon of its message, as `table.column`. Of an
    index of expressions it tells the name: `index 'tax_rate_region_key'`.
    """
    if (index := str(driver_error).partition(": index '")[2]) != "":
        return index.removesuffix("'")
    columns = [column.strip().split(".") for column in str(driver_error).partition(": ")[2].split(",")]
    table, names = columns[0][0], [column[-1] for column in columns]
    for constraint in metadata.tables[table].constraints:
        if isinstance(constraint, UniqueConstraint) and [column.name for column in constraint.columns] == names:
            return str(constraint.name)
    return f"{table}_{names[-1]}_key"
