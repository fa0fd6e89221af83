"""HTML pages that a script fills from the REST API, for links whose token is in the fragment.

Browsers send a fragment to no server, so only a script of the page can use the token.
"""

from html import escape
from pathlib import Path
from typing import Any

from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from ..http.cache_policy import NO_STORE
from ..http.response import Response
from .assets import GET_AND_HEAD, Asset, stylesheet
from .layout import HTML, render_document

SCRIPT_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [NO_STORE, (b"content-security-policy", SCRIPT_POLICY), (b"referrer-policy", b"no-referrer")]


class ScriptPage:
    """A page at a path, with a script that fills the element `page`."""

    def __init__(self, path: str, *, title: str, script: Path) -> None:
        self.path, self.title, self.script = path, title, Asset(script)

    @property
    def script_path(self) -> str:
        """The path of the script."""
        return f"{self.path}/{self.script.name}"

    def response(self) -> Response:
        """Return the page."""
        noscript = "<noscript><p>This page needs JavaScript.</p></noscript>"
        html = render_document(
            self.title,
            f'<main class="text" id="page"><h1>{escape(self.title)}</h1>{noscript}</main>',
            stylesheet=stylesheet(),
            head=f'<script defer src="{self.script_path}?v={self.script.digest}"></script>\n',
        )
        return Response(200, html, HTML, HEADERS, keep_encodings=True)


def script_page_routes(pages: list[ScriptPage]) -> list[HTTPRouteHandler]:
    """Return the routes of the pages and of their scripts."""
    return [handler for page in pages for handler in _routes(page)]


def _routes(page: ScriptPage) -> list[HTTPRouteHandler]:
    response = page.response()

    @route(page.path, http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_page(request: Request[Any, Any, Any]) -> ASGIApp:
        return response

    @route(page.script_path, http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_script(request: Request[Any, Any, Any]) -> ASGIApp:
        return page.script.response()

    return [serve_page, serve_script]
