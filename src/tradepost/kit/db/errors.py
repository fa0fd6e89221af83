"""Errors."""

import re
from typing import Any

from sqlalchemy import MetaData, UniqueConstraint
from sqlalchemy.exc import DBAPIError, IntegrityError

from ..problems import AlreadyExists, Conflict
from .base import Table

RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})


class LostRace(Exception):
    """Another write came first; the transaction can be run again."""


def translate_error(fault: DBAPIError) -> Exception:
    """What a driver's error means: a unique value that is taken, a row that is pointed at, a race that was lost; else the error itself."""
    cause: Any = getattr(fault.orig, "__cause__", None) or fault.orig
    if getattr(cause, "sqlstate", None) in RETRYABLE_SQLSTATES or "database is locked" in str(fault.orig):
        return LostRace()
    if not isinstance(fault, IntegrityError):
        return fault
    if (field := unique_field(fault, Table.metadata)) is not None:
        return AlreadyExists(f"Another row has this `{field}`.", field=field)
    if "foreign key" in str(fault.orig).lower():
        return Conflict("Something still points at this row, or the row that it points at is gone.")
    return fault


def unique_field(fault: IntegrityError, metadata: MetaData) -> str | None:
    """The member whose value is taken: constraints are called `<table>_<member>_key`; SQLite names the columns, PostgreSQL the constraint."""
    said = str(fault.orig)
    if found := re.search(r'unique constraint "(\w+)"', said):
        name = found[1]
    elif found := re.search(r"UNIQUE constraint failed: (.+)", said):
        columns = [c.split(".")[-1].strip() for c in found[1].split(",")]
        table = found[1].split(".")[0]
        unique = [c for c in metadata.tables[table].constraints if isinstance(c, UniqueConstraint)]
        name = next(
            (str(c.name) for c in unique if [x.name for x in c.columns] == columns), f"{table}_{columns[-1]}_key"
        )
    else:
        return None
    table = next((t for t in sorted(metadata.tables, key=len, reverse=True) if name.startswith(f"{t}_")), "")
    return name.removeprefix(f"{table}_").removesuffix("_key")
