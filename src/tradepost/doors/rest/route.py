"""Routes: Litestar handlers that know their operation and answer with ready bytes.

A function returns what its operation returned (a Record, a Page, a Batch); the route makes the status, the headers and the bytes of it. The
same function serves Litestar's own path and the porch's fast lane.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Method

from tradepost.kit.cache.read_cache import CacheEntry
from tradepost.kit.operations.operation import Kind, Operation
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.query.source_tables import ReadDependencies
from tradepost.kit.resource.resource import Resource

from ..http.asgi import Receive, Scope
from ..http.response import Response
from .access import access_guards
from .api import RestDoor
from .query_string import with_rest_names
from .request import RestRequest

KINDS_BY_METHOD: dict[Method, frozenset[Kind]] = {
    "GET": frozenset({"get", "list", "query"}),
    "POST": frozenset({"create", "batch", "command", "query"}),
    "PUT": frozenset({"replace", "command"}),
    "PATCH": frozenset({"update", "command"}),
    "DELETE": frozenset({"delete", "command"}),
}


class OperationRoute(HTTPRouteHandler):
    """A controller's function as the REST side of an operation: `@get("/{key:str}", Products.get)`.

    Status and operationId are the operation's. The function takes its Ask and the path's parameters; Litestar sees one endpoint that
    takes the request, so it makes no signature model, runs no dependency and encodes nothing.
    """

    door: RestDoor

    def __init__(self, method: Method, path: str, operation: Operation[Any, ..., Any]) -> None:
        if operation.kind not in KINDS_BY_METHOD[method]:
            raise TypeError(f"{method} {path} does not fit {operation.name}, which is a {operation.kind}.")
        self.operation = operation
        super().__init__(
            path,
            http_method=method,
            # Litestar knows 204 only for functions that return nothing; the Answer carries the real one.
            status_code=200,
            guards=access_guards(operation.access),
            operation_id=operation.name,
            opt={"lane": True},
        )

    def __call__(self, fn: Callable[..., Awaitable[Any]]) -> "OperationRoute":
        """Keeps the function and gives Litestar the endpoint."""
        self.call = fn

        async def endpoint(controller: Any, request: Request[Any, Any, Any]) -> ASGIApp:
            handler: Any = request.scope["route_handler"]
            return await handler.respond(request.scope, request.receive, request.path_params)

        endpoint.__name__ = fn.__name__
        super().__call__(endpoint)
        return self

    async def respond(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Response:
        """The answer to a request; also the porch's fast lane comes in here."""
        door = self.door
        ask = await door.prepare_request(self.operation, scope, receive)
        if door.cache is None or not self.operation.public or ask.query.personal:
            return await self.run(ask, given)
        key = door.cache_key(ask)
        found = door.cache.get(key)
        if found is None:
            found = await door.cache.fill(key, lambda seen: self.cache_entry(ask, given, seen))
        ask.context.meter.net, ask.context.cache.entry = found.net, found
        return found.value

    async def cache_entry(self, ask: RestRequest, given: dict[str, str], seen: ReadDependencies) -> CacheEntry:
        """The answer as it may be kept, with its bytes packed once per coding."""
        ask.context.cache.dependencies = seen
        made = await self.run(ask, given)
        made.encodings = {}
        # What is packed of it is no longer than it is itself.
        return CacheEntry(made, 2 * len(made.body) + len(ask.scope["query_string"]), ask.context.meter.net)

    async def run(self, ask: RestRequest, given: dict[str, str]) -> Response:
        """The answer, made by the operation."""
        ask.key = given.get("key")
        try:
            made = await self.call(self.owner, ask, **given)
        except InvalidParameter as problem:
            if not isinstance(self.operation.result, Resource):
                raise  # about what its body asks
            # A cursor is found bad only while its list is read, where it is called as in a Window.
            if ask.list_query.after is None and ask.list_query.before is None:
                raise problem.rename_parameter("fields", {}) from None
            raise with_rest_names(problem) from None
        return self.door.render_response(self.operation, self.operation.status, ask, made)


def get(path: str, operation: Operation[Any, ..., Any]) -> OperationRoute:
    """Route GET requests to an operation that reads."""
    return OperationRoute("GET", path, operation)


def post(path: str, operation: Operation[Any, ..., Any]) -> OperationRoute:
    """Route POST requests to a create, batch, command or query operation."""
    return OperationRoute("POST", path, operation)


def put(path: str, operation: Operation[Any, ..., Any]) -> OperationRoute:
    """Route PUT requests to a replace or command operation."""
    return OperationRoute("PUT", path, operation)


def patch(path: str, operation: Operation[Any, ..., Any]) -> OperationRoute:
    """Route PATCH requests to an update or command operation."""
    return OperationRoute("PATCH", path, operation)


def delete(path: str, operation: Operation[Any, ..., Any]) -> OperationRoute:
    """Route DELETE requests to a delete or command operation."""
    return OperationRoute("DELETE", path, operation)
