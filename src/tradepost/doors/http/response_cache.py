"""Stored responses to anonymous requests: an identical request is served without running it again.

A response is stored with its status, headers and body. Only the request id and the rate limit
headers are new each time. The key holds everything that a response to an anonymous request
depends on. Requests with a credential or cart token are never served from this cache.
"""

import msgspec

from tradepost.kit.auth.credential_headers import CREDENTIAL_HEADER_NAMES
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.writes.call_context import CallContext

from . import rate_limit_headers as budget
from .asgi import Headers, Message, Scope, request_headers
from .metrics import Metrics, Series
from .response import Response
from .response_sender import ResponseSender

VARYING_HEADERS = (b"host", b"accept", b"accept-encoding", b"if-none-match", b"origin", b"x-api-version")
"""Request headers that a response to an anonymous request may depend on."""
UNCACHED_HEADERS = frozenset({*CREDENTIAL_HEADER_NAMES, b"transfer-encoding"})
"""Requests with one of these are not answered from here: they are somebody's, or have a body."""
MAX_KEY_BYTES, RESPONSE_BYTES = 2000, 2000
"""Bytes of the values in a key, and of a stored response without its body."""
PER_REQUEST_HEADERS = frozenset(
    {b"x-request-id", b"x-request-cost", *[name for name, _ in budget.bucket_headers(b"", 1, 1)]}
)
"""Response headers that are never stored."""


class CachedResponse(msgspec.Struct, frozen=True, gc=False):
    """A stored response.

    headers: all but PER_REQUEST_HEADERS.
    body: the ASGI message; its body has `size` bytes.
    path, template: for the access log.
    points: charged before it is sent; all above `net` is refunded.
    series: where the request is counted.
    """

    status: int
    headers: Headers
    body: Message
    size: int
    path: str
    template: str
    points: int
    net: int
    series: Series | None


class ResponseCache:
    """The stored responses. Each lives as long as the read cache entry that it was made from."""

    def __init__(self, cache: ReadCache, metrics: Metrics | None) -> None:
        self.cache, self.metrics = cache, metrics

    def find(self, scope: Scope) -> CachedResponse | None:
        """Return the stored response to a request, or None.

        In the second case the request's key is left in the scope for `store`, unless it may not be
        stored.
        """
        path, headers = scope.get("raw_path"), request_headers(scope)
        if path is None or scope["method"] != "GET" or not UNCACHED_HEADERS.isdisjoint(headers):
            return None
        if not headers.get(b"host"):
            return None  # see `request_framing`; stored responses have a valid Host in their key
        key = (path, scope["query_string"], scope.get("scheme"), *map(headers.get, VARYING_HEADERS))
        cached = self.cache.find_alias(key)
        if cached is None:
            scope["cache_key"] = key
        return cached

    def store(self, scope: Scope, sender: ResponseSender, context: CallContext, response: Response) -> None:
        """Store the response that was sent, if every anonymous caller may get the same."""
        client_headers, meter = request_headers(scope), context.meter
        if context.cache.entry is None:
            return
        self.cache.count_derived(context.cache.entry, sum(map(len, (response.encodings or {}).values())))
        if "cache_key" not in scope or context.caller.is_authenticated or sender.method != "GET":
            return
        status, headers, body = response.prepare(scope)
        key_bytes = sum([len(part) for part in scope["cache_key"] if part])
        if key_bytes > MAX_KEY_BYTES:
            return
        # An If-None-Match that did not match: clients could fill the cache with arbitrary tags.
        if status != sender.status or (status == 200 and b"if-none-match" in client_headers):
            return
        net = budget.net_points(meter, status, False)
        stored = [(name, value) for name, value in sender.complete_headers(headers) if name not in PER_REQUEST_HEADERS]
        message = {"type": "http.response.body", "body": body, "more_body": False}
        cost = (b"x-request-cost", b"%d" % net)
        template = scope["path_template"]
        series = self.metrics.series_for("GET", template, status) if self.metrics is not None else None
        cached = CachedResponse(
            status, [*stored, cost], message, len(body), scope["original_path"], template, meter.price, net, series
        )
        self.cache.add_alias(context.cache.entry, scope["cache_key"], cached, RESPONSE_BYTES + key_bytes)
