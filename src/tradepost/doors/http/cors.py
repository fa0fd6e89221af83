"""Cross-origin requests (Fetch standard, 3.2): which origins' scripts may read responses."""

import re

from tradepost.kit.auth.credential_headers import CREDENTIAL_HEADERS

from .asgi import Headers, Scope, request_headers
from .response import Response

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = (
    *CREDENTIAL_HEADERS,
    "Accept",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "X-API-Version",
    "X-CSRF",
    "X-Request-ID",
)
ALLOWED_HEADERS = ", ".join(sorted(REQUEST_HEADERS)).encode()
EXPOSED_HEADERS = (
    b"Accept-Patch, Allow, Deprecation, ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, "
    b"Retry-After, Sunset, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, "
    b"X-Request-Cost, X-Request-ID"
)
VARY_ORIGIN = (b"vary", b"Origin")
# A list of tokens (RFC 9110, 5.6.1). The length is bounded because the list is sent back.
REQUESTED_HEADERS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z, \t-]{1,2000}")


class CorsPolicy:
    """The allowed web origins; `*` allows all. Cookies are never used."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allows_any = "*" in allowed
        self.allowed = frozenset(origin.rstrip("/").encode() for origin in allowed)

    def response_headers(self, origin: bytes | None) -> Headers:
        """Return the CORS headers of a response to a request from `origin`."""
        if self.allows_any:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", EXPOSED_HEADERS)]
        if origin in self.allowed:
            return [
                VARY_ORIGIN,
                (b"access-control-allow-origin", origin or b""),
                (b"access-control-expose-headers", EXPOSED_HEADERS),
            ]
        return [VARY_ORIGIN]

    def preflight(self, scope: Scope) -> Response | None:
        """Return the response to a preflight request, or None if the request is not a preflight.

        An origin that is not allowed gets a response without the CORS headers, not an error.
        """
        headers = request_headers(scope)
        origin = headers.get(b"origin")
        if scope["method"] != "OPTIONS" or origin is None or b"access-control-request-method" not in headers:
            return None
        response_headers: Headers = [(b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers")]
        if self.allows_any or origin in self.allowed:
            response_headers += [
                (b"access-control-allow-methods", METHODS),
                (b"access-control-allow-headers", _allowed_headers(headers.get(b"access-control-request-headers"))),
                (b"access-control-max-age", b"600"),
            ]
        return Response(204, headers=response_headers)


def _allowed_headers(requested: bytes | None) -> bytes:
    """Return the request headers that are allowed: our own, and those that are asked for.

    Libraries add headers of their own (`traceparent`, `sentry-trace`, `apollographql-client-name`).
    Allowing them gives no access, because no cookie is read.
    """
    if requested and REQUESTED_HEADERS.fullmatch(requested):
        return ALLOWED_HEADERS + b", " + requested
    return ALLOWED_HEADERS
