"""Https redirect."""

from urllib.parse import quote

from tradepost.kit.problems import InvalidParameter

from .allowed_hosts import host_name
from .asgi import Scope, request_headers
from .response import Response


def redirect_to_https(scope: Scope) -> Response | None:
    """The redirect of a request that came without TLS (308 keeps method and body); health checks are left alone."""
    if scope.get("scheme") == "https" or scope["path"].startswith("/health/"):
        return None
    host = host_name(request_headers(scope).get(b"host", b""))
    if not host or host.translate(None, b"abcdefghijklmnopqrstuvwxyz0123456789.-_[]:"):
        raise InvalidParameter("The Host header names no host.", parameter="Host")
    query = scope.get("query_string", b"")
    target = (
        b"https://"
        + host
        + quote(scope["called"], safe="/%:@!$&'()*+,;=~-._").encode()
        + (b"?" + query if query else b"")
    )
    return Response(308, headers=[(b"location", target)])
