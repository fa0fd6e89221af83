"""Answers that are given again: a request that asks word for word what was answered from the read cache is not read a second time.

What was sent then is sent once more, status, headers and body, with an id and an account of this request's own. Its words are all that the whole
way reads of a visitor's request, so what it would make of them is known. Whoever shows a credential or a cart is asked who he is every time.
"""

import msgspec

from tradepost.kit.auth.caller import CREDENTIAL_HEADERS
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.writes.call_context import CallContext

from . import rate_limit_headers as budget
from .asgi import Headers, Message, Scope, request_headers
from .metrics import Metrics, Series
from .response import Response
from .response_sender import ResponseSender

VARYING_HEADERS = (b"host", b"accept", b"accept-encoding", b"if-none-match", b"origin", b"x-api-version")
"""Headers that an answer to a visitor may depend on."""
IDENTITY_HEADERS = (*CREDENTIAL_HEADERS, b"x-cart-token")
"""Headers that make a request somebody's."""
PER_REQUEST_HEADERS = frozenset(
    {b"x-request-id", b"x-request-cost", *[name for name, _ in budget.bucket_headers(b"", 1, 1)]}
)
"""Headers that every answer has for itself."""


class CachedResponse(msgspec.Struct, frozen=True, gc=False):
    """An answer as it was sent: all headers but its own, and its body as the ASGI message, of `size` bytes. `points` are drained for it, `net` is what
    it costs in the end; `called` is the path for the access line, `series` where it is counted."""

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
    """The answers that are known by the words of their requests, each for as long as the read cache keeps what it was made of."""

    def __init__(self, cache: ReadCache, metrics: Metrics | None) -> None:
        self.cache, self.metrics = cache, metrics

    def find(self, scope: Scope) -> CachedResponse | None:
        """What this request was told before; where that is nothing its words are left in the scope."""
        path = scope.get("raw_path")
        if path is None or scope["method"] != "GET":
            return None
        get = request_headers(scope).get
        words = (
            path,
            scope["query_string"],
            scope.get("scheme"),
            *map(get, VARYING_HEADERS),
            *map(get, IDENTITY_HEADERS),
        )
        told = self.cache.find_alias(words)
        if told is None:
            scope["words"] = words
        return told

    def store(self, scope: Scope, reply: ResponseSender, context: CallContext, answer: Response) -> None:
        """Keeps what a request was told, where it may be told to everybody who asks so."""
        asked, meter = request_headers(scope), context.meter
        if (
            context.cache.entry is None
            or "words" not in scope
            or context.caller.is_authenticated
            or reply.method != "GET"
            or any(name in asked for name in IDENTITY_HEADERS)
        ):
            return
        status, headers, body = answer.prepare(scope)
        # A tag that is not ours changes nothing, and there are more of them than can be kept.
        if status != reply.status or (status == 200 and b"if-none-match" in asked):
            return
        net = budget.net_points(meter, status, False)
        sent = [(name, value) for name, value in reply.complete_headers(headers) if name not in PER_REQUEST_HEADERS]
        message = {"type": "http.response.body", "body": body, "more_body": False}
        cost = (b"x-request-cost", b"%d" % net)
        template = scope["path_template"]
        series = self.metrics.series_for("GET", template, status) if self.metrics is not None else None
        told = CachedResponse(
            status, [*sent, cost], message, len(body), scope["called"], template, meter.price, net, series
        )
        self.cache.add_alias(context.cache.entry, scope["words"], told)
