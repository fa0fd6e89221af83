"""Records: what a service answers with, and the pages that they stand on.

A Record's body is a Struct generated for the caller's Selection. Rules do not look inside; they read `Service.find` or the claimed row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ..problems import Problem
from ..resource.list_query import Window
from .cursors import Marks


class Record[S]:
    """A row in the caller's selection, its `version` (None where rows of its kind have none), and how many rows stand below it."""

    __slots__ = ("body", "id", "rows", "version")

    def __init__(self, body: Any, version: int | None = None, id: str = "", rows: int = 0) -> None:
        self.body, self.version, self.id, self.rows = body, version, id, rows


class Shown:
    """The rows of one page after trimming, and whether there are more on either side."""

    __slots__ = ("next", "previous", "rows")

    def __init__(self, rows: Sequence[Any], next: bool, previous: bool) -> None:
        self.rows, self.next, self.previous = rows, next, previous


class Both(NamedTuple):
    """The body of a record that is kept as well: what was asked, and the whole default record."""

    shown: Any
    whole: Any


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row as it was answered once: the members of its default record in REST's names, with what was open on it."""

    id: str
    members: dict[str, Any]
    version: int | None = None


NO_ROWS = Shown((), False, False)


class Group:
    """The rows of one to-many level by parent, trimmed to their pages; the top list is a group with one page."""

    __slots__ = ("keys", "limit", "link", "marks", "pages", "parent", "totals", "window")

    def __init__(self, window: Window, limit: int, marks: Marks, keys: Sequence[int], link: int = 0) -> None:
        self.window, self.limit, self.marks, self.keys, self.link = window, limit, marks, keys, link
        self.parent: Any = None
        self.pages: dict[Any, Shown] = {}
        self.totals: dict[Any, int] = {}

    def fill(self, rows: Sequence[Any]) -> None:
        """Sorts rows to their parents."""
        by: dict[Any, list[Any]] = {}
        link = self.link
        for row in rows:
            parent = row[link]
            if (found := by.get(parent)) is None:
                by[parent] = [row]
            else:
                found.append(row)
        self.pages = {k: self.trim(v) for k, v in by.items()}

    def trim(self, rows: list[Any]) -> Shown:
        """Cuts the one row that only shows that there are more, and turns a backward page round: in place, because a copy touches each row."""
        window, more = self.window, len(rows) > self.limit
        if more:
            rows.pop()
        if window.backward:
            rows.reverse()
            return Shown(rows, window.before is not None, more)
        return Shown(rows, more, window.after is not None or (window.page or 1) > 1)

    def shown(self) -> list[Any]:
        """All rows of the level that are on a page."""
        return [r for p in self.pages.values() for r in p.rows]

    def mark(self, parent: Any, row: Any) -> str:
        """The cursor of a row under a parent."""
        return self.marks.seal(parent, [row[i] for i in self.keys])


class Page[S]:
    """A page of records. `body` is what the rendering made of it: the records alone, or the door's own page. `rows` are those of all its levels."""

    __slots__ = ("body", "group", "rows", "shown", "total")

    def __init__(self, body: Any, group: Group, shown: Shown, total: int | None, rows: int = 0) -> None:
        self.body, self.group, self.shown, self.total, self.rows = body, group, shown, total, rows

    @property
    def next_cursor(self) -> str | None:
        """The cursor behind which the next page begins."""
        return self.group.mark(self.group.parent, self.shown.rows[-1]) if self.shown.next and self.shown.rows else None

    @property
    def previous_cursor(self) -> str | None:
        """The cursor before which the previous page ends."""
        return (
            self.group.mark(self.group.parent, self.shown.rows[0]) if self.shown.previous and self.shown.rows else None
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
    def rows(self) -> int:
        """How many rows stand below the records."""
        return sum([item.record.rows for item in self.items if item.record is not None])
