"""Which stretch of a list was asked for."""

from typing import Any

import msgspec

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100


class ListQuery(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True):
    """Filters (sorted by name), order (`-created_at`), cursors and size. Absent members are the list's defaults.

    `first` counts from the start of the stretch between `after` and `before`, `last` from its end; `page` is a page number from 1 on.
    """

    first: int | None = None
    last: int | None = None
    after: str | None = None
    before: str | None = None
    page: int | None = None
    filter: tuple[tuple[str, Any], ...] = ()
    sort: tuple[str, ...] = ()
    total: bool = False

    @property
    def shape(self) -> "ListQueryShape":
        """What of it decides the SQL: the names, not the values."""
        names = tuple([n for n, _ in self.filter])
        return ListQueryShape(
            names,
            self.sort,
            self.after is not None,
            self.before is not None,
            self.last is not None,
            self.page is not None,
            self.total,
        )

    @property
    def backward(self) -> bool:
        """Whether the rows are read from the end."""
        return self.last is not None

    def size(self, default: int = DEFAULT_PAGE_SIZE) -> int:
        """How many rows were asked for, from either end."""
        return self.first or self.last or default


class ListQueryShape(msgspec.Struct, frozen=True, cache_hash=True):
    """The form of a Window without its values: one compiled statement serves all windows of one shape."""

    filters: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    after: bool = False
    before: bool = False
    backward: bool = False
    has_page_number: bool = False
    total: bool = False


DEFAULT_LIST_QUERY = ListQuery()
