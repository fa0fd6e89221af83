"""The reader of an open write: it sees what the write has changed."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ..statement import Statement
from .protocol import Reader, Row


class SessionReader:
    """Runs statements on the connection of an open session, after flushing it.

    It uses SQLAlchemy's connection: on the raw driver connection of a SQLAlchemy transaction a
    write survived the ROLLBACK (STACK, 5).

    reader: the database's reader, which counts the statements.
    """

    def __init__(self, session: AsyncSession, reader: Reader) -> None:
        self.session, self.reader, self.dialect, self.statement_count = session, reader, reader.dialect, 0

    async def fetch_one(self, statement: Statement, arguments: list[Any]) -> Any:
        """Return the first row, or None."""
        rows = await self.fetch_all(statement, arguments)
        return rows[0] if rows else None

    async def fetch_all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> list[Row]:
        """Return all rows."""
        self.reader.statement_count += 1
        return await self.session.run_sync(_rows, statement.sql, tuple(arguments))

    def ids_argument(self, ids: list[Any]) -> Any:
        """Return the ids as the database's reader does."""
        return self.reader.ids_argument(ids)


def _rows(session: Session, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
    session.flush()
    return list(session.connection().exec_driver_sql(sql, arguments).fetchall())
