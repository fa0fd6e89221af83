"""Where a request may come from and go to: allowed hosts, the redirect to HTTPS, and CORS (Fetch standard, 3.2)."""

from functools import lru_cache
from urllib.parse import quote

from tradepost.kit.problems import InvalidParameter

from .asgi import Headers, Scope, fields
from .response import Answer

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


class Hosts:
    """The names by which the shop may be called; `*.example.com` stands for every name below, an empty list for any name at all."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        names = {name.lower().encode() for name in allowed}
        self.any = not names or b"*" in names
        self.exact = frozenset(name for name in names if not name.startswith(b"*."))
        self.below = tuple(name[1:] for name in names if name.startswith(b"*."))
        self.knows = lru_cache(256)(self._knows)

    def _knows(self, host: bytes) -> bool:
        name = bare(host)
        return name in self.exact or name.endswith(self.below)

    def check(self, scope: Scope) -> None:
        """Refuses a request that names another host; health checks by address are let through."""
        host = fields(scope).get(b"host", b"")
        if not self.any and not self.knows(host) and not scope["path"].startswith("/health/"):
            raise InvalidParameter(f"The host `{host[:100].decode('latin-1')}` is not served here.", parameter="Host")


def bare(host: bytes) -> bytes:
    """A host without its port, in lower case."""
    if host.startswith(b"["):
        return host.partition(b"]")[0].lower() + b"]"
    return host.partition(b":")[0].lower().rstrip(b".")


def to_https(scope: Scope) -> Answer | None:
    """The redirect of a request that came without TLS (308 keeps method and body); health checks are left alone."""
    if scope.get("scheme") == "https" or scope["path"].startswith("/health/"):
        return None
    host = bare(fields(scope).get(b"host", b""))
    if not host or host.translate(None, b"abcdefghijklmnopqrstuvwxyz0123456789.-_[]:"):
        raise InvalidParameter("The Host header names no host.", parameter="Host")
    query = scope.get("query_string", b"")
    target = (
        b"https://"
        + host
        + quote(scope["called"], safe="/%:@!$&'()*+,;=~-._").encode()
        + (b"?" + query if query else b"")
    )
    return Answer(308, headers=[(b"location", target)])


class Origins:
    """The web origins whose scripts may read our answers; `*` stands for all of them. No cookie is ever involved."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.all = "*" in allowed
        self.known = frozenset(origin.rstrip("/").encode() for origin in allowed)

    def headers(self, origin: bytes | None) -> Headers:
        """What an answer to this origin carries."""
        if self.all:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", SHOWN)]
        if origin in self.known:
            return [
                BY_ORIGIN,
                (b"access-control-allow-origin", origin or b""),
                (b"access-control-expose-headers", SHOWN),
            ]
        return [BY_ORIGIN]

    def preflight(self, scope: Scope) -> Answer | None:
        """The answer to a preflight, or None where the request is none. An origin that is not known gets no permission (and no error)."""
        asked = fields(scope)
        origin = asked.get(b"origin")
        if scope["method"] != "OPTIONS" or origin is None or b"access-control-request-method" not in asked:
            return None
        headers: Headers = [(b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers")]
        if self.all or origin in self.known:
            headers += [
                (b"access-control-allow-methods", METHODS),
                (b"access-control-allow-headers", ASKED),
                (b"access-control-max-age", b"600"),
            ]
        return Answer(204, headers=headers)
