"""Health: live without any check, ready if every check succeeds, details for operators only."""

import asyncio
import time

import pytest

from tests.doors.pages.pages_app import OPERATOR, STAFF, healthy_check, pages_app
from tradepost.doors.http.asgi import Scope
from tradepost.doors.pages.health import run_checks
from tradepost.doors.pages.operator_access import is_operator
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.writes.call_context import CallContext


async def broken() -> None:
    """A check whose error contains a secret."""
    raise ConnectionError("postgresql://shop:secret@db.internal refused")


async def stuck() -> None:
    """A check that does not return."""
    await asyncio.sleep(60)


async def stubborn() -> None:
    """A check that ignores its cancellation for a while."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0.5)


async def test_live_is_ok_even_if_a_check_fails() -> None:
    async with pages_app(checks={"database": broken}) as client:
        answer = await client.get("/health/live")
    assert (answer.status_code, answer.content) == (200, b'{"status":"ok"}')
    assert answer.headers["cache-control"] == "no-store"


async def test_ready_shows_anonymous_callers_only_the_status() -> None:
    async with pages_app(checks={"database": healthy_check}) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_is_503_with_retry_after_if_a_check_fails() -> None:
    async with pages_app(checks={"database": healthy_check, "redis": broken}) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["cache-control"] == "no-store"


async def test_an_operator_sees_the_failed_check_and_the_error_type_but_no_secret() -> None:
    async with pages_app(checks={"database": healthy_check, "redis": broken}, caller=OPERATOR) as client:
        answer = await client.get("/health/ready")
    checks = answer.json()["checks"]
    assert checks["database"]["status"] == "ok"
    assert checks["redis"] | {"ms": 0} == {"status": "failed", "ms": 0, "fault": "ConnectionError"}
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("caller", "address", "headers", "ops_loopback", "details"),
    [
        (ANONYMOUS, "203.0.113.9", {}, True, False),
        (STAFF, "203.0.113.9", {}, True, False),
        (OPERATOR, "203.0.113.9", {}, True, True),
        (OPERATOR, "203.0.113.9", {"x-forwarded-for": "198.51.100.1"}, False, True),
        (ANONYMOUS, "127.0.0.1", {}, True, True),
        (ANONYMOUS, "::1", {}, True, True),
        (ANONYMOUS, "127.0.0.1", {}, False, False),
        (ANONYMOUS, "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, True, False),
        (ANONYMOUS, "127.0.0.1", {"forwarded": "for=127.0.0.1"}, True, False),
        (ANONYMOUS, "127.0.0.1", {"via": "1.1 proxy"}, True, False),
        (ANONYMOUS, "127.0.0.1", {"x-real-ip": "127.0.0.1"}, True, False),
        (ANONYMOUS, "testclient", {}, True, False),
    ],
)
async def test_details_are_shown_to_operators_and_to_loopback(
    caller: Caller, address: str, headers: dict[str, str], ops_loopback: bool, details: bool
) -> None:
    async with pages_app(caller=caller, address=address, ops_loopback=ops_loopback) as client:
        status = (await client.get("/health/ready", headers=headers)).json()
    assert ("checks" in status) is details


@pytest.mark.parametrize("check", [stuck, stubborn])
async def test_a_check_that_times_out_has_failed(check: object) -> None:
    start = time.perf_counter()
    results = await run_checks({"database": check, "redis": healthy_check}, check_timeout=0.05)  # pyright: ignore[reportArgumentType]
    assert time.perf_counter() - start < 0.4
    assert (results["database"].fault, results["redis"].fault) == ("timeout", None)


async def test_checks_run_concurrently() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.1)

    start = time.perf_counter()
    await run_checks({str(n): slow for n in range(10)})
    assert time.perf_counter() - start < 0.5


def test_a_scope_without_a_client_is_not_an_operator() -> None:
    scope: Scope = {"headers": [], "client": None, "context": CallContext(ANONYMOUS, None)}  # pyright: ignore[reportArgumentType]
    assert not is_operator(scope, ops_loopback=True)
