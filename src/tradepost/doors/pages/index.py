"""The start page `/`, the index of each API version, and `/robots.txt`."""

from collections.abc import Callable
from html import escape
from typing import Any

import msgspec
from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope

from tradepost.kit.problems import NotAcceptable

from ..http.asgi import request_headers
from ..http.cache_policy import PRIVATE, is_shareable
from ..http.conditional import entity_tag
from ..http.negotiation import best_offer
from ..http.response import JSON, Response
from .assets import GET_AND_HEAD
from .layout import HTML, TEXT_POLICY, render_page

type Collections = Callable[[int, frozenset[str]], dict[str, str]]
"""REST's collections, from name to URL, by version and the caller's permissions."""

ROBOTS = b"User-agent: *\nDisallow: /\n"

LINKS = {
    "self": ("/", "This page"),
    "rest": ("/v1", "REST API, version 1"),
    "rest_v2": ("/v2", "REST API, version 2"),
    "graphql": ("/graphql", "GraphQL API"),
    "problems": ("/problems", "All problems, with cause and solution"),
    "health": ("/health/ready", "Health check"),
}
DOCUMENTATION_LINKS = {
    "docs": ("/docs", "REST documentation"),
    "graphiql": ("/docs/graphql", "GraphQL explorer"),
    "statuses": ("/docs/statuses", "Statuses, and the operations that change them"),
    "openapi": ("/v1/openapi.json", "OpenAPI document, version 1"),
    "openapi_v2": ("/v2/openapi.json", "OpenAPI document, version 2"),
    "graphql_schema": ("/schema.graphql", "GraphQL schema"),
    "events": ("/docs/events", "Event types"),
}


def _links(may_introspect: bool) -> dict[str, tuple[str, str]]:
    """Return the URL and title of each link by name."""
    return LINKS | DOCUMENTATION_LINKS if may_introspect else LINKS


def _index_json(may_introspect: bool) -> bytes:
    """Return the links in the same shape as a resource's `links`."""
    links = {name: {"href": href, "title": title} for name, (href, title) in _links(may_introspect).items()}
    return msgspec.json.encode({"name": "Tradepost", "links": links})


def _index_html(may_introspect: bool, stylesheet: str) -> bytes:
    """Return the links as an HTML page."""
    items = "".join(
        f'<li><a href="{href}">{escape(title)}</a> <code>{href}</code></li>'
        for href, title in _links(may_introspect).values()
        if href != "/"
    )
    body = (
        '<main class="text"><h1>Tradepost</h1><p>A headless commerce backend with two APIs, REST and GraphQL, over one '
        f"set of domain services.</p><ul>{items}</ul></main>"
    )
    return render_page("Tradepost", body, path="/", stylesheet=stylesheet)


def _index_response(request: Request[Any, Any, Any], may_introspect: bool, stylesheet: str) -> Response:
    """Return JSON if it is acceptable at all, as with a bare `*/*`; HTML if only HTML is."""
    header = request_headers(request.scope).get(b"accept")
    if best_offer(header, (JSON,)):
        body, media_type, policy = _index_json(may_introspect), JSON, []
    elif best_offer(header, (HTML,)):
        body, media_type = _index_html(may_introspect, stylesheet), HTML
        policy = [(b"content-security-policy", TEXT_POLICY)]
    else:
        raise NotAcceptable("Available here: application/json, text/html.")
    return Response(200, body, media_type, [PRIVATE, *policy], entity_tag(body))


def _version_response(scope: Any, collections: Collections) -> Response:
    """Return the collections of an API version that the caller may read, for `/v1` and `/v2`."""
    if best_offer(request_headers(scope).get(b"accept"), (JSON,)) is None:
        raise NotAcceptable("Available here: application/json.")
    version = scope["version"]
    urls = {"self": f"/v{version}"} | collections(version, scope["context"].caller.permissions)
    body = msgspec.json.encode({"links": {name: {"href": href} for name, href in urls.items()}})
    policy = (b"cache-control", b"public, max-age=60") if is_shareable(scope) else PRIVATE
    return Response(200, body, JSON, [policy], entity_tag(body))


def index_routes(
    stylesheet: str, may_introspect: Callable[[Scope], bool], collections: Collections
) -> list[HTTPRouteHandler]:
    """Return the routes of `/`, which serves `/v1` and `/v2` as well, and of `/robots.txt`."""

    @route("/", http_method=GET_AND_HEAD, include_in_schema=False)
    async def index(request: Request[Any, Any, Any]) -> ASGIApp:
        if request.scope.get("prefix"):
            return _version_response(request.scope, collections)
        return _index_response(request, may_introspect(request.scope), stylesheet)

    @route("/robots.txt", http_method=GET_AND_HEAD, include_in_schema=False)
    async def robots(request: Request[Any, Any, Any]) -> ASGIApp:
        return Response(200, ROBOTS, b"text/plain; charset=utf-8", [(b"cache-control", b"public, max-age=86400")])

    return [index, robots]
