"""`/metrics` and `/parity`: what operators see of the shop, both with `ops:read` or from this machine."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.auth.access import permission

from ..http.metrics import MEDIA
from ..http.response import Answer
from .assets import READ
from .operator_access import operates

NO_STORE = (b"cache-control", b"no-store")
OPERATE = permission("ops:read")


class Pair(msgspec.Struct, frozen=True):
    """One operation at both doors: its REST route and its GraphQL field, the permission that it needs, the problems that it may answer with.

    `only` is why it is on one door alone, if it is, after that door's name.
    """

    operation: str
    rest: str | None
    graphql: str | None
    permission: str | None
    problems: tuple[str, ...]
    only: str | None = None


def operation_routes(
    metrics: Callable[[], bytes], parity: Callable[[], Iterable[Pair]], ops_loopback: bool
) -> list[HTTPRouteHandler]:
    """The two addresses."""

    def admit(request: Request[Any, Any, Any]) -> None:
        if not operates(request.scope, ops_loopback):
            raise OPERATE.refusal(request.scope["context"].caller.known)  # type: ignore[typeddict-item]

    @route("/metrics", http_method=READ, include_in_schema=False)
    async def figures(request: Request[Any, Any, Any]) -> ASGIApp:
        admit(request)
        return Answer(200, metrics(), MEDIA, [NO_STORE])

    @route("/parity", http_method=READ, include_in_schema=False)
    async def pairs(request: Request[Any, Any, Any]) -> ASGIApp:
        admit(request)
        return Answer(200, msgspec.json.encode({"operations": list(parity())}), headers=[NO_STORE])

    return [figures, pairs]
