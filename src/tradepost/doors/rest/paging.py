"""Envelopes of pages, with links in the body and in the `Link` header (RFC 8288)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from tradepost.kit.query.records import Page
from tradepost.kit.resource.list_query import DEFAULT_PAGE_SIZE, ListQuery

PAGE_PARAMETERS = ("limit", "cursor", "before", "page", "page_size")


class PageLinks(msgspec.Struct, omit_defaults=True):
    """Paths of this page and of the next, previous and first page, if they exist."""

    self: str
    next: str | None = None
    prev: str | None = None
    first: str | None = None

    def header(self) -> bytes:
        """Return the value of the `Link` header."""
        links = [(name, getattr(self, name)) for name in ("next", "prev", "first")]
        return ", ".join([f'<{href}>; rel="{name}"' for name, href in links if href]).encode()


class CursorPage(msgspec.Struct, kw_only=True):
    """A page of a list by cursor."""

    data: list[Any]
    next_cursor: str | None
    has_more: bool
    total: int | msgspec.UnsetType = msgspec.UNSET
    links: PageLinks


class NumberedPage(msgspec.Struct, kw_only=True):
    """A page of a list by number (version 1 only)."""

    data: list[Any]
    total: int
    page: int
    page_size: int
    total_pages: int
    links: PageLinks


class Pager:
    """Builds the envelopes of one query string.

    base_query: its parameters without the position of the page.
    before_suffix: `before` of a query with both cursors, for the links to the following pages.
    """

    __slots__ = ("base_query", "before_suffix", "is_numbered", "list_query")

    def __init__(self, parameters: Mapping[str, str], list_query: ListQuery) -> None:
        self.list_query, self.is_numbered = list_query, list_query.page is not None
        base = {name: value for name, value in parameters.items() if name not in PAGE_PARAMETERS}
        size_parameter = "page_size" if self.is_numbered else "limit"
        if size_parameter in parameters:
            base[size_parameter] = parameters[size_parameter]
        self.base_query = urlencode(base)
        is_between = list_query.after is not None and list_query.before is not None
        self.before_suffix = f"&before={list_query.before}" if is_between else ""

    def envelope(self, page: Page[Any], path: str, query: str) -> CursorPage | NumberedPage:
        """Return a page in its envelope. `path` includes the version prefix."""
        here = f"{path}?{query}" if query else path
        if self.is_numbered:
            return self._numbered_page(page, path, here)
        next_cursor, previous_cursor = page.next_cursor, page.previous_cursor
        links = PageLinks(
            here,
            self._href(path, f"cursor={next_cursor}{self.before_suffix}") if next_cursor else None,
            self._href(path, f"before={previous_cursor}") if previous_cursor else None,
            self._href(path, ""),
        )
        total = msgspec.UNSET if page.total is None else page.total
        return CursorPage(
            data=page.body, next_cursor=next_cursor, has_more=page.slice.has_next, total=total, links=links
        )

    def _numbered_page(self, page: Page[Any], path: str, here: str) -> NumberedPage:
        number, size, total = self.list_query.page or 1, self.list_query.size(DEFAULT_PAGE_SIZE), page.total or 0
        pages = -(-total // size)
        links = PageLinks(
            here,
            self._href(path, f"page={number + 1}") if number < pages else None,
            self._href(path, f"page={number - 1}") if number > 1 else None,
            self._href(path, "page=1"),
        )
        return NumberedPage(data=page.body, total=total, page=number, page_size=size, total_pages=pages, links=links)

    def _href(self, path: str, position: str) -> str:
        query = "&".join([part for part in (self.base_query, position) if part])
        return f"{path}?{query}" if query else path
