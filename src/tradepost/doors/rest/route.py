"""Routes: Litestar handlers that know their operation and answer with ready bytes.

A function returns what its operation returned (a Record, a Page, a Batch); the route makes the status, the headers and the bytes of it. The
same function serves Litestar's own path and the porch's fast lane.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Method

from tradepost.kit.cache.read_cache import Entry
from tradepost.kit.operations.operation import Kind, Operation
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.query.source_tables import Seen
from tradepost.kit.resource.resource import Resource

from ..http.asgi import Receive, Scope
from ..http.response import Answer
from .access import guard
from .api import RestDoor
from .query_string import spelled
from .request import Ask

METHODS: dict[Kind, Method] = {
    "one": "GET", "page": "GET", "ask": "POST", "create": "POST", "replace": "PUT", "update": "PATCH", "delete": "DELETE", "batch": "POST", "act": "POST",
}  # fmt: skip


class route(HTTPRouteHandler):
    """A controller's function as the REST side of an operation: `@route("/{key:str}", Products.get)`.

    Method, status and operationId are the operation's. The function takes its Ask and the path's parameters; Litestar sees one endpoint that
    takes the request, so it makes no signature model, runs no dependency and encodes nothing.
    """

    door: RestDoor

    def __init__(self, path: str, operation: Operation[Any, ..., Any]) -> None:
        self.operation = operation
        super().__init__(
            path,
            http_method=METHODS[operation.kind],
            # Litestar knows 204 only for functions that return nothing; the Answer carries the real one.
            status_code=200,
            guards=guard(operation.access),
            operation_id=operation.name,
            opt={"lane": True},
        )

    def __call__(self, fn: Callable[..., Awaitable[Any]]) -> "route":
        """Keeps the function and gives Litestar the endpoint."""
        self.call = fn

        async def endpoint(controller: Any, request: Request[Any, Any, Any]) -> ASGIApp:
            handler: Any = request.scope["route_handler"]
            return await handler.answer(request.scope, request.receive, request.path_params)

        endpoint.__name__ = fn.__name__
        super().__call__(endpoint)
        return self

    async def answer(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Answer:
        """The answer to a request; also the porch's fast lane comes in here."""
        door = self.door
        ask = await door.ask(self.operation, scope, receive)
        if door.cache is None or not self.operation.public or ask.query.personal:
            return await self.make(ask, given)
        key = door.kept_under(ask)
        found = door.cache.find(key)
        if found is None:
            found = await door.cache.fill(key, lambda seen: self.entry(ask, given, seen))
        ask.context.meter.net, ask.context.cache.entry = found.net, found
        return found.value

    async def entry(self, ask: Ask, given: dict[str, str], seen: Seen) -> Entry:
        """The answer as it may be kept, with its bytes packed once per coding."""
        ask.context.cache.dependencies = seen
        made = await self.make(ask, given)
        made.kept = {}
        # What is packed of it is no longer than it is itself.
        return Entry(made, 2 * len(made.body) + len(ask.scope["query_string"]), ask.context.meter.net)

    async def make(self, ask: Ask, given: dict[str, str]) -> Answer:
        """The answer, made by the operation."""
        ask.key = given.get("key")
        try:
            made = await self.call(self.owner, ask, **given)
        except InvalidParameter as problem:
            if not isinstance(self.operation.of, Resource):
                raise  # about what its body asks
            # A cursor is found bad only while its list is read, where it is called as in a Window.
            if ask.window.after is None and ask.window.before is None:
                raise problem.renamed("fields", {}) from None
            raise spelled(problem) from None
        return self.door.respond(self.operation, self.operation.status, ask, made)
