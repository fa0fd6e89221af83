"""Price quotes of REST requests. The request is routed, parsed and priced, but not run."""

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
    """Quotes REST requests.

    `introspection_enabled`: whether problems list allowed names to callers without a credential.
    """

    def __init__(self, door: RestDoor, *, introspection_enabled: bool = True) -> None:
        self.door, self.introspection_enabled = door, introspection_enabled

    async def quote_request(self, context: CallContext, method: str, url: str, body: Any) -> Quote:
        """Return the price of a request, or raise the problem that the request would get.

        Problems of limits are raised unchanged, others as a 422 that points at the URL or method.
        """
        try:
            version, operation, query_string = self.resolve(method, url)
            operation.access.check(context.caller)
            query, _ = await self.door.parse_query(operation, query_string.encode(), version, context)
            check_access(operation.result, query.selection.field_set.fields, context.caller)
        except LIMIT_PROBLEMS:
            raise
        except Problem as problem:
            if not (self.introspection_enabled or context.caller.is_authenticated):
                problem.hide_schema()
            raise quote_problem(METHOD if isinstance(problem, MethodNotAllowed) else URL, [problem]) from None
        cost = query.price
        if operation.kind == "batch":
            cost = price(operation, query.selection, items=batch_size_of(body, operation.list_member))
        return Quote(cost.points, [QuoteLine(operation.name, cost.points, cost.rows)])

    def resolve(self, method: str, url: str) -> tuple[int, Operation[Any, ..., Any], str]:
        """Return the version, operation and query string of a URL, or raise 404 or 405."""
        path, _, query_string = url.partition("#")[0].partition("?")
        version, _, routed_path = resolve_version(path, None)
        segments = _segments(routed_path)
        if segments == ["graphql"]:
            raise NotFound("To quote a request to `/graphql`, send its `document` and `variables`.")
        matches = [e for e in self.door.links[version].endpoints.values() if _matches(_segments(e.path), segments)]
        if not matches:
            raise NotFound(f"No operation has the path `{path[:200]}`; see `/v{version}/openapi.json` for all paths.")
        # As in the router, a literal segment wins over a parameter, the leftmost first.
        best = min([_parameter_flags(endpoint) for endpoint in matches])
        at_path = [endpoint for endpoint in matches if _parameter_flags(endpoint) == best]
        for endpoint in at_path:
            if endpoint.method == method:
                return version, endpoint.operation, query_string
        raise MethodNotAllowed(allow_header(", ".join([endpoint.method for endpoint in at_path])))


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _matches(template: Sequence[str], segments: Sequence[str]) -> bool:
    return len(template) == len(segments) and all(
        expected.startswith("{") or expected == segment for expected, segment in zip(template, segments, strict=True)
    )


def _parameter_flags(endpoint: Endpoint) -> list[bool]:
    """Return for each segment of the path whether it is a parameter."""
    return [segment.startswith("{") for segment in _segments(endpoint.path)]
