"""Bulk writes: any number of rows by one statement, without ORM objects.

The rows are one JSON argument that the database unpacks: a third of the time of executing a
statement per row, and a fraction of the cost of objects in a session. The statements are compiled
once (`query/statement.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Text, bindparam, cast, column, func, literal, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.asyncpg import dialect as postgresql_dialect
from sqlalchemy.dialects.sqlite.aiosqlite import dialect as sqlite_dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.sql import ClauseElement

from ..cache.tracking_session import record_changes
from ..cache_registry import registered_cache
from ..db.base import Versioned
from ..db.column_types import Json, UTCDateTime
from ..query.statement import Statement, compile_statement

type Values = Mapping[str, Any]
type Default = Callable[[None], Any]
type RowCondition = Callable[[Any, Any], ColumnElement[bool]]
"""Takes a table and the rows of the argument: the condition that a row is changed on."""

ROWS, NOW = bindparam("rows", None, type_=Text), bindparam("now", None, type_=UTCDateTime)
DIALECTS: dict[str, Any] = {"sqlite": sqlite_dialect(), "postgresql": postgresql_dialect()}


async def insert_rows(
    session: AsyncSession,
    model: type[Any],
    rows: Sequence[Values],
    now: datetime,
    unique: tuple[str, ...] = (),
) -> None:
    """Insert rows in order. All have the columns of the first one.

    Other columns get their defaults; those of times get `now`. Rows are left out if the `unique`
    columns of an existing row have the same values.
    """
    if rows:
        table, dialect = model.__table__, session.get_bind().dialect.name
        statement, defaults = _insert(table, tuple(rows[0]), dialect, unique)
        await _run(session, table, statement, _with_defaults(rows, defaults), now)


async def insert_into_tables(session: AsyncSession, now: datetime, *groups: tuple[type[Any], Sequence[Values]]) -> None:
    """Insert rows of several tables, as `insert_rows` does: on PostgreSQL by one statement.

    SQLite inserts one group after the other, so rows may refer only to rows of earlier groups.
    """
    groups = tuple([(model, rows) for model, rows in groups if rows])
    if session.get_bind().dialect.name == "sqlite" or len(groups) < 2:
        for model, rows in groups:
            await insert_rows(session, model, rows, now)
        return
    statement, generated = _inserts(tuple([(model.__table__, tuple(rows[0])) for model, rows in groups]))
    values: dict[str, Any] = {"now": now}
    for i, ((_, rows), defaults) in enumerate(zip(groups, generated, strict=True)):
        values[f"rows{i}"] = msgspec.json.encode(_with_defaults(rows, defaults)).decode()
    await session.run_sync(_execute, statement.sql, tuple(statement.bind(values)))
    for model, rows in groups:
        record_changes(session.sync_session, model.__table__, {row.get("id") for row in rows})


async def upsert_rows(session: AsyncSession, table: Any, rows: Sequence[Values], key: str) -> None:
    """Insert rows, or update those whose key column has the same value."""
    if rows:
        statement = _upsert(table, tuple(rows[0]), key, session.get_bind().dialect.name)
        await _run(session, table, statement, rows)


async def update_rows(
    session: AsyncSession,
    model: type[Versioned],
    pairs: Sequence[tuple[Values, Values]],
    now: datetime,
    extra_columns: Sequence[str] = (),
) -> None:
    """Update locked rows from (old, new) pairs.

    Writes the columns that differ in any row, and increments `version`.
    """
    if pairs:
        differing = {n for old, new in pairs for n, value in new.items() if old[n] != value}
        names = tuple(sorted(differing.union(extra_columns)))
        rows = [{"id": old["id"], "version": old["version"] + 1} | {n: new[n] for n in names} for old, new in pairs]
        statement = _update(model.__table__, names, session.get_bind().dialect.name)
        await _run(session, model.__table__, statement, rows, now)


async def add_to_rows(
    session: AsyncSession, model: type[Versioned], rows: Sequence[Values], now: datetime, condition: RowCondition
) -> int:
    """Add to columns of rows, and increment `version`, on the rows that meet a condition.

    Each row has the id and the numbers to add, by column. Returns how many rows were changed.
    """
    if not rows:
        return 0
    names = tuple([name for name in rows[0] if name != "id"])
    statement = _addition(model.__table__, names, condition, session.get_bind().dialect.name)
    return await _run(session, model.__table__, statement, rows, now)


async def _run(
    session: AsyncSession, table: Any, statement: Statement, rows: Sequence[Values], now: datetime | None = None
) -> int:
    """Run a statement in the session's transaction, after flushing the session."""
    arguments = statement.bind({"rows": msgspec.json.encode(rows).decode(), "now": now})
    count = await session.run_sync(_execute, statement.sql, tuple(arguments))
    # The session tracks only statements that it runs itself.
    record_changes(session.sync_session, table, {row.get("id") for row in rows})
    return count


def _execute(session: Session, sql: str, arguments: tuple[Any, ...]) -> int:
    session.flush()
    return session.connection().exec_driver_sql(sql, arguments).rowcount


