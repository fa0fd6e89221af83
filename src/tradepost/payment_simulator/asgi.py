"""Requests and answers of the simulator, over ASGI."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 64 * 1024


class ConnectionDropped(Exception):
    """The connection is closed without an answer, because a test asked for it."""


@dataclass(frozen=True)
class Place:
    """Where the app is mounted, and its URL for browsers; None: from the header `Host`."""

    base_path: str
    public_url: str | None


@dataclass(frozen=True)
class Request:
    """A request. `path` is below the base path; `base_url` is the simulator's own URL."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes
    base_url: str


@dataclass(frozen=True)
class Answer:
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, body: Any, headers: Mapping[str, str] = {}) -> Answer:
    """Return a JSON answer."""
    return Answer(status, json.dumps(body, indent=2).encode(), {"content-type": "application/json", **headers})


async def read_request(scope: Scope, receive: Receive, place: Place) -> Request | None:
    """Read a request; None if its body is too large or its client has gone."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    base_path = place.base_path
    base_url = place.public_url or f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}{base_path}"
    # A mount of Litestar removes the base path and adds a slash at the end.
    path = scope["path"].rstrip("/")
    path = path.removeprefix(base_path) if path.startswith(f"{base_path}/") else path
    return Request(scope["method"], path, scope["query_string"], headers, body, base_url)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer."""
    headers = {**answer.headers, "content-length": str(len(answer.body)), "cache-control": "no-store"}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def drop_connection(send: Send) -> None:
    """Begin an answer that never ends: the server has to close the connection."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionDropped
