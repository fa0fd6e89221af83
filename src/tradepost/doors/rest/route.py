"""Routes: Litestar handlers that belong to an operation and return encoded Responses.

A handler function returns the result of its operation (a Record, Page or Batch). The route renders
status, headers and bytes. Both Litestar's router and the fast path call the same function.
"""

from collections.abc import Awaitable, Callable
from copy import copy
from typing import Any, Self

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Method

from tradepost.kit.cache.read_cache import CacheEntry
from tradepost.kit.lru import without_spare_room
from tradepost.kit.operations.operation import Kind, Operation
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.query.source_tables import ReadDependencies
from tradepost.kit.resource.resource import Resource

from ..http.asgi import Receive, Scope
from ..http.response import Response
from .access import access_guards
from .api import MAX_CACHED_QUERY_LENGTH, RestDoor
from .query_string import with_rest_names
from .request import RestRequest
from .response import render_response

KINDS_BY_METHOD: dict[Method, frozenset[Kind]] = {
    "GET": frozenset({"get", "list", "query"}),
    "POST": frozenset({"create", "batch", "command", "query"}),
    "PUT": frozenset({"replace", "command"}),
    "PATCH": frozenset({"update", "command"}),
    "DELETE": frozenset({"delete", "command"}),
}


class OperationRoute(HTTPRouteHandler):
    """The REST route of an operation: `@get("/{key:str}", Products.get)` on a controller's method.

    Status and operationId come from the operation. The decorated function takes a RestRequest and
    the path parameters. Litestar sees an endpoint that takes only its Request, so it builds no
    signature model, resolves no dependencies and serialises nothing.
    """

    door: RestDoor

    def __init__(self, method: Method, path: str, operation: Operation[Any, ..., Any]) -> None:
        if operation.kind not in KINDS_BY_METHOD[method]:
            raise TypeError(f"{method} {path} does not fit {operation.name}: its kind is {operation.kind}")
        self.operation = operation
        guards = access_guards(operation.access)
        super().__init__(
            path,
            http_method=method,
            # Litestar allows 204 only if the function returns None. The Response has the real one.
            status_code=200,
            guards=guards,
            operation_id=operation.name,
            opt={"fast_route": True, "enforced_guards": guards},
        )

    def __call__(self, fn: Callable[..., Awaitable[Any]]) -> "OperationRoute":
        """Store the handler function and register an endpoint with Litestar in its place."""
        self.call = fn

        async def endpoint(controller: Any, request: Request[Any, Any, Any]) -> ASGIApp:
            handler: Any = request.scope["route_handler"]
            return await handler.respond(request.scope, request.receive, request.path_params)

        endpoint.__name__ = fn.__name__
        super().__call__(endpoint)
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy with the same settings. Litestar copies it twice, to set its owner."""
        return copy(self)

    async def respond(self, scope: Scope, receive: Receive, path_params: dict[str, str], /) -> Response:
        """Return the response to a request, from the read cache if possible.

        Called by the endpoint and by the fast path.
        """
        door, cache = self.door, self.door.cache
        request = await door.prepare_request(self.operation, scope, receive)
        if (
            cache is None
            or not self.operation.public
            or request.query.personal
            or len(scope["query_string"]) > MAX_CACHED_QUERY_LENGTH
            or not cache.serves(request.context.caller)
        ):
            return await self.run(request, path_params)
        key = door.cache_key(request)
        entry = cache.get(key)
        if entry is None:
            entry = await cache.fill(key, lambda dependencies: self.cache_entry(request, path_params, dependencies))
        request.context.meter.net, request.context.cache.entry = entry.net, entry
        return entry.value

    async def cache_entry(
        self, request: RestRequest, path_params: dict[str, str], dependencies: ReadDependencies
    ) -> CacheEntry:
        """Run the operation and return its response as an entry of the read cache.

        The response keeps its compressed bodies, which are counted when they are made.
        """
        request.context.cache.dependencies = dependencies
        response = await self.run(request, path_params)
        response.body, response.encodings = without_spare_room(response.body), {}
        size = len(response.body) + 2 * len(request.scope["query_string"])
        return CacheEntry(response, size, request.context.meter.net)

    async def run(self, request: RestRequest, path_params: dict[str, str]) -> Response:
        """Call the handler function and render its result."""
        path_params = self.operation.parse_path_ids(path_params)
        request.key = path_params.get("key")
        try:
            result = await self.call(self.owner, request, **path_params)
        except InvalidParameter as problem:
            if not isinstance(self.operation.result, Resource):
                raise  # about the contents of the body, not about a query parameter
            # A cursor is checked only when its list is read, and is named as in a ListQuery. If the
            # top list has no cursor, the invalid one is in `fields`.
            if request.list_query.after is None and request.list_query.before is None:
                raise problem.rename_parameter("fields", {}) from None
            raise with_rest_names(problem) from None
        return render_response(self.door, self.operation, self.operation.status, request, result)


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
