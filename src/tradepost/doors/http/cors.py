"""Where a request may come from and go to: allowed hosts, the redirect to HTTPS, and CORS (Fetch standard, 3.2)."""

from .asgi import Headers, Scope, request_headers
from .response import Response

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ASKED = (
    b"Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, "
    b"X-API-Key, X-API-Version, X-CSRF, X-Cart-Token, X-Request-ID"
)
SHOWN = (
    b"Accept-Patch, Allow, Deprecation, ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Sunset, "
    b"WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Cost, X-Request-ID"
)
BY_ORIGIN = (b"vary", b"Origin")


class CorsPolicy:
    """The web origins whose scripts may read our answers; `*` stands for all of them. No cookie is ever involved."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allows_any = "*" in allowed
        self.allowed = frozenset(origin.rstrip("/").encode() for origin in allowed)

    def response_headers(self, origin: bytes | None) -> Headers:
        """What an answer to this origin carries."""
        if self.allows_any:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", SHOWN)]
        if origin in self.allowed:
            return [
                BY_ORIGIN,
                (b"access-control-allow-origin", origin or b""),
                (b"access-control-expose-headers", SHOWN),
            ]
        return [BY_ORIGIN]

    def preflight(self, scope: Scope) -> Response | None:
        """The answer to a preflight, or None where the request is none. An origin that is not known gets no permission (and no error)."""
        asked = request_headers(scope)
        origin = asked.get(b"origin")
        if scope["method"] != "OPTIONS" or origin is None or b"access-control-request-method" not in asked:
            return None
        headers: Headers = [(b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers")]
        if self.allows_any or origin in self.allowed:
            headers += [
                (b"access-control-allow-methods", METHODS),
                (b"access-control-allow-headers", ASKED),
                (b"access-control-max-age", b"600"),
            ]
        return Response(204, headers=headers)
