"""One request's way out: every answer, whoever made it, gets the headers that all answers carry, and is counted."""

from asyncio import Task
from time import perf_counter
from typing import Any

from tradepost.kit.rate_limit.meter import Meter, RateLimits

from . import rate_limit_headers as budget
from .asgi import Headers, Message, Scope, Send
from .problem_responses import problem_response
from .response import VARY, VARY_WITH_VERSION, Response

DEFAULTED = frozenset(
    {b"content-security-policy", b"referrer-policy", b"x-content-type-options", b"cross-origin-resource-policy"}
)
"""Headers that a door may set otherwise, as the docs pages do with their policy."""

SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
EMPTY: Message = {"type": "http.response.body", "body": b"", "more_body": False}
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class ResponseSender:
    """The `send` of one request, and its clock. `status` is 0 until the answer has begun; a HEAD is answered like a GET and loses its body here.

    With `limits` an answer ends the account of its request as it begins; where the bucket is empty and nothing has been drained, 429 takes its place.
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
    )  # fmt: skip

    def __init__(
        self,
        scope: Scope,
        send: Send,
        request_id: bytes,
        also: Headers,
        flight: dict["ResponseSender", None],
        limits: RateLimits | None = None,
    ) -> None:
        self.scope, self.asgi_send, self.request_id, self.common_headers, self.in_flight, self.limits = (
            scope,
            send,
            request_id,
            also,
            flight,
            limits,
        )
        self.meter: Meter | None = None
        self.refused = False
        self.method: str = scope["method"]
        self.is_head, self.timed_out, self.status, self.size = self.method == "HEAD", False, 0, 0
        self.started, self.deadline = perf_counter(), 0.0
        self.task: Task[Any] | None = None

    async def __call__(self, message: Message) -> None:
        """Sends one ASGI message on."""
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
            self.size, message = -1, EMPTY
        elif body := message.get("body"):
            self.size += len(body)
        await self.asgi_send(message)

    async def send(self, answer: Response) -> None:
        """Sends a ready answer whole: the same messages, at once."""
        status, headers, body = answer.prepare(self.scope)
        if self.try_start(status) or await self.start(status):
            await self.asgi_send(
                {"type": "http.response.start", "status": status, "headers": self.complete_headers(headers)}
            )
            if self.is_head:
                return await self.asgi_send(EMPTY)
            self.size = len(body)
            await self.asgi_send({"type": "http.response.body", "body": body, "more_body": False})

    def try_start(self, status: int) -> bool:
        """Ends the request's account as its answer begins; False where that takes a look at the bucket first (`begin`)."""
        meter = self.meter
        if meter is not None and meter.touched:
            meter.settle(budget.net_points(meter, status, self.timed_out))
        elif self.limits is not None:
            return False
        self.mark_started(status)
        return True

    async def start(self, status: int) -> bool:
        """The same where nothing has been drained yet; False where it is refused after all, and that has been answered."""
        if self.limits is not None and not await self.settle(self.limits, status):
            return False
        self.mark_started(status)
        return True

    def mark_started(self, status: int) -> None:
        """From here on no other answer can be given, so neither the deadline nor the limit of requests in flight counts any more."""
        self.status = status
        self.in_flight.pop(self, None)

    async def settle(self, limits: RateLimits, status: int) -> bool:
        """Ends the request's account; False where it is refused after all, and that has been answered."""
        meter = self.meter
        if meter is None:
            # Refused before it was known who calls.
            meter = self.meter = budget.meter_for(limits, None, self.scope)
        if meter.settled or (problem := await budget.settle(meter, status, self.scope, self.timed_out)) is None:
            return True
        await problem_response(problem, self.scope)(self.scope, _nothing, self)
        self.refused = True
        return False

    def complete_headers(self, given: Any) -> Headers:
        """The answer's own headers and those that all answers carry."""
        headers: Headers = [*given, (b"x-request-id", self.request_id), *self.common_headers]
        if self.meter is not None:
            headers += budget.budget_headers(self.meter)
        names = dict(given)
        if b"vary" not in names:
            headers.append(VARY if self.scope.get("prefix") else VARY_WITH_VERSION)
        if not DEFAULTED.isdisjoint(names):
            headers = [
                *given,
                *((name, value) for name, value in headers[len(given) :] if name not in names or name not in DEFAULTED),
            ]
        return headers


async def _nothing() -> Message:
    """What is received for an answer that reads nothing."""
    return {"type": "http.disconnect"}
