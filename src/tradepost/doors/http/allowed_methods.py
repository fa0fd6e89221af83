"""The methods that each path supports: responses to OPTIONS.

Litestar's own OPTIONS handler names only the methods of a path's first handler, so the pipeline
answers OPTIONS itself, from all routes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from .problem_responses import allow_header
from .request_body import ACCEPT_PATCH
from .response import Response

type MethodsByPath = Mapping[str, Iterable[str]]
"""Path templates with their methods: `{"/products/{key:str}": {"GET", "PATCH"}}`."""


def methods_by_path(routes: Iterable[Any]) -> dict[str, frozenset[str]]:
    """Return the path templates and methods of an app's HTTP routes (`app.routes`)."""
    return {
        route.path: frozenset(str(method) for method in route.methods)
        for route in routes
        if hasattr(route, "route_handler_map")
    }


def self_authenticating_paths(routes: Iterable[Any]) -> frozenset[str]:
    """Return the paths whose handlers read `Authorization` themselves

    They declare it by `opt["self_authenticating"]`."""
    return frozenset(
        route.path
        for route in routes
        for handler, _ in getattr(route, "route_handler_map", {}).values()
        if handler.opt.get("self_authenticating")
    )


class AllowedMethods:
    """The path templates with their `Allow` headers."""

    def __init__(self, methods: MethodsByPath) -> None:
        self.literal_paths = frozenset(template for template in methods if "{" not in template)
        self.templates = [(_segments(template), allow_header(", ".join(names))) for template, names in methods.items()]
        # Literal segments come before parameters, from left to right, as in Litestar's router.
        self.templates.sort(key=lambda template: ["{" in segment for segment in template[0]])

    def options_response(self, path: str) -> Response | None:
        """Return the response to OPTIONS, or None if no route has this path.

        See RFC 9110, 9.3.7 and RFC 5789, 3.1.
        """
        segments = _segments(path)
        for template, allow in self.templates:
            if _matches(template, segments):
                headers = [(b"allow", allow.encode())]
                return Response(
                    204, headers=[*headers, (b"accept-patch", ACCEPT_PATCH.encode())] if "PATCH" in allow else headers
                )
        return None


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _matches(template: list[str], segments: list[str]) -> bool:
    """Whether a path has this template; a parameter of type `path` takes all remaining segments."""
    if template and template[-1].endswith(":path}") and len(segments) >= len(template):
        segments = segments[: len(template)]
    return len(template) == len(segments) and all(
        expected.startswith("{") or expected == segment for expected, segment in zip(template, segments, strict=True)
    )
