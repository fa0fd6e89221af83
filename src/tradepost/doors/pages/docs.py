"""`/docs` and `/docs/graphql`: the two documentation tools, bundled with us, that talk to this host only."""

from collections.abc import Callable
from typing import Any

from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope

from tradepost.kit.problems import NotFound

from ..http.conditional import entity_tag
from ..http.response import Response
from .assets import GET_AND_HEAD, Assets, load_assets
from .layout import HTML, render_page

# Both tools set styles on elements, which only 'unsafe-inline' allows; scripts come from our files alone, and no other host can be reached.
TOOL_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def tool(assets: Assets, name: str, title: str, here: str) -> bytes:
    """The page that starts one of the bundled tools."""
    head = f'<link rel="stylesheet" href="{assets[f"{name}.css"].href}">\n<script defer src="{assets[f"{name}.js"].href}"></script>\n'
    body = '<noscript><p class="text">This page needs JavaScript; <a href="/">the entry</a> leads to the documents.</p></noscript><main id="page"></main>'
    return render_page(
        title,
        body,
        here=here,
        stylesheet=assets["pages.css"].href,
        head=head,
        kind="tool" if name == "graphiql" else "",
    )


def graphiql_page(assets: Assets | None = None) -> bytes:
    """GraphiQL for `/graphql` of this host; send it with `TOOL_POLICY`, or use `tool_answer`."""
    return tool(assets or load_assets(), "graphiql", "GraphQL explorer - Tradepost", "/docs/graphql")


def tool_response(body: bytes) -> Response:
    """A tool's page with the policy it needs. It may depend on who asks, so no shared cache keeps it."""
    headers = [(b"content-security-policy", TOOL_POLICY), (b"cache-control", b"private, no-cache")]
    return Response(200, body, HTML, headers, entity_tag(body))


def docs_routes(assets: Assets, introspects: Callable[[Scope], bool]) -> list[HTTPRouteHandler]:
    """The two tools, hidden from callers that may not introspect."""
    rest, explorer = tool(assets, "scalar", "REST documentation - Tradepost", "/docs"), graphiql_page(assets)

    @route("/docs", http_method=GET_AND_HEAD, include_in_schema=False)
    async def docs(request: Request[Any, Any, Any]) -> ASGIApp:
        return shown(rest, request.scope)

    @route("/docs/graphql", http_method=GET_AND_HEAD, include_in_schema=False)
    async def graphiql(request: Request[Any, Any, Any]) -> ASGIApp:
        return shown(explorer, request.scope)

    def shown(body: bytes, scope: Scope) -> Response:
        if not introspects(scope):
            raise NotFound("There is nothing here for you.")
        return tool_response(body)

    return [docs, graphiql]
