"""Full-text search behind one interface: SQLite FTS5 and PostgreSQL `tsvector` over the same normalised words.

A text is normalised in Python (NFKD, marks dropped, lower case, split at all that is not alphanumeric) and is never passed on as query
syntax. Both databases hold the words in one ordinary table (`SearchRow`); SQLite's triggers keep an FTS5 index of it (`<table>_fts`),
PostgreSQL two generated `tsvector` columns (`name_vector`, `words_vector`, made by `array_to_tsvector`, so that no parser or locale comes in).
"""

import unicodedata
from typing import Any

from advanced_alchemy.base import DefaultBase
from sqlalchemy import Dialect, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


MOST_WORDS = 20


def words(text: str) -> tuple[str, ...]:
    """The words of a text in normal form, in order, each once."""
    plain = "".join([c if c.isalnum() else " " for c in unicodedata.normalize("NFKD", text).lower() if not unicodedata.combining(c)])
    return tuple(dict.fromkeys(plain.split()))


def normal(*texts: str) -> str:
    """The words of some texts, joined by single spaces: what a search table holds."""
    return " ".join(dict.fromkeys([w for t in texts for w in words(t)]))


class SearchRow(DefaultBase):
    """The words of one row of another table. `seq` is the rowid that FTS5 knows it by; it must not move, so it is a column."""

    __abstract__ = True
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)


class Prefixes(TypeDecorator[tuple[str, ...]]):
    """A bind: words, all of which must begin a word there. In SQLite an FTS5 expression, limited to one column where `column` says so; in PostgreSQL a `tsquery`."""

    impl, cache_ok = String, True

    def __init__(self, column: str = "words") -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Words hold only alphanumerics, so quoting them is enough."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return " & ".join([f"'{w}':*" for w in value])
        return f"{self.column} : (" + " AND ".join([f'"{w}"*' for w in value]) + ")"
