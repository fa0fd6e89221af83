"""Fast routes: hot paths that are served without Litestar's router, by the same functions.

Litestar's router caches 1,024 whole paths; a detail route with more ids than that misses the cache
on every request (14 us). A fast route has at most one parameter, as its last segment.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .asgi import Receive, Scope
from .response import Response

HOOKS = ("middleware", "before_request", "after_request", "after_response")
"""What Litestar runs around a handler, apart from guards."""


class FastRoute(Protocol):
    """A route that can be called without Litestar; both APIs have them."""

    async def respond(self, scope: Scope, receive: Receive, path_params: dict[str, str], /) -> Response:
        """Return the response to a request."""
        ...


type FastRoutes = Mapping[tuple[str, str], FastRoute]
"""Routes by method and path template: `("GET", "/products/{key:str}")`, `("POST", "/graphql")`."""


class FastPathTable:
    """The fast routes of one method."""

    __slots__ = ("by_path", "by_prefix", "reserved")

    def __init__(self) -> None:
        self.by_path: dict[str, FastRoute] = {}
        self.by_prefix: dict[str, tuple[FastRoute, str, str]] = {}
        self.reserved: frozenset[str] = frozenset()

    def find(self, path: str) -> tuple[FastRoute, dict[str, str], str] | None:
        """Return the route of a path, its path parameters and its template, or None."""
        route = self.by_path.get(path)
        if route is not None:
            return route, {}, path
        cut = path.rfind("/") + 1
        entry = self.by_prefix.get(path[:cut])
        if entry is None or cut == len(path) or path in self.reserved:
            return None
        route, name, template = entry
        return route, {name: path[cut:]}, template


def fast_path_tables(routes: FastRoutes, reserved: Iterable[str]) -> dict[str, FastPathTable]:
    """Return the routes as one table per method.

    reserved: the literal paths of all routes; none of them is taken for a parameter's value.
    """
    tables: dict[str, FastPathTable] = {}
    for (method, template), route in routes.items():
        table = tables.setdefault(method, FastPathTable())
        prefix, brace, parameter = template.partition("{")
        if not brace:
            table.by_path[template] = route
        elif parameter.endswith("}") and "{" not in parameter and "/" not in parameter and prefix.endswith("/"):
            table.by_prefix[prefix] = route, parameter[:-1].partition(":")[0], template
            table.reserved |= {path for path in reserved if path.startswith(prefix)}
        else:
            raise ValueError(f"a fast route can have one parameter, as its last segment: {template}")
    return tables


def fast_routes_of(routes: Iterable[Any]) -> dict[tuple[str, str], FastRoute]:
    """Return the fast routes among an app's routes.

    A handler declares one with `opt["fast_route"]`: a FastRoute, or True for the handler itself.
    Paths that the fast path does not support are left out. Raise ValueError for a handler with
    guards or hooks, which only Litestar's router would run; `opt["enforced_guards"]` are those
    that the fast route checks itself.
    """
    fast_routes: dict[tuple[str, str], FastRoute] = {}
    for route in routes:
        for method, (handler, _) in getattr(route, "route_handler_map", {}).items():
            fast_route = handler.opt.get("fast_route")
            fast_route = handler if fast_route is True else fast_route
            if fast_route is not None and (
                route.path.count("{") == 0 or (route.path.count("{") == 1 and route.path.endswith("}"))
            ):
                _refuse_hooks(handler, route.path)
                fast_routes[method, route.path] = fast_route
    return fast_routes


def _refuse_hooks(handler: Any, path: str) -> None:
    """Raise ValueError if a layer of the handler has guards or hooks that would be skipped."""
    enforced = handler.opt.get("enforced_guards", ())
    for layer in handler.ownership_layers:
        skipped = {"guards": [guard for guard in layer.guards or () if guard not in enforced]}
        skipped |= {name: getattr(layer, name, None) for name in HOOKS}
        if names := [name for name, value in skipped.items() if value]:
            raise ValueError(f"{path} is a fast route, which would skip its {', '.join(names)}")
