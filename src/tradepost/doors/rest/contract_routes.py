"""The documents that callers build on, and the routes that serve them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import NotFound

from ..http.conditional import entity_tag
from ..http.response import Response
from .api import RestDoor
from .openapi import AuthenticationDocs, openapi_document

# It may depend on who asks, so no shared cache keeps it.
KEPT = (b"cache-control", b"private, max-age=300")


def contract_files(
    registry: Registry, door: RestDoor, routes: Iterable[Any], sdl: str, signing: AuthenticationDocs
) -> Mapping[str, bytes]:
    """File names and contents: OpenAPI of both versions, and the GraphQL schema."""
    known = list(routes)
    return {
        "openapi.json": _pretty(openapi_document(registry, door, known, 1, signing)),
        "openapi.v2.json": _pretty(openapi_document(registry, door, known, 2, signing)),
        "schema.graphql": f"{sdl.strip()}\n".encode(),
    }


def _pretty(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def contract_routes(introspects: Callable[[Any], bool]) -> list[HTTPRouteHandler]:
    """`/openapi.json` (also below `/v1` and `/v2`) and `/schema.graphql`, for those who may introspect. Each is packed once per coding."""
    ready: dict[str, Response] = {}

    def serve(request: Request[Any, Any, Any], name: str, media: bytes) -> Response:
        if not introspects(request.scope):
            raise NotFound
        if name not in ready:
            content = request.app.state.contract()[name]
            ready[name] = Response(200, content, media, [KEPT], entity_tag(content), keep_encodings=True)
        return ready[name]

    @get("/openapi.json", include_in_schema=False)
    async def openapi_document(request: Request[Any, Any, Any]) -> ASGIApp:
        version: int = request.scope["version"]  # type: ignore[typeddict-item]
        return serve(request, "openapi.json" if version == 1 else f"openapi.v{version}.json", b"application/json")

    @get("/schema.graphql", include_in_schema=False)
    async def schema_document(request: Request[Any, Any, Any]) -> ASGIApp:
        return serve(request, "schema.graphql", b"application/graphql; charset=utf-8")

    return [openapi_document, schema_document]
