"""`/metrics` and `/parity`: what operators see of the shop, both with `ops:read` or from this machine."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.auth.access import permission

from ..http.metrics import MEDIA_TYPE
from ..http.response import Response
from .assets import GET_AND_HEAD
from .operator_access import is_operator

NO_STORE = (b"cache-control", b"no-store")
OPERATE = permission("ops:read")


class OperationParity(msgspec.Struct, frozen=True):
    """One operation at both doors: its REST route and its GraphQL field, the permission that it needs, the problems that it may answer with.

    `only` is why it is on one door alone, if it is, after that door's name.
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
    """The two addresses."""

    def admit(request: Request[Any, Any, Any]) -> None:
        if not is_operator(request.scope, ops_loopback):
            raise OPERATE.problem(request.scope["context"].caller.known)  # type: ignore[typeddict-item]

    @route("/metrics", http_method=GET_AND_HEAD, include_in_schema=False)
    async def figures(request: Request[Any, Any, Any]) -> ASGIApp:
        admit(request)
        return Response(200, metrics(), MEDIA_TYPE, [NO_STORE])

    @route("/parity", http_method=GET_AND_HEAD, include_in_schema=False)
    async def pairs(request: Request[Any, Any, Any]) -> ASGIApp:
        admit(request)
        return Response(200, msgspec.json.encode({"operations": list(parity())}), headers=[NO_STORE])

    return [figures, pairs]
