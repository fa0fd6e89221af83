"""The redirect from http to https (HTTPS_REDIRECT)."""

from urllib.parse import quote

from tradepost.kit.problems import InvalidParameter

from .allowed_hosts import host_name
from .asgi import Scope, request_headers
from .response import Response


def redirect_to_https(scope: Scope) -> Response | None:
    """Return a redirect for a plain http request, or None if the request may proceed.

    308 keeps the method and the body. Health checks are not redirected.
    """
    if scope.get("scheme") == "https" or scope["path"].startswith("/health/"):
        return None
    host = host_name(request_headers(scope).get(b"host", b""))
    if not host or host.translate(None, b"abcdefghijklmnopqrstuvwxyz0123456789.-_[]:"):
        raise InvalidParameter("The Host header is missing or is not a host name.", parameter="Host")
    query = scope.get("query_string", b"")
    location = (
        b"https://"
        + host
        + quote(scope["original_path"], safe="/%:@!$&'()*+,;=~-._").encode()
        + (b"?" + query if query else b"")
    )
    return Response(308, headers=[(b"location", location)])
