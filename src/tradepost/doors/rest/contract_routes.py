"""The OpenAPI documents and the GraphQL schema, and the routes that serve them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import NotFound
from tradepost.kit.writes.event_types import EventTypes

from ..http.conditional import entity_tag
from ..http.response import Response
from .api import RestDoor
from .openapi import AuthenticationDocs, openapi_document

# Not in shared caches: whether the contract is served may depend on the caller.
CACHE_CONTROL = (b"cache-control", b"private, max-age=300")


def contract_files(
    registry: Registry,
    door: RestDoor,
    routes: Iterable[Any],
    sdl: str,
    authentication: AuthenticationDocs,
    event_types: EventTypes,
) -> Mapping[str, bytes]:
    """Return names and contents: OpenAPI of both versions, the GraphQL schema, the event types."""
    routes = list(routes)
    return {
        "openapi.json": _to_json(openapi_document(registry, door, routes, 1, authentication)),
        "openapi.v2.json": _to_json(openapi_document(registry, door, routes, 2, authentication)),
        "schema.graphql": f"{sdl.strip()}\n".encode(),
        "events.json": _to_json({"data": event_types.described()}),
    }


def _to_json(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def contract_routes(may_introspect: Callable[[Any], bool]) -> list[HTTPRouteHandler]:
    """Return the routes of `/openapi.json` (also below `/v1` and `/v2`) and the other files.

    They return 404 to requests that may not introspect. The files are made for the first request,
    in a thread, because that takes 0.1 s; others wait for it. Each is compressed once per coding.
    """
    responses: dict[str, Response] = {}
    lock = asyncio.Lock()

    async def serve(request: Request[Any, Any, Any], name: str, media_type: bytes) -> Response:
        if not may_introspect(request.scope):
            raise NotFound
        if name not in responses:
            async with lock:
                content = (await asyncio.to_thread(request.app.state.contract))[name]
            etag = entity_tag(content)
            responses[name] = Response(200, content, media_type, [CACHE_CONTROL], etag, keep_encodings=True)
        return responses[name]

    @get("/openapi.json", include_in_schema=False)
    async def serve_openapi(request: Request[Any, Any, Any]) -> ASGIApp:
        version: int = request.scope["version"]  # type: ignore[typeddict-item]
        return await serve(request, "openapi.json" if version == 1 else f"openapi.v{version}.json", b"application/json")

    @get("/schema.graphql", include_in_schema=False)
    async def serve_schema(request: Request[Any, Any, Any]) -> ASGIApp:
        return await serve(request, "schema.graphql", b"application/graphql; charset=utf-8")

    @get("/events.json", include_in_schema=False)
    async def serve_events(request: Request[Any, Any, Any]) -> ASGIApp:
        return await serve(request, "events.json", b"application/json")

    return [serve_openapi, serve_schema, serve_events]
