"""An app of the pages alone, without the pipeline, so that tests see what a page itself returns."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from litestar import Litestar

from tradepost.doors.http.problem_responses import EXCEPTION_HANDLERS
from tradepost.doors.pages import page_routes
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.event_types import EventTypes

OPERATOR = Caller(id="key-1", role="admin", permissions=frozenset({"ops:read"}))
STAFF = Caller(id="key-2", role="staff", permissions=frozenset({"catalog:write"}))
BROWSER = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "accept-encoding": "gzip, deflate, br, zstd",
}


async def healthy_check() -> None:
    """A readiness check that succeeds."""


def pages_app(
    *,
    checks: Mapping[str, Callable[[], Awaitable[object]]] | None = None,
    caller: Caller = ANONYMOUS,
    introspection: bool = True,
    ops_loopback: bool = True,
    address: str = "203.0.113.9",
) -> httpx.AsyncClient:
    """Return a client of the pages that calls as `caller` from `address`."""

    def may_introspect(scope: Any) -> bool:
        return introspection or scope["context"].caller.is_authenticated

    routes = page_routes(
        checks={"database": healthy_check} if checks is None else checks,
        may_introspect=may_introspect,
        ops_loopback=ops_loopback,
        collections=lambda *_: {},
        public_keys=lambda: None,
        event_types=EventTypes(),
        state_machines={},
    )
    litestar = Litestar(routes, exception_handlers=dict(EXCEPTION_HANDLERS), openapi_config=None, logging_config=None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["context"] = CallContext(caller, None)  # pyright: ignore[reportArgumentType]  # pages use no database
        scope["original_path"] = scope["path"]
        scope["request_id"] = "test"
        await litestar(scope, receive, send)

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=(address, 4711)), base_url="http://tradepost.test"
    )
