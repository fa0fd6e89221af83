"""`/docs` and `/docs/graphql`: Scalar and GraphiQL, bundled; they connect to this host only."""

from collections.abc import Callable
from typing import Any

from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope

from tradepost.kit.problems import NotFound

from ..http.cache_policy import PRIVATE
from ..http.conditional import entity_tag
from ..http.response import Response
from .assets import GET_AND_HEAD, Assets, load_assets
from .layout import HTML, render_page

# Both tools set inline styles, which needs 'unsafe-inline'. Scripts come from this host only, and
# no other host can be reached.
TOOL_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    b"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def _tool_page(assets: Assets, name: str, title: str, path: str) -> bytes:
    """Return the HTML page that starts one of the tools."""
    head = (
        f'<link rel="stylesheet" href="{assets[f"{name}.css"].href}">\n'
        f'<script defer src="{assets[f"{name}.js"].href}"></script>\n'
    )
    body = (
        '<noscript><p class="text">This page needs JavaScript. The <a href="/">start page</a> links to the '
        'documents.</p></noscript><main id="page"></main>'
    )
    return render_page(
        title,
        body,
        path=path,
        stylesheet=assets["pages.css"].href,
        head=head,
        body_class="tool" if name == "graphiql" else "",
    )


def graphiql_page(assets: Assets | None = None) -> bytes:
    """Return GraphiQL for this host's `/graphql`; it needs `TOOL_POLICY` (see `tool_response`)."""
    return _tool_page(assets or load_assets(), "graphiql", "GraphQL explorer - Tradepost", "/docs/graphql")


def tool_response(page: bytes) -> Response:
    """Return a tool's page with its Content-Security-Policy.

    The page may be hidden from other callers, so shared caches must not store it.
    """
    return Response(200, page, HTML, [(b"content-security-policy", TOOL_POLICY), PRIVATE], entity_tag(page))


def docs_routes(assets: Assets, may_introspect: Callable[[Scope], bool]) -> list[HTTPRouteHandler]:
    """Return the routes of both tools; they return 404 to requests that may not introspect."""
    scalar, graphiql = _tool_page(assets, "scalar", "REST documentation - Tradepost", "/docs"), graphiql_page(assets)

    @route("/docs", http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_docs(request: Request[Any, Any, Any]) -> ASGIApp:
        return serve(scalar, request.scope)

    @route("/docs/graphql", http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_graphiql(request: Request[Any, Any, Any]) -> ASGIApp:
        return serve(graphiql, request.scope)

    def serve(page: bytes, scope: Scope) -> Response:
        if not may_introspect(scope):
            raise NotFound
        return tool_response(page)

    return [serve_docs, serve_graphiql]
