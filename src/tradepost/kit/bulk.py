"""Many rows by one statement. They travel as one JSON argument that the database takes apart: a third of the time of as many executions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Text, bindparam, cast, column, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from .columns import Json, Moment
from .tables import Table, Versioned

type Values = Mapping[str, Any]

ROWS, NOW = bindparam("rows", type_=Text), bindparam("now", type_=Moment)


async def add(session: AsyncSession, of: type[Table], rows: Sequence[Values], now: datetime) -> None:
    """Inserts rows in their order; all have the members of the first, and an id."""
    if rows:
        await session.execute(_insert(of.__table__, tuple(rows[0]), session.get_bind().dialect.name), _argument(rows, now))


async def put(session: AsyncSession, table: Any, rows: Sequence[Values], key: str) -> None:
    """Inserts rows, or changes those that have the value of the key."""
    if rows:
        await session.execute(_upsert(table, tuple(rows[0]), key, session.get_bind().dialect.name), {"rows": _json(rows)})


async def alter(session: AsyncSession, of: type[Versioned], pairs: Sequence[tuple[Values, Values]], now: datetime, also: Sequence[str] = ()) -> None:
    """Changes locked rows from what they were to what they are to be: what differs in any of them, each one version on."""
    if pairs:
        names = tuple(sorted({n for was, new in pairs for n, value in new.items() if was[n] != value}.union(also)))
        rows = [{"id": was["id"], "version": was["version"] + 1} | {n: new[n] for n in names} for was, new in pairs]
        await session.execute(_update(of.__table__, names, session.get_bind().dialect.name), _argument(rows, now))


def _json(rows: Sequence[Values]) -> str:
    return msgspec.json.encode(rows).decode()


def _argument(rows: Sequence[Values], now: datetime) -> dict[str, Any]:
    return {"rows": _json(rows), "now": now}


def _source(table: Any, names: Sequence[str], dialect: str) -> Any:
    """The rows of the argument, in their order."""
    if dialect == "sqlite":
        each = func.json_each(ROWS).table_valued("value", name="e")
        return select(*[func.json_extract(each.c.value, f"$.{n}", type_=table.c[n].type).label(n) for n in names]).subquery("r")
    columns = [column(n, table.c[n].type) for n in names]
    return func.json_to_recordset(cast(ROWS, Json)).table_valued(*columns, name="r").render_derived(name="r", with_types=True)


@cache
def _insert(table: Any, names: tuple[str, ...], dialect: str) -> Any:
    source = _source(table, names, dialect)
    return table.insert().from_select([*names, "created_at", "updated_at"], select(*[source.c[n] for n in names], NOW, NOW))


@cache
def _upsert(table: Any, names: tuple[str, ...], key: str, dialect: str) -> Any:
    source = _source(table, names, dialect)
    # SQLite takes ON CONFLICT behind a FROM for the condition of a join.
    added = (sqlite if dialect == "sqlite" else postgresql).insert(table).from_select(names, select(*[source.c[n] for n in names]).where(true()))
    return added.on_conflict_do_update(index_elements=[key], set_={n: added.excluded[n] for n in names if n != key})


@cache
def _update(table: Any, names: tuple[str, ...], dialect: str) -> Any:
    source = _source(table, ("id", "version", *names), dialect)
    return update(table).where(table.c.id == source.c.id).values({n: source.c[n] for n in ("version", *names)} | {"updated_at": NOW})
