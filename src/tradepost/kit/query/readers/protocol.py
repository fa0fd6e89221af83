"""Protocol."""

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from sqlalchemy import Dialect

from ..statement import Statement

type Row = Sequence[Any]


class Reader(Protocol):
    """What a plan runs on. `count` counts the statements, for those who watch the SQL."""

    dialect: Dialect
    statement_count: int

    def fetch_one(self, statement: Statement, arguments: list[Any]) -> Awaitable[Any]:
        """The first row, or None."""
        ...

    def fetch_all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> Awaitable[list[Row]]:
        """All rows. `inline=False` says that there may be many."""
        ...

    def ids_argument(self, ids: list[Any]) -> Any:
        """Several ids as the one argument that this database takes."""
        ...
