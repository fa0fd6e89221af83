"""`/metrics` and `/parity`, for operators."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.auth.access import permission

from ..http.cache_policy import NO_STORE
from ..http.metrics import MEDIA_TYPE
from ..http.response import Response
from .assets import GET_AND_HEAD
from .operator_access import is_operator

OPERATE = permission("ops:read")


class OperationParity(msgspec.Struct, frozen=True):
    """An operation in both APIs: its REST route, GraphQL field, permission and problem codes.

    only: if just one API has it, the name of that API and why, as `rest: why`.
    """

    operation: str
    rest: str | None
    graphql: str | None
    permission: str | None
    problems: tuple[str, ...]
    only: str | None = None


def metrics_and_parity_routes(
    metrics: Callable[[], bytes], parity: Callable[[], Iterable[OperationParity]], ops_loopback: bool
) -> list[HTTPRouteHandler]:
    """Return the two routes. `ops_loopback` opens them to requests from this machine."""

    def check_access(request: Request[Any, Any, Any]) -> None:
        if not is_operator(request.scope, ops_loopback):
            raise OPERATE.problem(request.scope["context"].caller.is_authenticated)  # type: ignore[typeddict-item]

    @route("/metrics", http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_metrics(request: Request[Any, Any, Any]) -> ASGIApp:
        check_access(request)
        return Response(200, metrics(), MEDIA_TYPE, [NO_STORE])

    @route("/parity", http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_parity(request: Request[Any, Any, Any]) -> ASGIApp:
        check_access(request)
        return Response(200, msgspec.json.encode({"operations": list(parity())}), headers=[NO_STORE])

    return [serve_metrics, serve_parity]
