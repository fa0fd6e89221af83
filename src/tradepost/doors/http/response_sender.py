"""One request's way out: every answer, whoever made it, gets the headers that all answers carry, and is counted."""

from asyncio import Task
from time import perf_counter
from typing import Any

from tradepost.kit.rate_limit.meter import Limits, Meter

from . import rate_limit_headers as budget
from .asgi import Headers, Message, Scope, Send
from .problem_responses import refuse
from .response import VARIES, VARIES_BY_VERSION, Answer

DEFAULTED = frozenset(
    {b"content-security-policy", b"referrer-policy", b"x-content-type-options", b"cross-origin-resource-policy"}
)
"""Headers that a door may set otherwise, as the docs pages do with their policy."""

SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
EMPTY: Message = {"type": "http.response.body", "body": b"", "more_body": False}
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Reply:
    """The `send` of one request, and its clock. `status` is 0 until the answer has begun; a HEAD is answered like a GET and loses its body here.

    With `limits` an answer ends the account of its request as it begins; where the bucket is empty and nothing has been drained, 429 takes its place.
    """

    __slots__ = (
        "also", "deadline", "expired", "flight", "head", "limits", "meter", "method", "refused", "request_id", "scope", "send", "size", "started",
        "status", "task",
    )  # fmt: skip

    def __init__(
        self,
        scope: Scope,
        send: Send,
        request_id: bytes,
        also: Headers,
        flight: dict["Reply", None],
        limits: Limits | None = None,
    ) -> None:
        self.scope, self.send, self.request_id, self.also, self.flight, self.limits = (
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
        self.head, self.expired, self.status, self.size = self.method == "HEAD", False, 0, 0
        self.started, self.deadline = perf_counter(), 0.0
        self.task: Task[Any] | None = None

    async def __call__(self, message: Message) -> None:
        """Sends one ASGI message on."""
        if message["type"] == "http.response.start":
            status = message["status"]
            if self.begins(status) or await self.begin(status):
                await self.send(
                    {
                        "type": "http.response.start",
                        "status": self.status,
                        "headers": self.complete(message.get("headers", ())),
                    }
                )
            return
        if self.refused:
            return
        if self.head:
            if message["type"] != "http.response.body" or self.size < 0:
                return
            self.size, message = -1, EMPTY
        elif body := message.get("body"):
            self.size += len(body)
        await self.send(message)

    async def give(self, answer: Answer) -> None:
        """Sends a ready answer whole: the same messages, at once."""
        status, headers, body = answer.told(self.scope)
        if self.begins(status) or await self.begin(status):
            await self.send({"type": "http.response.start", "status": status, "headers": self.complete(headers)})
            if self.head:
                return await self.send(EMPTY)
            self.size = len(body)
            await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def begins(self, status: int) -> bool:
        """Ends the request's account as its answer begins; False where that takes a look at the bucket first (`begin`)."""
        meter = self.meter
        if meter is not None and meter.touched:
            meter.settle(budget.net(meter, status, self.expired))
        elif self.limits is not None:
            return False
        self.open(status)
        return True

    async def begin(self, status: int) -> bool:
        """The same where nothing has been drained yet; False where it is refused after all, and that has been answered."""
        if self.limits is not None and not await self.settle(self.limits, status):
            return False
        self.open(status)
        return True

    def open(self, status: int) -> None:
        """From here on no other answer can be given, so neither the deadline nor the limit of requests in flight counts any more."""
        self.status = status
        self.flight.pop(self, None)

    async def settle(self, limits: Limits, status: int) -> bool:
        """Ends the request's account; False where it is refused after all, and that has been answered."""
        meter = self.meter
        if meter is None:
            # Refused before it was known who calls.
            meter = self.meter = budget.meter_of(limits, None, self.scope)
        if meter.settled or (problem := await budget.settle(meter, status, self.scope, self.expired)) is None:
            return True
        await refuse(problem, self.scope)(self.scope, _nothing, self)
        self.refused = True
        return False

    def complete(self, given: Any) -> Headers:
        """The answer's own headers and those that all answers carry."""
        headers: Headers = [*given, (b"x-request-id", self.request_id), *self.also]
        if self.meter is not None:
            headers += budget.headers(self.meter)
        names = dict(given)
        if b"vary" not in names:
            headers.append(VARIES if self.scope.get("prefix") else VARIES_BY_VERSION)
        if not DEFAULTED.isdisjoint(names):
            headers = [
                *given,
                *((name, value) for name, value in headers[len(given) :] if name not in names or name not in DEFAULTED),
            ]
        return headers


async def _nothing() -> Message:
    """What is received for an answer that reads nothing."""
    return {"type": "http.disconnect"}
