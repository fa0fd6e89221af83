"""Pages in REST: the envelope, and the links to its neighbours in it and in the `Link` header (RFC 8288)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from tradepost.kit.query.records import Page
from tradepost.kit.resource.list_query import DEFAULT_PAGE_SIZE, ListQuery

PAGE_PARAMETERS = ("limit", "cursor", "before", "page", "page_size")


class PageLinks(msgspec.Struct, omit_defaults=True):
    """Paths of this page, its neighbours and the first one; a neighbour that there is not is left out."""

    self: str
    next: str | None = None
    prev: str | None = None
    first: str | None = None

    def header(self) -> bytes:
        """The same as the value of `Link`."""
        named = [(name, getattr(self, name)) for name in ("next", "prev", "first")]
        return ", ".join([f'<{href}>; rel="{name}"' for name, href in named if href]).encode()


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
    """Makes the envelopes of one query text; `given` are its parameters without those of the page."""

    __slots__ = ("base", "is_numbered", "until", "window")

    def __init__(self, given: Mapping[str, str], window: ListQuery) -> None:
        self.window, self.is_numbered = window, window.page is not None
        rest = {k: v for k, v in given.items() if k not in PAGE_PARAMETERS}
        size = given.get("page_size" if self.is_numbered else "limit")
        if size is not None:
            rest["page_size" if self.is_numbered else "limit"] = size
        self.base = urlencode(rest)
        # Between two marks the pages that follow end at the second one too.
        self.until = f"&before={window.before}" if window.after is not None and window.before is not None else ""

    def envelope(self, page: Page[Any], path: str, query: str) -> CursorPage | NumberedPage:
        """The page with what stands around its data. `path` carries the caller's version."""
        here = f"{path}?{query}" if query else path
        if self.is_numbered:
            return self._numbered(page, path, here)
        next_cursor, previous = page.next_cursor, page.previous_cursor
        links = PageLinks(
            here,
            self._at(path, f"cursor={next_cursor}{self.until}") if next_cursor else None,
            self._at(path, f"before={previous}") if previous else None,
            self._at(path, ""),
        )
        total = msgspec.UNSET if page.total is None else page.total
        return CursorPage(
            data=page.body, next_cursor=next_cursor, has_more=page.slice.has_next, total=total, links=links
        )

    def _numbered(self, page: Page[Any], path: str, here: str) -> NumberedPage:
        number, size, total = self.window.page or 1, self.window.size(DEFAULT_PAGE_SIZE), page.total or 0
        pages = -(-total // size)
        links = PageLinks(
            here,
            self._at(path, f"page={number + 1}") if number < pages else None,
            self._at(path, f"page={number - 1}") if number > 1 else None,
            self._at(path, "page=1"),
        )
        return NumberedPage(data=page.body, total=total, page=number, page_size=size, total_pages=pages, links=links)

    def _at(self, path: str, more: str) -> str:
        query = "&".join([part for part in (self.base, more) if part])
        return f"{path}?{query}" if query else path
