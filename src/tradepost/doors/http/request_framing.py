"""Checks of a request's Host, body framing and target that the HTTP server leaves to the app.

Granian (hyper) refuses most malformed messages itself. It accepts requests without a Host or with
several of them, and transfer codings besides `chunked`. A request whose end another server may see
elsewhere is refused, and its connection is closed, so that nothing is smuggled past a proxy
(RFC 9112, 11.2). If both Content-Length and Transfer-Encoding are sent, hyper removes the first
before the app sees the request, decodes the chunks, and closes the connection (RFC 9112, 6.3).
"""

from tradepost.kit.problems import InvalidParameter

from .asgi import Scope, request_headers
from .problem_responses import problem_response
from .response import Response

HOST_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+;=%:[]"
"""The characters of a Host (RFC 3986, 3.2.2), without the comma, which joins repeated headers."""
CLOSE = (b"connection", b"close")


def refuse_framing(scope: Scope) -> Response | None:
    """Return the 400 of a request that is framed ambiguously or has no single Host, else None."""
    headers = request_headers(scope)
    host = headers.get(b"host")
    if (
        host
        and not host.translate(None, HOST_CHARACTERS)
        and b"transfer-encoding" not in headers
        and scope["path"][:1] in ("/", "*")
    ):
        return None
    coding = headers.get(b"transfer-encoding", b"chunked")
    problem = _host_fault(host or b"", scope) or _coding_fault(coding) or _target_fault(scope)
    if problem is None:
        return None
    response = problem_response(problem, scope)
    response.headers = [*response.headers, CLOSE]
    return response


def _host_fault(host: bytes, scope: Scope) -> InvalidParameter | None:
    """Return the fault of the Host. Only HTTP/1.0 may leave it out (RFC 9112, 3.2)."""
    if host and not host.translate(None, HOST_CHARACTERS):
        return None
    # Granian adds an empty Host, and calls HTTP/1.0 `1`.
    if not host and scope.get("http_version") in ("1", "1.0"):
        return None
    return InvalidParameter("Send exactly one `Host` header with the name of the server.", parameter="Host")


def _coding_fault(coding: bytes) -> InvalidParameter | None:
    """Return the fault of the transfer coding (RFC 9112, 6.1)."""
    if coding.strip().lower() == b"chunked":
        return None
    return InvalidParameter("`Transfer-Encoding` must be `chunked`.", parameter="Transfer-Encoding")


def _target_fault(scope: Scope) -> InvalidParameter | None:
    """Return the fault of a target that is no path; only CONNECT has one (RFC 9112, 3.2.3)."""
    if scope["path"][:1] in ("/", "*") or scope["method"] == "CONNECT":
        return None
    return InvalidParameter("The request target must be a path that starts with `/`.", parameter="target")
