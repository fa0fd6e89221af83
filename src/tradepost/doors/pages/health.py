"""`/health/live` and `/health/ready`, for process supervisors and load balancers.

Live: the process responds. Ready: everything it depends on responds too; each check may take two
seconds. Only operators see the results of the single checks (operator_access.py), and only the
type of an error: its text may contain host and user names. The full error is logged.
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

from ..http.cache_policy import NO_STORE
from ..http.response import Response
from .assets import GET_AND_HEAD
from .operator_access import is_operator

type Check = Callable[[], Awaitable[object]]
"""A readiness check. It raises Degraded or any other exception if it fails."""


class Degraded(Exception):
    """A dependency is missing that the server can do without for a while; it is still ready."""


TIMEOUT = 2.0
RETRY_AFTER = b"5"
LIVE = b'{"status":"ok"}'

LOG = logging.getLogger("tradepost.health")


class CheckResult(msgspec.Struct, omit_defaults=True):
    """The result of a check.

    status: `ok`, `degraded` or `failed`.
    ms: duration in milliseconds.
    fault: the type of the error, `timeout`, or why it is degraded.
    """

    status: str
    ms: float
    fault: str | None = None


async def _run_check(name: str, check: Check, check_timeout: float) -> CheckResult:
    """Run one check; never raises."""
    started, fault, status = time.perf_counter(), None, "failed"
    try:
        await _run_within(check, check_timeout)
    except Degraded as reason:
        fault, status = str(reason), "degraded"
    except TimeoutError:
        fault = "timeout"
    except Exception as error:
        fault = type(error).__name__
        LOG.warning("health check %s failed: %s", name, error)
    return CheckResult(status if fault else "ok", round((time.perf_counter() - started) * 1000, 1), fault)


async def _run_within(check: Check, check_timeout: float) -> None:
    """Run a check, or raise TimeoutError in time even if the check ignores cancellation."""
    task = asyncio.ensure_future(check())
    done, _ = await asyncio.wait({task}, timeout=check_timeout)
    if not done:
        task.cancel()
        raise TimeoutError
    task.result()


async def run_checks(checks: Mapping[str, Check], check_timeout: float = TIMEOUT) -> dict[str, CheckResult]:
    """Run all checks concurrently and return their results by name."""
    results = await asyncio.gather(*(_run_check(name, check, check_timeout) for name, check in checks.items()))
    return dict(zip(checks, results, strict=True))


def _readiness_response(results: dict[str, CheckResult], show_details: bool) -> Response:
    """Return 200 if no check failed, else 503 with `Retry-After`."""
    is_ready = all(result.status != "failed" for result in results.values())
    document: dict[str, Any] = {"status": "ok" if is_ready else "unavailable"}
    if show_details:
        document["checks"] = results
    return Response(
        200 if is_ready else 503,
        msgspec.json.encode(document),
        headers=[NO_STORE] if is_ready else [NO_STORE, (b"retry-after", RETRY_AFTER)],
    )


def health_routes(
    checks: Mapping[str, Check], ops_loopback: bool, check_timeout: float = TIMEOUT
) -> list[HTTPRouteHandler]:
    """Return the two routes. `check_timeout` is in seconds, for each check."""

    @route("/health/live", http_method=GET_AND_HEAD, include_in_schema=False)
    async def live(request: Request[Any, Any, Any]) -> ASGIApp:
        return Response(200, LIVE, headers=[NO_STORE])

    @route("/health/ready", http_method=GET_AND_HEAD, include_in_schema=False)
    async def ready(request: Request[Any, Any, Any]) -> ASGIApp:
        return _readiness_response(await run_checks(checks, check_timeout), is_operator(request.scope, ops_loopback))

    return [live, ready]
