"""`/.well-known/jwks.json`: the public keys for verifying access tokens (RFC 7517)."""

from collections.abc import Callable
from typing import Any

from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.problems import NotFound

from ..http.conditional import entity_tag
from ..http.response import Response
from .assets import GET_AND_HEAD

type PublicKeys = Callable[[], bytes | None]
"""Return the JWK set as JSON, or None if the tokens have no public keys (HS256)."""

MEDIA_TYPE = b"application/jwk-set+json"
CACHE_CONTROL = (b"cache-control", b"public, max-age=300")


def jwks_routes(public_keys: PublicKeys) -> list[HTTPRouteHandler]:
    """Return the route of the JWK set."""

    @route("/.well-known/jwks.json", http_method=GET_AND_HEAD, include_in_schema=False)
    async def jwks(request: Request[Any, Any, Any]) -> ASGIApp:
        body = public_keys()
        if body is None:
            raise NotFound("Access tokens are signed with HS256, which has no public keys.")
        return Response(200, body, MEDIA_TYPE, [CACHE_CONTROL], entity_tag(body))

    return [jwks]