def _compile(query: ClauseElement, dialect: str) -> Statement:
    return compile_statement(query, DIALECTS[dialect], False)


def _with_defaults(rows: Sequence[Values], defaults: Sequence[tuple[str, Default]]) -> Sequence[Values]:
    if not defaults:
        return rows
    return [{**{name: default(None) for name, default in defaults}, **row} for row in rows]


def _rows_table(table: Any, names: Sequence[str], dialect: str, argument: Any = ROWS) -> Any:
    """Return the rows of the argument as a table, in their order."""
    if dialect == "sqlite":
        each = func.json_each(argument).table_valued("value", name="e")
        values = [func.json_extract(each.c.value, f"$.{n}", type_=table.c[n].type).label(n) for n in names]
        return select(*values).subquery("r")
    columns = [column(n, table.c[n].type) for n in names]
    rows = func.json_to_recordset(cast(argument, Json)).table_valued(*columns, name="r")
    return rows.render_derived(name="r", with_types=True)


@registered_cache("bulk_inserts", 5000)
@lru_cache(200)
def _insert(
    table: Any, names: tuple[str, ...], dialect: str, unique: tuple[str, ...]
) -> tuple[Statement, list[tuple[str, Default]]]:
    """Return the statement that inserts rows with these columns.

    Also return the columns whose default is a function to call for each row, such as ids.
    """
    insert, generated = _insert_query(table, names, dialect, unique)
    return _compile(insert, dialect), generated


@registered_cache("bulk_table_inserts", 10_000)
@lru_cache(50)
def _inserts(
    tables: tuple[tuple[Any, tuple[str, ...]], ...],
) -> tuple[Statement, list[list[tuple[str, Default]]]]:
    """Return the same for several tables on PostgreSQL. Their rows are `rows0`, `rows1`, ..."""
    inserts = [
        _insert_query(table, names, "postgresql", (), bindparam(f"rows{i}", None, type_=Text))
        for i, (table, names) in enumerate(tables)
    ]
    *first, (last, _) = inserts
    query = last.add_cte(*[insert.cte(f"insert{i}") for i, (insert, _) in enumerate(first)])
    return _compile(query, "postgresql"), [generated for _, generated in inserts]


def _insert_query(
    table: Any, names: tuple[str, ...], dialect: str, unique: tuple[str, ...], argument: Any = ROWS
) -> tuple[Any, list[tuple[str, Default]]]:
    defaults = {c.name: c.default for c in table.columns if c.default is not None and c.name not in names}
    times = [n for n, default in defaults.items() if default.is_callable and isinstance(table.c[n].type, UTCDateTime)]
    generated: list[tuple[str, Default]] = [
        (n, default.arg) for n, default in defaults.items() if default.is_callable and n not in times
    ]
    constants = {n: literal(default.arg, table.c[n].type) for n, default in defaults.items() if default.is_scalar}
    row_columns = [*names, *[n for n, _ in generated]]
    rows = _rows_table(table, row_columns, dialect, argument)
    values = select(*[rows.c[n] for n in row_columns], *[NOW for _ in times], *constants.values())
    columns = [*row_columns, *times, *constants]
    if not unique:
        return table.insert().from_select(columns, values, include_defaults=False), generated
    # The WHERE keeps SQLite from parsing ON CONFLICT as the condition of a join.
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    insert = insert.from_select(columns, values.where(true()), include_defaults=False)
    return insert.on_conflict_do_nothing(index_elements=[*unique]), generated


@registered_cache("bulk_upserts", 5000)
@lru_cache(200)
def _upsert(table: Any, names: tuple[str, ...], key: str, dialect: str) -> Statement:
    rows = _rows_table(table, names, dialect)
    # The WHERE keeps SQLite from parsing ON CONFLICT as the condition of a join.
    values = select(*[rows.c[n] for n in names]).where(true())
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(table).from_select(names, values)
    changes = {n: insert.excluded[n] for n in names if n != key}
    return _compile(insert.on_conflict_do_update(index_elements=[key], set_=changes), dialect)


@registered_cache("bulk_updates", 5000)
@lru_cache(200)
def _update(table: Any, names: tuple[str, ...], dialect: str) -> Statement:
    rows = _rows_table(table, ("id", "version", *names), dialect)
    values = {n: rows.c[n] for n in ("version", *names)} | {"updated_at": NOW}
    return _compile(update(table).where(table.c.id == rows.c.id).values(values), dialect)


@registered_cache("bulk_additions", 5000)
@lru_cache(50)
def _addition(table: Any, names: tuple[str, ...], condition: RowCondition, dialect: str) -> Statement:
    rows = _rows_table(table, ("id", *names), dialect)
    sums = {n: table.c[n] + rows.c[n] for n in names} | {"version": table.c.version + 1, "updated_at": NOW}
    return _compile(update(table).where(table.c.id == rows.c.id, condition(table, rows)).values(sums), dialect)
