"""The fast lane: hot paths whose answers are made without Litestar's routing, by the same functions.

Litestar's router keeps 1,024 whole paths; a detail route with more ids than that misses it each time (14 us). A lane has at most one parameter,
and it is the last segment.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .asgi import Receive, Scope
from .response import Response


class FastRoute(Protocol):
    """What stands at the end of a lane; a route of either door is one."""

    async def respond(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Response:
        """The answer to a request, from the values of the path's parameters."""
        ...


type FastRoutes = Mapping[tuple[str, str], FastRoute]
"""Lanes by method and path template: `("GET", "/products/{key:str}")`, `("POST", "/graphql")`."""


class FastPathTable:
    """The lanes of one method."""

    __slots__ = ("by_path", "by_prefix", "reserved")

    def __init__(self) -> None:
        self.by_path: dict[str, FastRoute] = {}
        self.by_prefix: dict[str, tuple[FastRoute, str, str]] = {}
        self.reserved: frozenset[str] = frozenset()

    def find(self, path: str) -> tuple[FastRoute, dict[str, str], str] | None:
        """The lane of a path, the values of its parameters and its template."""
        lane = self.by_path.get(path)
        if lane is not None:
            return lane, {}, path
        cut = path.rfind("/") + 1
        found = self.by_prefix.get(path[:cut])
        if found is None or cut == len(path) or path in self.reserved:
            return None
        lane, name, template = found
        return lane, {name: path[cut:]}, template


def fast_path_tables(given: FastRoutes, reserved: Iterable[str]) -> dict[str, FastPathTable]:
    """The lanes by method. `reserved` are the literal paths of all routes: none of them is taken for a parameter's value."""
    found: dict[str, FastPathTable] = {}
    for (method, template), lane in given.items():
        table = found.setdefault(method, FastPathTable())
        head, brace, tail = template.partition("{")
        if not brace:
            table.by_path[template] = lane
        elif tail.endswith("}") and tail.count("{") == 0 and "/" not in tail and head.endswith("/"):
            table.by_prefix[head] = lane, tail[:-1].partition(":")[0], template
            table.reserved |= {path for path in reserved if path.startswith(head)}
        else:
            raise ValueError(f"a lane has one parameter at its end: {template}")
    return found


def fast_routes_of(routes: Iterable[Any]) -> dict[tuple[str, str], FastRoute]:
    """The lanes among an app's routes: handlers whose `opt["lane"]` is a lane, or True where they are one, and whose path a lane can serve."""
    found: dict[tuple[str, str], FastRoute] = {}
    for route in routes:
        for method, (handler, _) in getattr(route, "route_handler_map", {}).items():
            lane = handler.opt.get("lane")
            lane = handler if lane is True else lane
            if lane is not None and (
                route.path.count("{") == 0 or (route.path.count("{") == 1 and route.path.endswith("}"))
            ):
                found[method, route.path] = lane
    return found
