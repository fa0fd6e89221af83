"""ASGI types, and the headers of a request."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

type Scope = Any
"""An ASGI scope: a dict. Litestar's TypedDict does not allow the pipeline's own keys."""
type Message = Any
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]
type Headers = list[tuple[bytes, bytes]]

SEPARATORS = {b"cookie": b"; "}


def request_headers(scope: Scope) -> Mapping[bytes, bytes]:
    """Return the request's headers by lower-case name, computed once per request.

    Repeated headers are joined with a comma (RFC 9110, 5.3).
    """
    headers = scope.get("request_headers")
    if headers is None:
        lines = scope["headers"]
        headers = dict(lines)
        if len(headers) != len(lines):
            headers = _joined(lines)
        scope["request_headers"] = headers
    return headers


def _joined(lines: Headers) -> dict[bytes, bytes]:
    """Join the values of repeated headers."""
    headers: dict[bytes, bytes] = {}
    for name, value in lines:
        headers[name] = headers[name] + SEPARATORS.get(name, b", ") + value if name in headers else value
    return headers
