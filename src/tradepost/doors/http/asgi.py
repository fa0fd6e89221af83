"""The few ASGI types of the porch, and the header fields of a request."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

type Scope = Any
"""An ASGI scope. It is a dict; Litestar's TypedDict for it has no room for the porch's own keys."""
type Message = Any
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]
type Headers = list[tuple[bytes, bytes]]

PIECES = {b"cookie": b"; "}


def request_headers(scope: Scope) -> Mapping[bytes, bytes]:
    """The request's header fields by lower-case name; lines of one name are joined by a comma (RFC 9110, 5.3). Made once a request."""
    found = scope.get("fields")
    if found is None:
        lines = scope["headers"]
        found = dict(lines)
        if len(found) != len(lines):
            found = joined(lines)
        scope["fields"] = found
    return found


def joined(lines: Headers) -> dict[bytes, bytes]:
    """The fields where some name comes more than once."""
    found: dict[bytes, bytes] = {}
    for name, value in lines:
        found[name] = found[name] + PIECES.get(name, b", ") + value if name in found else value
    return found
