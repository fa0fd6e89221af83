"""`/health/live` and `/health/ready`: for whoever restarts us, and for whoever sends us traffic.

Live says that the process answers. Ready says that all it stands on answers too; each check has two seconds. Why something is not ready is
for operators only (operators.py), and even they see the kind of a fault, not its text: the text may name hosts and users. The log has it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from ..http.response import Response
from .assets import GET_AND_HEAD
from .operator_access import is_operator

type Check = Callable[[], Awaitable[object]]
"""Returns if the thing is well and raises if it is not: Degraded where the shop goes on without it."""


class Degraded(Exception):
    """Something is missing that the shop can do without for a while; it is still ready."""


PATIENCE = 2.0
RETRY_AFTER = b"5"
NO_STORE = (b"cache-control", b"no-store")
LIVE = b'{"status":"ok"}'

log = logging.getLogger("tradepost.health")


class CheckResult(msgspec.Struct, omit_defaults=True):
    """What one check found: `ok`, `degraded` or `failed`. `fault` is the kind of the error, or `timeout`."""

    status: str
    ms: float
    fault: str | None = None


async def examine(name: str, check: Check, patience: float) -> CheckResult:
    """Runs one check; it never raises."""
    began, fault, status = time.perf_counter(), None, "failed"
    try:
        await within(check, patience)
    except Degraded as missing:
        fault, status = str(missing), "degraded"
    except TimeoutError:
        fault = "timeout"
    except Exception as error:
        fault = type(error).__name__
        log.warning("health check %s failed: %s", name, error)
    return CheckResult(status if fault else "ok", round((time.perf_counter() - began) * 1000, 1), fault)


async def within(check: Check, patience: float) -> None:
    """Waits that long and no longer, even for a check that does not heed its cancellation."""
    task = asyncio.ensure_future(check())
    done, _ = await asyncio.wait({task}, timeout=patience)
    if not done:
        task.cancel()
        raise TimeoutError
    task.result()


async def run_checks(checks: Mapping[str, Check], timeout: float = PATIENCE) -> dict[str, CheckResult]:
    """All checks at once, by name."""
    found = await asyncio.gather(*(examine(name, check, timeout) for name, check in checks.items()))
    return dict(zip(checks, found, strict=True))


def report(found: dict[str, CheckResult], details: bool) -> Response:
    """200 if all is well, else 503 with `Retry-After`; the single checks only where `details` may be seen."""
    well = all(f.status != "failed" for f in found.values())
    said: dict[str, Any] = {"status": "ok" if well else "unavailable"} | ({"checks": found} if details else {})
    return Response(
        200 if well else 503,
        msgspec.json.encode(said),
        headers=[NO_STORE] if well else [NO_STORE, (b"retry-after", RETRY_AFTER)],
    )


def health_routes(
    checks: Mapping[str, Check], ops_loopback: bool, patience: float = PATIENCE
) -> list[HTTPRouteHandler]:
    """The two addresses; `patience` in seconds."""

    @route("/health/live", http_method=GET_AND_HEAD, include_in_schema=False)
    async def live(request: Request[Any, Any, Any]) -> ASGIApp:
        return Response(200, LIVE, headers=[NO_STORE])

    @route("/health/ready", http_method=GET_AND_HEAD, include_in_schema=False)
    async def ready(request: Request[Any, Any, Any]) -> ASGIApp:
        return report(await run_checks(checks, patience), is_operator(request.scope, ops_loopback))

    return [live, ready]
