"""The Reader protocol: what runs the statements of a plan."""

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from sqlalchemy import Dialect

from ..statement import Statement

type Row = Sequence[Any]


class Reader(Protocol):
    """Runs statements. `statement_count` is for metrics and tests."""

    dialect: Dialect
    statement_count: int

    def fetch_one(self, statement: Statement, arguments: list[Any]) -> Awaitable[Any]:
        """Return the first row, or None."""
        ...

    def fetch_all(self, statement: Statement, arguments: list[Any], inline: bool = True) -> Awaitable[list[Row]]:
        """Return all rows. `inline=False` if there may be many."""
        ...

    def ids_argument(self, ids: list[Any]) -> Any:
        """Return several ids as one argument of this database."""
        ...
