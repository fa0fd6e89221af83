"""Full-text search with one interface for SQLite FTS5 and PostgreSQL `tsvector`.

Both databases store the normalised words (`text/words.py`) in an ordinary table (`SearchRow`). In
SQLite, triggers maintain an FTS5 index of it (`<table>_fts`). In PostgreSQL the table has two
generated `tsvector` columns (`name_vector`, `words_vector`), built by `array_to_tsvector`, which
involves neither a parser nor a locale.
"""

from collections.abc import Callable
from typing import Any, Literal

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BindParameter, Boolean, Dialect, Integer, Select, String, Text, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

type SearchColumn = Literal["name", "words"]


class SearchRow(DefaultBase):
    """The words of one row of another table.

    `seq` is the rowid in the FTS5 index. It is a column of its own because SQLite may renumber
    implicit rowids.
    """

    __abstract__ = True
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)

    @classmethod
    def select_matching_ids(
        cls, bind: Callable[..., BindParameter[Any]], column: SearchColumn = "words"
    ) -> Select[Any]:
        """Select the ids of the rows in whose column every searched word is a prefix of a word.

        `bind` creates the parameter for the searched words.
        """
        table = str(cls.__tablename__)
        query = select(cls.__table__.c.id).where(FullTextMatch(table, "words", bind(PrefixQuery(), "words")))
        if column == "words":
            return query
        # A name's words are among `words`, so the condition above still holds. It has the index.
        return query.where(FullTextMatch(table, column, bind(PrefixQuery(column), column)))


class PrefixQuery(TypeDecorator[tuple[str, ...]]):
    """A parameter: words that must all be prefixes of words in a column.

    It is sent as an FTS5 expression or as a `tsquery`.
    """

    impl, cache_ok = String, True

    def __init__(self, column: SearchColumn = "words") -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Format the words. They are alphanumeric, so quotes around them suffice."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return " & ".join([f"'{word}':*" for word in value])
        return f"{self.column} : (" + " AND ".join([f'"{word}"*' for word in value]) + ")"


class FullTextMatch(FunctionElement[bool]):
    """The condition that a row of a search table matches a PrefixQuery parameter."""

    type, inherit_cache, name = Boolean(), False, "matches"

    def __init__(self, table: str, column: SearchColumn, query: BindParameter[Any]) -> None:
        super().__init__(query)
        self.table, self.column = table, column


@compiles(FullTextMatch, "sqlite")
def _fts5(element: FullTextMatch, compiler: Any, **options: Any) -> str:
    table, query = element.table, compiler.process(element.clauses, **options)
    return f"{table}.seq IN (SELECT rowid FROM {table}_fts WHERE {table}_fts MATCH {query})"


@compiles(FullTextMatch, "postgresql")
def _tsquery(element: FullTextMatch, compiler: Any, **options: Any) -> str:
    query = compiler.process(element.clauses, **options)
    return f"{element.table}.{element.column}_vector @@ CAST({query} AS tsquery)"
