"""Session."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ..statement import Statement
from .protocol import Reader, Row


class SessionReader:
    """A plan's SQL on the connection of an open write, behind what waits in its session, so that the answer sees what was written.

    It goes through SQLAlchemy's connection: on the raw driver connection of an SQLAlchemy transaction a write survived the ROLLBACK (STACK, 5).
    """

    def __init__(self, session: AsyncSession, over: Reader) -> None:
        self.session, self.over, self.dialect, self.statement_count = session, over, over.dialect, 0

    async def fetch_one(self, statement: Statement, arguments: list[Any]) -> Any:
        """The first row, or None."""
        rows = await self.fetch_all(statement, arguments)
        return rows[0] if rows else None

    async def fetch_all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> list[Row]:
        """All rows."""
        self.over.statement_count += 1
        return await self.session.run_sync(_rows, statement.sql, tuple(arguments))

    def ids_argument(self, ids: list[Any]) -> Any:
        """As the reader of this database."""
        return self.over.ids_argument(ids)


def _rows(session: Session, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
    session.flush()
    return list(session.connection().exec_driver_sql(sql, arguments).fetchall())
