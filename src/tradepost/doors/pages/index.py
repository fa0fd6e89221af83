"""`/`: where to go from here. `/robots.txt`: an API is not for crawlers."""

from collections.abc import Callable
from html import escape
from typing import Any

import msgspec
from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope

from tradepost.kit.problems import NotAcceptable

from ..http.asgi import request_headers
from ..http.conditional import entity_tag
from ..http.negotiation import best_offer
from ..http.response import JSON, Response
from .assets import GET_AND_HEAD
from .layout import HTML, TEXT_POLICY, render_page

type Collections = Callable[[int, frozenset[str]], dict[str, str]]

ROBOTS = b"User-agent: *\nDisallow: /\n"

LINKS = {
    "self": ("/", "This page"),
    "rest": ("/v1", "REST, version 1: the collections"),
    "rest_v2": ("/v2", "REST, version 2: the collections"),
    "graphql": ("/graphql", "GraphQL: send queries here"),
    "problems": ("/problems", "Every problem that can be answered, its cause and its cure"),
    "health": ("/health/ready", "Whether all is well"),
}
DESCRIBED = {
    "docs": ("/docs", "REST documentation"),
    "graphiql": ("/docs/graphql", "GraphQL explorer"),
    "openapi": ("/v1/openapi.json", "OpenAPI document, version 1"),
    "openapi_v2": ("/v2/openapi.json", "OpenAPI document, version 2"),
    "graphql_schema": ("/schema.graphql", "GraphQL schema"),
}


def links(described: bool) -> dict[str, tuple[str, str]]:
    """Name -> address and what is there; the documents only for those who may read them."""
    return LINKS | DESCRIBED if described else LINKS


def as_json(described: bool) -> bytes:
    """The links in the form that every resource's `links` has."""
    said = {name: {"href": href, "title": title} for name, (href, title) in links(described).items()}
    return msgspec.json.encode({"name": "Tradepost", "links": said})


def as_page(described: bool, stylesheet: str) -> bytes:
    """The links for a reader."""
    items = "".join(
        f'<li><a href="{href}">{escape(title)}</a> <code>{href}</code></li>'
        for href, title in links(described).values()
        if href != "/"
    )
    body = f'<main class="text"><h1>Tradepost</h1><p>A headless shop with two doors, REST and GraphQL, over one set of rules.</p><ul>{items}</ul></main>'
    return render_page("Tradepost", body, here="/", stylesheet=stylesheet)


def entry_answer(request: Request[Any, Any, Any], described: bool, stylesheet: str) -> Response:
    """JSON wherever it is acceptable at all, so that a browser's `*/*` gets it too; a page for who takes nothing but HTML."""
    header = request_headers(request.scope).get(b"accept")
    if best_offer(header, (JSON,)):
        body, media, policy = as_json(described), JSON, []
    elif best_offer(header, (HTML,)):
        body, media, policy = as_page(described, stylesheet), HTML, [(b"content-security-policy", TEXT_POLICY)]
    else:
        raise NotAcceptable("Available here: application/json, text/html.")
    return Response(200, body, media, [(b"cache-control", b"private, no-cache"), *policy], entity_tag(body))


def version_answer(scope: Any, collections: Collections) -> Response:
    """`/v1`: the collections of that version that are open to this caller."""
    if best_offer(request_headers(scope).get(b"accept"), (JSON,)) is None:
        raise NotAcceptable("Available here: application/json.")
    version, caller = scope["version"], scope["context"].caller
    named = {"self": f"/v{version}"} | collections(version, caller.permissions)
    body = msgspec.json.encode({"links": {name: {"href": href} for name, href in named.items()}})
    keeping = b"private, no-cache" if caller.known else b"public, max-age=60"
    return Response(200, body, JSON, [(b"cache-control", keeping)], entity_tag(body))


def index_routes(
    stylesheet: str, introspects: Callable[[Scope], bool], collections: Collections
) -> list[HTTPRouteHandler]:
    """The entry, that of each version, and the note for crawlers."""

    @route("/", http_method=GET_AND_HEAD, include_in_schema=False)
    async def entry(request: Request[Any, Any, Any]) -> ASGIApp:
        if request.scope.get("prefix"):
            return version_answer(request.scope, collections)
        return entry_answer(request, introspects(request.scope), stylesheet)

    @route("/robots.txt", http_method=GET_AND_HEAD, include_in_schema=False)
    async def robots(request: Request[Any, Any, Any]) -> ASGIApp:
        return Response(200, ROBOTS, b"text/plain; charset=utf-8", [(b"cache-control", b"public, max-age=86400")])

    return [entry, robots]
