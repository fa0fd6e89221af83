"""Records: what a service answers with, and the pages that they stand on.

A Record's body is a Struct generated for the caller's Selection. Rules do not look inside; they read `Service.find` or the claimed row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ..problems import Problem
from ..resource.list_query import ListQuery
from .cursors import CursorCodec


class Record[S]:
    """A row in the caller's selection, its `version` (None where rows of its kind have none), and how many rows stand below it."""

    __slots__ = ("body", "id", "row_count", "version")

    def __init__(self, body: Any, version: int | None = None, id: str = "", row_count: int = 0) -> None:
        self.body, self.version, self.id, self.row_count = body, version, id, row_count


class PageSlice:
    """The rows of one page after trimming, and whether there are more on either side."""

    __slots__ = ("has_next", "has_previous", "rows")

    def __init__(self, rows: Sequence[Any], next: bool, previous: bool) -> None:
        self.rows, self.has_next, self.has_previous = rows, next, previous


class DualBody(NamedTuple):
    """The body of a record that is kept as well: what was asked, and the whole default record."""

    response: Any
    stored: Any


class StoredRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row as it was answered once: the members of its default record in REST's names, with what was open on it."""

    id: str
    members: dict[str, Any]
    version: int | None = None


EMPTY_SLICE = PageSlice((), False, False)


class RowsByParent:
    """The rows of one to-many level by parent, trimmed to their pages; the top list is a group with one page."""

    __slots__ = (
        "cursor_codec",
        "limit",
        "list_query",
        "pages",
        "parent",
        "parent_key_index",
        "sort_key_indexes",
        "totals",
    )

    def __init__(self, window: ListQuery, limit: int, marks: CursorCodec, keys: Sequence[int], link: int = 0) -> None:
        self.list_query, self.limit, self.cursor_codec, self.sort_key_indexes, self.parent_key_index = (
            window,
            limit,
            marks,
            keys,
            link,
        )
        self.parent: Any = None
        self.pages: dict[Any, PageSlice] = {}
        self.totals: dict[Any, int] = {}

    def fill(self, rows: Sequence[Any]) -> None:
        """Sorts rows to their parents."""
        by: dict[Any, list[Any]] = {}
        link = self.parent_key_index
        for row in rows:
            parent = row[link]
            if (found := by.get(parent)) is None:
                by[parent] = [row]
            else:
                found.append(row)
        self.pages = {k: self.trim(v) for k, v in by.items()}

    def trim(self, rows: list[Any]) -> PageSlice:
        """Cuts the one row that only shows that there are more, and turns a backward page round: in place, because a copy touches each row."""
        window, more = self.list_query, len(rows) > self.limit
        if more:
            rows.pop()
        if window.backward:
            rows.reverse()
            return PageSlice(rows, window.before is not None, more)
        return PageSlice(rows, more, window.after is not None or (window.page or 1) > 1)

    def page_rows(self) -> list[Any]:
        """All rows of the level that are on a page."""
        return [r for p in self.pages.values() for r in p.rows]

    def cursor(self, parent: Any, row: Any) -> str:
        """The cursor of a row under a parent."""
        return self.cursor_codec.encode(parent, [row[i] for i in self.sort_key_indexes])


class Page[S]:
    """A page of records. `body` is what the rendering made of it: the records alone, or the door's own page. `rows` are those of all its levels."""

    __slots__ = ("body", "row_count", "rows_by_parent", "slice", "total")

    def __init__(self, body: Any, group: RowsByParent, shown: PageSlice, total: int | None, row_count: int = 0) -> None:
        self.body, self.rows_by_parent, self.slice, self.total, self.row_count = body, group, shown, total, row_count

    @property
    def next_cursor(self) -> str | None:
        """The cursor behind which the next page begins."""
        return (
            self.rows_by_parent.cursor(self.rows_by_parent.parent, self.slice.rows[-1])
            if self.slice.has_next and self.slice.rows
            else None
        )

    @property
    def previous_cursor(self) -> str | None:
        """The cursor before which the previous page ends."""
        return (
            self.rows_by_parent.cursor(self.rows_by_parent.parent, self.slice.rows[0])
            if self.slice.has_previous and self.slice.rows
            else None
        )


class Item[S](msgspec.Struct, frozen=True):
    """The outcome of one item of a batch: its status and the record, or the problem."""

    status: int
    record: Record[S] | None = None
    problem: Problem | None = None
    changed: bool = True


class Batch[S]:
    """The outcomes of a batch, in the order of its items."""

    __slots__ = ("items",)

    def __init__(self, items: list[Item[S]]) -> None:
        self.items = items

    @property
    def row_count(self) -> int:
        """How many rows stand below the records."""
        return sum([item.record.row_count for item in self.items if item.record is not None])
