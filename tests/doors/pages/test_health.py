"""Health: alive without a question, ready after asking everything, details for operators only."""

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
    """A check whose fault names what no stranger should read."""
    raise ConnectionError("postgresql://shop:secret@db.internal refused")


async def stuck() -> None:
    """A check that does not come back."""
    await asyncio.sleep(60)


async def stubborn() -> None:
    """A check that does not heed its cancellation at once."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0.5)


async def test_live_asks_nothing() -> None:
    async with pages_app(checks={"database": broken}) as client:
        answer = await client.get("/health/live")
    assert (answer.status_code, answer.content) == (200, b'{"status":"ok"}')
    assert answer.headers["cache-control"] == "no-store"


async def test_ready_tells_strangers_only_whether() -> None:
    async with pages_app(checks={"database": healthy_check}) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_one_broken_part_makes_it_unavailable_for_a_while() -> None:
    async with pages_app(checks={"database": healthy_check, "redis": broken}) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["cache-control"] == "no-store"


async def test_an_operator_sees_which_part_and_what_kind_of_fault_but_no_secret() -> None:
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
async def test_details_are_for_operators_and_for_this_machine(
    caller: Caller, address: str, headers: dict[str, str], ops_loopback: bool, details: bool
) -> None:
    async with pages_app(caller=caller, address=address, ops_loopback=ops_loopback) as client:
        said = (await client.get("/health/ready", headers=headers)).json()
    assert ("checks" in said) is details


@pytest.mark.parametrize("check", [stuck, stubborn])
async def test_a_part_that_does_not_answer_in_time_is_a_fault(check: object) -> None:
    began = time.perf_counter()
    found = await run_checks({"database": check, "redis": healthy_check}, check_timeout=0.05)  # pyright: ignore[reportArgumentType]
    assert time.perf_counter() - began < 0.4
    assert (found["database"].fault, found["redis"].fault) == ("timeout", None)


async def test_parts_are_asked_side_by_side() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.1)

    began = time.perf_counter()
    await run_checks({str(n): slow for n in range(10)})
    assert time.perf_counter() - began < 0.5


def test_a_scope_without_a_client_is_not_this_machine() -> None:
    scope: Scope = {"headers": [], "client": None, "context": CallContext(ANONYMOUS, None)}  # pyright: ignore[reportArgumentType]
    assert not is_operator(scope, ops_loopback=True)
