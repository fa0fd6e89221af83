"""A connection for writes to SQLite that goes to its thread once per statement.

SQLAlchemy's own goes there four times: to open a cursor, for the statement, for its rows, and to
close the cursor; and after each commit once more, to roll back.
"""

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor


class Outcome(NamedTuple):
    """What is known of a statement after it: the attributes of a cursor."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class OneCallCursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that exists in the connection's thread only while its statement runs."""

    __slots__ = ()

    def __init__(self, adapt_connection: "OneCallConnection") -> None:
        self._adapt_connection, self._connection = adapt_connection, adapt_connection.driver_connection
        self._soft_closed_memoized: Any = {}
        self._cursor: Any = Outcome()
        self._rows = deque()

    def close(self) -> None:
        """Forget the rows. The cursor of the thread is closed."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Do nothing: the rows are here."""

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._run("execute", operation, () if parameters is None else parameters)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._run("executemany", operation, seq_of_parameters)

    async def _run(self, method: str, sql: str, parameters: Any) -> None:
        adapted: Any = self._adapt_connection
        connection: Any = self._connection
        async with adapted._execute_mutex:
            adapted.is_committed = False
            self._cursor, rows = await connection._execute(run_statement, connection._conn, method, sql, parameters)
        self._rows = deque(rows)


class OneCallConnection(AsyncAdapt_aiosqlite_connection):
    """A connection with such cursors.

    is_committed: whether a commit was the last thing that happened, so that there is nothing to
    roll back when the connection returns to the pool.
    """

    __slots__ = ("is_committed",)
    _cursor_cls = OneCallCursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.is_committed = False

    def commit(self) -> None:
        super().commit()
        self.is_committed = True

    def rollback(self) -> None:
        if not self.is_committed:
            super().rollback()


def run_statement(
    connection: sqlite3.Connection, method: str, sql: str, parameters: Any
) -> tuple[Outcome, Sequence[Any]]:
    """Run a statement and return its outcome and its rows: in the connection's thread."""
    cursor: sqlite3.Cursor = getattr(connection, method)(sql, parameters)
    rows = cursor.fetchall() if cursor.description else ()
    outcome = Outcome(cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return outcome, rows


def connect(dialect: Any, _: Any, arguments: Any, options: Any) -> OneCallConnection:
    """Open a connection: what SQLAlchemy's event `do_connect` calls."""
    opened = dialect.connect(*arguments, **options)
    return OneCallConnection(opened.dbapi, opened.driver_connection)
