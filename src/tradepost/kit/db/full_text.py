"""Full-text search behind one interface: SQLite FTS5 and PostgreSQL `tsvector` over the same normalised words.

A text is normalised in Python (NFKD, marks dropped, lower case, split at all that is not alphanumeric) and is never passed on as query
syntax. Both databases hold the words in one ordinary table (`SearchRow`); SQLite's triggers keep an FTS5 index of it (`<table>_fts`),
PostgreSQL two generated `tsvector` columns (`name_vector`, `words_vector`, made by `array_to_tsvector`, so that no parser or locale comes in).
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
    """The words of one row of another table. `seq` is the rowid that FTS5 knows it by; it must not move, so it is a column."""

    __abstract__ = True
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)

    @classmethod
    def select_matching_ids(
        cls, bind: Callable[..., BindParameter[Any]], column: SearchColumn = "words"
    ) -> Select[Any]:
        """The ids of the rows where every searched word begins a word of the column; `bind` makes a bind of the words."""
        found = select(cls.__table__.c.id).where(
            FullTextMatch(str(cls.__tablename__), "words", bind(PrefixQuery(), "words"))
        )
        # All words of a name are among the words: the condition above is the one with an index.
        return (
            found
            if column == "words"
            else found.where(FullTextMatch(str(cls.__tablename__), column, bind(PrefixQuery(column), column)))
        )


class PrefixQuery(TypeDecorator[tuple[str, ...]]):
    """A bind: words, all of which must begin a word of the column. In SQLite it is an FTS5 expression, in PostgreSQL a `tsquery`."""

    impl, cache_ok = String, True

    def __init__(self, column: SearchColumn = "words") -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Words hold only alphanumerics, so quoting them is enough."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return " & ".join([f"'{w}':*" for w in value])
        return f"{self.column} : (" + " AND ".join([f'"{w}"*' for w in value]) + ")"


class FullTextMatch(FunctionElement[bool]):
    """That a row of a search table matches a bind of `Prefixes`; written by each database in its own way."""

    type, inherit_cache, name = Boolean(), False, "matches"

    def __init__(self, table: str, column: SearchColumn, wanted: BindParameter[Any]) -> None:
        super().__init__(wanted)
        self.table, self.column = table, column


@compiles(FullTextMatch, "sqlite")
def _fts5(element: FullTextMatch, compiler: Any, **given: Any) -> str:
    table = element.table
    return f"{table}.seq IN (SELECT rowid FROM {table}_fts WHERE {table}_fts MATCH {compiler.process(element.clauses, **given)})"


@compiles(FullTextMatch, "postgresql")
def _tsquery(element: FullTextMatch, compiler: Any, **given: Any) -> str:
    return f"{element.table}.{element.column}_vector @@ CAST({compiler.process(element.clauses, **given)} AS tsquery)"
