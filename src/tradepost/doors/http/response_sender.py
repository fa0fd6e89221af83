"""Sends one request's response, with the headers of every response, and settles its charge."""

from asyncio import Task
from time import perf_counter
from typing import Any

from tradepost.kit.rate_limit.meter import Meter, RateLimits

from . import rate_limit_headers as budget
from .asgi import Headers, Message, Scope, Send
from .problem_responses import problem_response
from .response import VARY, VARY_WITH_VERSION, Response

OVERRIDABLE_HEADERS = frozenset(
    {b"content-security-policy", b"referrer-policy", b"x-content-type-options", b"cross-origin-resource-policy"}
)
"""Common headers that a response may replace, as the docs pages do with their own policy."""

SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
EMPTY_BODY: Message = {"type": "http.response.body", "body": b"", "more_body": False}
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class ResponseSender:
    """The ASGI `send` of one request, and its timer.

    status: 0 until the response has started.
    size: bytes of the body sent so far; -1 after the suppressed body of a HEAD response.
    is_head: the request is a HEAD. It is routed as a GET, and its body is dropped here.

    With `limits`, the charge is settled when the response starts. If the bucket is empty and
    nothing was charged before, a 429 is sent instead.
    """

    __slots__ = (
        "asgi_send",
        "common_headers",
        "deadline",
        "in_flight",
        "is_head",
        "limits",
        "meter",
        "method",
        "refused",
        "request_id",
        "scope",
        "size",
        "started",
        "status",
        "task",
        "timed_out",
    )

    def __init__(
        self,
        scope: Scope,
        send: Send,
        request_id: bytes,
        common_headers: Headers,
        in_flight: dict["ResponseSender", None],
        limits: RateLimits | None = None,
    ) -> None:
        self.scope, self.asgi_send, self.request_id = scope, send, request_id
        self.common_headers, self.in_flight, self.limits = common_headers, in_flight, limits
        self.meter: Meter | None = None
        self.refused = False
        self.method: str = scope["method"]
        self.is_head, self.timed_out, self.status, self.size = self.method == "HEAD", False, 0, 0
        self.started, self.deadline = perf_counter(), 0.0
        self.task: Task[Any] | None = None

    async def __call__(self, message: Message) -> None:
        """Send one ASGI message."""
        if message["type"] == "http.response.start":
            status = message["status"]
            if self.try_start(status) or await self.start(status):
                await self.asgi_send(
                    {
                        "type": "http.response.start",
                        "status": self.status,
                        "headers": self.complete_headers(message.get("headers", ())),
                    }
                )
            return
        if self.refused:
            return
        if self.is_head:
            if message["type"] != "http.response.body" or self.size < 0:
                return
            self.size, message = -1, EMPTY_BODY
        elif body := message.get("body"):
            self.size += len(body)
        await self.asgi_send(message)

    async def send(self, response: Response) -> None:
        """Send a complete response: the same messages as through `__call__`, in one step."""
        status, headers, body = response.prepare(self.scope)
        if self.try_start(status) or await self.start(status):
            await self.asgi_send(
                {"type": "http.response.start", "status": status, "headers": self.complete_headers(headers)}
            )
            if self.is_head:
                return await self.asgi_send(EMPTY_BODY)
            self.size = len(body)
            await self.asgi_send({"type": "http.response.body", "body": body, "more_body": False})

    def try_start(self, status: int) -> bool:
        """Settle the charge and mark the response as started.

        Return False if nothing was charged yet, so that the bucket has to be checked first: see
        `start`.
        """
        meter = self.meter
        if meter is not None and meter.touched:
            meter.settle(budget.net_points(meter, status, self.timed_out))
        elif self.limits is not None:
            return False
        self.mark_started(status)
        return True

    async def start(self, status: int) -> bool:
        """Charge the request, settle the charge and mark the response as started.

        Return False if the bucket is empty; a 429 has then been sent.
        """
        if self.limits is not None and not await self.settle(self.limits, status):
            return False
        self.mark_started(status)
        return True

    def mark_started(self, status: int) -> None:
        """Record the status. From here on the request has no deadline and is not in flight."""
        self.status = status
        self.in_flight.pop(self, None)

    async def settle(self, limits: RateLimits, status: int) -> bool:
        """Charge the request and settle the charge, or send a 429 and return False."""
        meter = self.meter
        if meter is None:
            # The request was refused before its caller was identified.
            meter = self.meter = budget.meter_for(limits, None, self.scope)
        if meter.settled or (problem := await budget.settle(meter, status, self.scope, self.timed_out)) is None:
            return True
        await problem_response(problem, self.scope)(self.scope, _receive_nothing, self)
        self.refused = True
        return False

    def complete_headers(self, response_headers: Any) -> Headers:
        """Return the response's headers with those that every response has."""
        headers: Headers = [*response_headers, (b"x-request-id", self.request_id), *self.common_headers]
        if self.meter is not None:
            headers += budget.budget_headers(self.meter)
        names = dict(response_headers)
        if b"vary" not in names:
            headers.append(VARY if self.scope.get("prefix") else VARY_WITH_VERSION)
        if not OVERRIDABLE_HEADERS.isdisjoint(names):
            common = headers[len(response_headers) :]
            headers = [
                *response_headers,
                *((name, value) for name, value in common if name not in names or name not in OVERRIDABLE_HEADERS),
            ]
        return headers


async def _receive_nothing() -> Message:
    """`receive` for a response that reads no request body."""
    return {"type": "http.disconnect"}
