"""`/.well-known/jwks.json`: the public keys of access tokens, for services of others that verify them (RFC 7517)."""

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
"""The JWK set as JSON, or None where the tokens have no public keys."""

MEDIA = b"application/jwk-set+json"
KEPT = (b"cache-control", b"public, max-age=300")


def jwks_routes(public_keys: PublicKeys) -> list[HTTPRouteHandler]:
    """The one address."""

    @route("/.well-known/jwks.json", http_method=GET_AND_HEAD, include_in_schema=False)
    async def jwks(request: Request[Any, Any, Any]) -> ASGIApp:
        body = public_keys()
        if body is None:
            raise NotFound("The access tokens of this shop have no public keys.")
        return Response(200, body, MEDIA, [KEPT], entity_tag(body))

    return [jwks]
