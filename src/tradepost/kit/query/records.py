"""Records and pages: what services return.

A Record's body is a Struct generated for the caller's Selection. Business rules do not read it;
they use `Service.find` or the locked row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ..problems import Problem
from ..resource.list_query import ListQuery
from .cursors import CursorCodec


class Record[S]:
    """A row in the caller's selection.

    version: None if its table has no versions.
    row_count: the number of related rows in it.
    """

    __slots__ = ("body", "id", "row_count", "version")

    def __init__(self, body: Any, version: int | None = None, id: str = "", row_count: int = 0) -> None:
        self.body, self.version, self.id, self.row_count = body, version, id, row_count


class PageSlice:
    """The rows of one page, and whether there are more on either side."""

    __slots__ = ("has_next", "has_previous", "rows")

    def __init__(self, rows: Sequence[Any], has_next: bool, has_previous: bool) -> None:
        self.rows, self.has_next, self.has_previous = rows, has_next, has_previous


class DualBody(NamedTuple):
    """The body of a record that is also stored: what was selected, and the whole default record."""

    response: Any
    stored: Any


class StoredRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record as it was returned: its default members by REST's names, and its open actions."""

    id: str
    members: dict[str, Any]
    version: int | None = None


EMPTY_SLICE = PageSlice((), False, False)


class RowsByParent:
    """The rows of one level, grouped by parent and trimmed to their pages.

    The top list has one page, under the parent None.
    """

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

    def __init__(
        self,
        list_query: ListQuery,
        limit: int,
        cursor_codec: CursorCodec,
        sort_key_indexes: Sequence[int],
        parent_key_index: int = 0,
    ) -> None:
        self.list_query, self.limit, self.cursor_codec = list_query, limit, cursor_codec
        self.sort_key_indexes, self.parent_key_index = sort_key_indexes, parent_key_index
        self.parent: Any = None
        self.pages: dict[Any, PageSlice] = {}
        self.totals: dict[Any, int] = {}

    def fill(self, rows: Sequence[Any]) -> None:
        """Group rows by parent."""
        groups: dict[Any, list[Any]] = {}
        index = self.parent_key_index
        for row in rows:
            parent = row[index]
            if (group := groups.get(parent)) is None:
                groups[parent] = [row]
            else:
                group.append(row)
        self.pages = {parent: self.trim(group) for parent, group in groups.items()}

    def trim(self, rows: list[Any]) -> PageSlice:
        """Drop the extra row that shows that there are more, and reverse a backward page.

        In place, because a copy touches every row.
        """
        query, more = self.list_query, len(rows) > self.limit
        if more:
            rows.pop()
        if query.backward:
            rows.reverse()
            return PageSlice(rows, query.before is not None, more)
        return PageSlice(rows, more, query.after is not None or (query.page or 1) > 1)

    def page_rows(self) -> list[Any]:
        """Return the rows of all pages."""
        return [r for p in self.pages.values() for r in p.rows]

    def cursor(self, parent: Any, row: Any) -> str:
        """Return the cursor of a row below a parent."""
        return self.cursor_codec.encode(parent, [row[i] for i in self.sort_key_indexes])


class Page[S]:
    """A page of records.

    body: the rendered page: the list of records, or the door's own envelope.
    row_count: the number of its rows, including related rows.
    """

    __slots__ = ("body", "row_count", "rows_by_parent", "slice", "total")

    def __init__(
        self, body: Any, rows_by_parent: RowsByParent, slice: PageSlice, total: int | None, row_count: int = 0
    ) -> None:
        self.body, self.rows_by_parent, self.slice = body, rows_by_parent, slice
        self.total, self.row_count = total, row_count

    @property
    def next_cursor(self) -> str | None:
        """The cursor after which the next page starts."""
        rows, group = self.slice.rows, self.rows_by_parent
        return group.cursor(group.parent, rows[-1]) if self.slice.has_next and rows else None

    @property
    def previous_cursor(self) -> str | None:
        """The cursor before which the previous page ends."""
        rows, group = self.slice.rows, self.rows_by_parent
        return group.cursor(group.parent, rows[0]) if self.slice.has_previous and rows else None


class Item[S](msgspec.Struct, frozen=True):
    """The outcome of one item of a batch: its status, and the record or the problem."""

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
        """The number of related rows in the records."""
        return sum([item.record.row_count for item in self.items if item.record is not None])
