"""Which rows of a list are requested: filters, order, cursors and page size."""

from typing import Any

import msgspec

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100
MAX_TEXT_LENGTH = 1000
"""Characters of a cursor or of a filter's value. Queries are cached by them."""


class ListQuery(msgspec.Struct, frozen=True, cache_hash=True, kw_only=True):
    """Filters (sorted by name), sort keys (`-created_at`), cursors and page size of a list.

    The default of each field is the list's own default. `first` counts rows from the start of
    the range between `after` and `before`, `last` from its end. `page` is a page number from 1.
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
        """The part that decides the SQL: names without values."""
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
        """The number of rows requested, from either end."""
        return self.first or self.last or default


class ListQueryShape(msgspec.Struct, frozen=True, cache_hash=True):
    """A ListQuery without its values. One compiled statement serves all queries of one shape."""

    filters: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    after: bool = False
    before: bool = False
    backward: bool = False
    has_page_number: bool = False
    total: bool = False


DEFAULT_LIST_QUERY = ListQuery()
