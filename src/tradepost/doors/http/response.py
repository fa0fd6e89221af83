"""A ready response: 304 if the client has the same bytes, compressed as the client prefers."""

from collections.abc import Sequence
from typing import Any

from tradepost.kit.auth.credential_headers import CREDENTIAL_HEADERS
from tradepost.kit.lru import without_spare_room

from .asgi import Headers, Receive, Scope, Send, request_headers
from .compression import MIN_SIZE, compress, is_compressible
from .conditional import matches
from .negotiation import best_coding

JSON = b"application/json"
BODYLESS = frozenset({204, 304})

VARY_FIELDS = ", ".join(("Accept", "Accept-Encoding", *CREDENTIAL_HEADERS)).encode()
VARY = (b"vary", VARY_FIELDS)
VARY_WITH_VERSION = (b"vary", VARY_FIELDS + b", X-API-Version")


class Response:
    """An ASGI app that sends one complete response.

    etag: the strong tag of the uncompressed bytes, with quotes (see `conditional.entity_tag`). A
        GET or HEAD whose `If-None-Match` names it gets 304 instead of 200.
    headers: all further headers, `Cache-Control` included.
    keep_encodings: keep the compressed bytes, for a response that is sent many times.

    Bodies of 1 kB and more are compressed if `Accept-Encoding` allows it; the tag then ends in
    the name of the coding.
    """

    __slots__ = ("body", "encodings", "etag", "headers", "media_type", "status")

    def __init__(
        self,
        status: int,
        body: bytes | bytearray = b"",
        media_type: bytes = JSON,
        headers: Sequence[tuple[bytes, bytes]] = (),
        etag: bytes | None = None,
        *,
        keep_encodings: bool = False,
    ) -> None:
        self.status, self.body, self.media_type, self.headers, self.etag = status, body, media_type, headers, etag
        self.encodings: dict[bytes, bytes] | None = {} if keep_encodings else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        status, headers, body = self.prepare(scope)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False}
        )

    def prepare(self, scope: Scope) -> tuple[int, Headers, bytes | bytearray]:
        """Return status, headers and body for one request."""
        client_headers, status, body, etag = request_headers(scope), self.status, self.body, self.etag
        headers = [*self.headers, VARY if scope.get("prefix") else VARY_WITH_VERSION]
        coding = None
        if (
            len(body) >= MIN_SIZE
            and is_compressible(self.media_type)
            and (coding := best_coding(client_headers.get(b"accept-encoding")))
            and etag
        ):
            etag = etag[:-1] + b"-" + coding + b'"'
        if etag is not None:
            headers.append((b"etag", etag))
            if (
                status == 200
                and (if_none_match := client_headers.get(b"if-none-match")) is not None
                and self.is_not_modified(if_none_match, scope["method"])
            ):
                status = 304
        if status in BODYLESS:
            return status, headers, b""
        if body:
            headers.append((b"content-type", self.media_type))
        if coding:
            body = self.encoded(coding)
            headers.append((b"content-encoding", coding))
        headers.append((b"content-length", b"%d" % len(body)))
        return status, headers, body

    def is_not_modified(self, if_none_match: bytes, method: str) -> bool:
        """Whether the client already has these bytes (RFC 9110, 13.1.2)."""
        return method in ("GET", "HEAD") and self.etag is not None and matches(if_none_match, self.etag)

    def encoded(self, coding: bytes) -> bytes:
        """Return the compressed body."""
        if self.encodings is None:
            return compress(self.body, coding)
        if coding not in self.encodings:
            self.encodings[coding] = without_spare_room(compress(self.body, coding))
        return self.encodings[coding]

    def to_asgi_response(self, **_: Any) -> "Response":
        """Return the response itself: Litestar calls this on what an exception handler returns."""
        return self
