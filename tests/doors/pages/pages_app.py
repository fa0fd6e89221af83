"""A house with pages only: their routes behind the least of a porch, so that a page is judged by itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from litestar import Litestar

from tradepost.doors.http.problem_responses import EXCEPTION_HANDLERS
from tradepost.doors.pages import page_routes
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.writes.call_context import CallContext

OPERATOR = Caller(id="key-1", role="admin", permissions=frozenset({"ops:read"}))
STAFF = Caller(id="key-2", role="staff", permissions=frozenset({"catalog:write"}))
BROWSER = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "accept-encoding": "gzip, deflate, br, zstd",
}


async def healthy_check() -> None:
    """A check that finds nothing wrong."""


def pages_app(
    *,
    checks: Mapping[str, Callable[[], Awaitable[object]]] | None = None,
    caller: Caller = ANONYMOUS,
    introspection: bool = True,
    ops_loopback: bool = True,
    address: str = "203.0.113.9",
) -> httpx.AsyncClient:
    """A client in front of the pages, calling as `caller` from `address`."""

    def introspects(scope: Any) -> bool:
        return introspection or scope["context"].caller.known

    routes = page_routes(
        checks={"database": healthy_check} if checks is None else checks,
        may_introspect=introspects,
        ops_loopback=ops_loopback,
    )
    inside = Litestar(routes, exception_handlers=dict(EXCEPTION_HANDLERS), openapi_config=None, logging_config=None)

    async def porch(scope: Any, receive: Any, send: Any) -> None:
        scope["context"] = CallContext(caller, None)  # pyright: ignore[reportArgumentType]  # pages touch no database
        scope["original_path"] = scope["path"]
        scope["request_id"] = "test"
        await inside(scope, receive, send)

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=porch, client=(address, 4711)), base_url="http://tradepost.test"
    )
