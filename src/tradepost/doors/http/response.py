"""An answer: ready bytes that send themselves, as 304 where the caller has them already, in the coding that the caller prefers."""

from collections.abc import Sequence
from typing import Any

from .asgi import Headers, Receive, Scope, Send, request_headers
from .compression import MIN_SIZE, compress, is_compressible
from .conditional import matches
from .negotiation import best_coding

JSON = b"application/json"
BODILESS = frozenset({204, 304})

VARY_FIELDS = b"Accept, Accept-Encoding, Authorization, X-API-Key, X-Cart-Token"
VARY = (b"vary", VARY_FIELDS)
VARY_WITH_VERSION = (b"vary", VARY_FIELDS + b", X-API-Version")


class Response:
    """An ASGI app that sends one ready answer.

    `etag` is the strong tag of the plain bytes with its quotes (`conditional.entity_tag` makes it). A GET or HEAD whose `If-None-Match` names it
    gets 304 in place of 200. Bodies of 1 kB and more are compressed where `Accept-Encoding` allows; the tag then names the coding. Further
    headers, `Cache-Control` among them, are the door's. An answer that is sent again and again (`keep=True`) packs its bytes once per coding.
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
        """Sends the answer."""
        status, headers, body = self.prepare(scope)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False}
        )

    def prepare(self, scope: Scope) -> tuple[int, Headers, bytes | bytearray]:
        """What the answer is to one request: its status, its own headers and its body."""
        asked, status, body, etag = request_headers(scope), self.status, self.body, self.etag
        headers = [*self.headers, VARY if scope.get("prefix") else VARY_WITH_VERSION]
        coding = None
        if (
            len(body) >= MIN_SIZE
            and is_compressible(self.media_type)
            and (coding := best_coding(asked.get(b"accept-encoding")))
            and etag
        ):
            etag = etag[:-1] + b"-" + coding + b'"'
        if etag is not None:
            headers.append((b"etag", etag))
            if (
                status == 200
                and (known := asked.get(b"if-none-match")) is not None
                and self.is_not_modified(known, scope["method"])
            ):
                status = 304
        if status in BODILESS:
            return status, headers, b""
        if body:
            headers.append((b"content-type", self.media_type))
        if coding:
            body = self.encoded(coding)
            headers.append((b"content-encoding", coding))
        headers.append((b"content-length", b"%d" % len(body)))
        return status, headers, body

    def is_not_modified(self, known: bytes, method: str) -> bool:
        """Whether the caller has these bytes already (RFC 9110, 13.1.2)."""
        return method in ("GET", "HEAD") and self.etag is not None and matches(known, self.etag)

    def encoded(self, coding: bytes) -> bytes:
        """The body in a coding."""
        if self.encodings is None:
            return compress(self.body, coding)
        if coding not in self.encodings:
            self.encodings[coding] = compress(self.body, coding)
        return self.encodings[coding]

    def to_asgi_response(self, **_: Any) -> "Response":
        """Litestar asks what an exception handler returned for its ASGI form: an Answer is one already."""
        return self
