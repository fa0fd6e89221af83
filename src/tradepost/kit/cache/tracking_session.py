"""What a transaction has written, as tags: collected by the session itself, so no service has to say it."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Table as SqlTable
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session

from ..db.base import is_uncached
from ..query.source_tables import ANY_CHANGE, Tag

WRITTEN, MOST_ROWS = "written", 100


class TrackingSession(Session):
    """A session that keeps the tags of what it wrote: rows that were flushed by their ids, of other statements the whole table, and what `note` is told."""


@event.listens_for(TrackingSession, "after_flush")
def _flushed(session: Session, _: Any) -> None:
    for row in (*session.new, *session.dirty):
        _note(session, row.__table__, row.id)
    for row in session.deleted:
        _note(session, row.__table__, row.id, deleted=True)


@event.listens_for(TrackingSession, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    statement: Any = state.statement
    if statement.is_dml:
        _note(state.session, statement.table, None, deleted=state.is_delete)
    elif statement.is_text:
        _tags(state.session).add(ANY_CHANGE)


def record_changes(session: Session, table: SqlTable, ids: Iterable[str | None]) -> None:
    """Tells a session of rows that were written past it; None: any row of the table."""
    for id in ids:
        _note(session, table, id)


def _note(session: Session, table: SqlTable, id: str | None, *, deleted: bool = False) -> None:
    if not is_uncached(table):
        _tags(session).add((str(table.name), id))
    if deleted:
        _tags(session).update(cascaded_tags(table))


def _tags(session: Session) -> set[Tag]:
    return session.info.setdefault(WRITTEN, set[Tag]())


@cache
def cascaded_tags(table: SqlTable) -> tuple[Tag, ...]:
    """The tables whose rows the database itself changes where a row of this one is deleted."""
    found, waiting = set[SqlTable](), [table]
    while waiting:
        gone = waiting.pop()
        for other in gone.metadata.tables.values():
            if other not in found and any(key.ondelete and key.column.table is gone for key in other.foreign_keys):
                found.add(other)
                waiting.append(other)
    return tuple([(str(other.name), None) for other in found if not is_uncached(other)])


def written_tags(session: AsyncSession) -> frozenset[Tag]:
    """The tags of what a session has flushed and executed; many rows of a table are the whole table."""
    tags: set[Tag] = session.info.get(WRITTEN, set())
    return frozenset(tags if len(tags) <= MOST_ROWS else _fewer(tags))


def _fewer(tags: Iterable[Tag]) -> Iterator[Tag]:
    rows: dict[str, set[str | None]] = {}
    for table, id in tags:
        rows.setdefault(table, set()).add(id)
    for table, ids in rows.items():
        yield from [(table, id) for id in ids] if len(ids) <= MOST_ROWS // 10 else [(table, None)]
