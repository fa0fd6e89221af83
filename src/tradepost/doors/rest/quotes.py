"""Quotes of REST requests: the route is found, the query read and priced as in a request, up to the point where it would be run."""

from collections.abc import Sequence
from typing import Any

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import price
from tradepost.kit.operations.quotes import LIMIT_PROBLEMS, Quote, QuoteLine, quote_problem
from tradepost.kit.problems import MethodNotAllowed, NotFound, Problem
from tradepost.kit.resource.selection import check_access
from tradepost.kit.writes.call_context import CallContext

from ..http.api_version import resolve_version
from ..http.problem_responses import allow_header
from .api import RestDoor
from .links import Endpoint
from .request import batch_size_of

URL, METHOD = "/url", "/method"


class RestQuotes:
    """The quotes of the REST door. `introspects`: whether callers without a credential are told the names that are allowed."""

    def __init__(self, door: RestDoor, *, introspects: bool = True) -> None:
        self.door, self.introspects = door, introspects

    async def quote_request(self, context: CallContext, method: str, url: str, body: Any) -> Quote:
        """The quote of a request, or the refusal that it would get: a ceiling's own, else 422 with the fault."""
        try:
            version, operation, text = self.resolve(method, url)
            operation.access.check(context.caller)
            found, _ = await self.door.parse_query(operation, text.encode(), version, context)
            check_access(operation.result, found.selection.field_set.fields, context.caller)
        except LIMIT_PROBLEMS:
            raise
        except Problem as problem:
            if not (self.introspects or context.caller.is_authenticated):
                problem.hide_schema()
            raise quote_problem(METHOD if isinstance(problem, MethodNotAllowed) else URL, [problem]) from None
        cost = (
            price(operation, found.selection, items=batch_size_of(body)) if operation.kind == "batch" else found.price
        )
        return Quote(cost.points, [QuoteLine(operation.name, cost.points, cost.rows)])

    def resolve(self, method: str, url: str) -> tuple[int, Operation[Any, ..., Any], str]:
        """The version, the operation and the query of a URL; 404 and 405 as the router has them."""
        path, _, text = url.partition("#")[0].partition("?")
        version, _, routed = resolve_version(path, None)
        given = _segments(routed)
        if given == ["graphql"]:
            raise NotFound("Give the document of a request to `/graphql` as `document`, with its `variables`.")
        fitting = [r for r in self.door.links[version].endpoints.values() if _fits(_segments(r.path), given)]
        if not fitting:
            raise NotFound(f"No operation is at `{path[:200]}`; the paths are those of `/v{version}/openapi.json`.")
        # A literal segment goes before a parameter, the leftmost first, as in the router.
        nearest = min([_parameters(r) for r in fitting])
        at_path = [r for r in fitting if _parameters(r) == nearest]
        for route in at_path:
            if route.method == method:
                return version, route.operation, text
        raise MethodNotAllowed(allow_header(", ".join([r.method for r in at_path])))


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _fits(template: Sequence[str], given: Sequence[str]) -> bool:
    return len(template) == len(given) and all(
        known in ("{0}", segment) for known, segment in zip(template, given, strict=True)
    )


def _parameters(route: Endpoint) -> list[bool]:
    """Which segments of a path are parameters."""
    return [segment == "{0}" for segment in _segments(route.path)]
