"""A session that collects the tags of what it writes, so that services need not report it."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Table as SqlTable
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session

from ..db.base import is_uncached
from ..query.source_tables import ANY_CHANGE, Tag

INFO_KEY, MAX_TAGS = "written", 100


class TrackingSession(Session):
    """Collects tags: rows that are flushed, whole tables for other statements.

    `record_changes` adds rows that are written by other means.
    """


@event.listens_for(TrackingSession, "after_flush")
def _after_flush(session: Session, _: Any) -> None:
    for row in (*session.new, *session.dirty):
        _record(session, row.__table__, row.id)
    for row in session.deleted:
        _record(session, row.__table__, row.id, deleted=True)


@event.listens_for(TrackingSession, "do_orm_execute")
def _on_execute(state: ORMExecuteState) -> None:
    statement: Any = state.statement
    if statement.is_dml:
        _record(state.session, statement.table, None, deleted=state.is_delete)
    elif statement.is_text:
        _tags(state.session).add(ANY_CHANGE)


def record_changes(session: Session, table: SqlTable, ids: Iterable[str | None]) -> None:
    """Record rows that were written without the session. None stands for any row of the table."""
    for id in ids:
        _record(session, table, id)


def _record(session: Session, table: SqlTable, id: str | None, *, deleted: bool = False) -> None:
    if not is_uncached(table):
        _tags(session).add((str(table.name), id))
    if deleted:
        _tags(session).update(cascaded_tags(table))


def _tags(session: Session) -> set[Tag]:
    return session.info.setdefault(INFO_KEY, set[Tag]())


@cache
def cascaded_tags(table: SqlTable) -> tuple[Tag, ...]:
    """Return the tags of the tables that ON DELETE changes when a row of this table is deleted."""
    cascaded, pending = set[SqlTable](), [table]
    while pending:
        deleted = pending.pop()
        for other in deleted.metadata.tables.values():
            if other not in cascaded and any(
                key.ondelete and key.column.table is deleted for key in other.foreign_keys
            ):
                cascaded.add(other)
                pending.append(other)
    return tuple([(str(other.name), None) for other in cascaded if not is_uncached(other)])


def written_tags(session: AsyncSession) -> frozenset[Tag]:
    """Return the tags of what a session has written. If there are many, some are whole tables."""
    tags: set[Tag] = session.info.get(INFO_KEY, set())
    return frozenset(tags if len(tags) <= MAX_TAGS else _merge_rows(tags))


def _merge_rows(tags: Iterable[Tag]) -> Iterator[Tag]:
    """Replace the rows of a table by the table if there are more than a tenth of MAX_TAGS."""
    ids_by_table: dict[str, set[str | None]] = {}
    for table, id in tags:
        ids_by_table.setdefault(table, set()).add(id)
    for table, ids in ids_by_table.items():
        yield from [(table, id) for id in ids] if len(ids) <= MAX_TAGS // 10 else [(table, None)]
