"""Which methods a path knows: the `Allow` of an OPTIONS request.

Litestar's own OPTIONS handler names only the methods of the first handler of a path, so the porch answers from the routes themselves.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from .problem_responses import allow_header
from .request_body import ACCEPT_PATCH
from .response import Response

type MethodsByPath = Mapping[str, Iterable[str]]
"""Path templates with their methods: `{"/products/{key:str}": {"GET", "PATCH"}}`."""


def methods_by_path(routes: Iterable[Any]) -> dict[str, frozenset[str]]:
    """The templates and methods of an app's HTTP routes (`app.routes`)."""
    return {
        route.path: frozenset(str(method) for method in route.methods)
        for route in routes
        if hasattr(route, "route_handler_map")
    }


def self_authenticating_paths(routes: Iterable[Any]) -> frozenset[str]:
    """The paths that read `Authorization` themselves, with their handlers' `opt["apart"]`."""
    return frozenset(
        route.path
        for route in routes
        for handler, _ in getattr(route, "route_handler_map", {}).values()
        if handler.opt.get("apart")
    )


class AllowedMethods:
    """All templates, taken apart."""

    def __init__(self, methods: MethodsByPath) -> None:
        self.literal_paths = frozenset(template for template in methods if "{" not in template)
        self.all = [(_segments(template), allow_header(", ".join(names))) for template, names in methods.items()]
        # A literal segment goes before a parameter, the leftmost first, as in Litestar's router.
        self.all.sort(key=lambda known: ["{" in segment for segment in known[0]])

    def options_response(self, path: str) -> Response | None:
        """The answer to OPTIONS on this path (RFC 9110, 9.3.7; RFC 5789, 3.1), or None where no route has it."""
        given = _segments(path)
        for template, allow in self.all:
            if _fits(template, given):
                headers = [(b"allow", allow.encode())]
                return Response(
                    204, headers=[*headers, (b"accept-patch", ACCEPT_PATCH.encode())] if "PATCH" in allow else headers
                )
        return None


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _fits(template: list[str], given: list[str]) -> bool:
    """Whether a path has this template; a parameter of type `path` takes all that is left."""
    if template and template[-1].endswith(":path}") and len(given) >= len(template):
        given = given[: len(template)]
    return len(template) == len(given) and all(
        known.startswith("{") or known == segment for known, segment in zip(template, given, strict=True)
    )
