"""An API key with its own limit drains two buckets, the owner's and the key's: both or neither.

The same holds in memory and in Redis.
"""

import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradepost.kit.problems import QuotaExceeded, TooExpensive
from tradepost.kit.rate_limit.buckets import Bucket, MemoryBuckets
from tradepost.kit.rate_limit.key_meter import KeyMeter
from tradepost.kit.rate_limit.meter import Meter, RateLimits
from tradepost.kit.rate_limit.redis_buckets import RedisBuckets


@pytest.fixture
def limits() -> RateLimits:
    """Limits in memory with a clock that stands still."""
    return RateLimits({}, default_size=100, local=MemoryBuckets(lambda: 1000.0))


def meter(limits: RateLimits, key_size: int, key: str = "one") -> Meter:
    """Return the meter of a key with this many points a minute, and 100 of its owner."""
    return KeyMeter(limits, ("owner", 100), (key, key_size))


def remaining(limits: RateLimits) -> dict[str, float]:
    """Return the points left in each bucket in memory."""
    return {key: round(limits.local.take(key, {"owner": 100}.get(key, 40), 0), 6) for key in list(limits.local.entries)}


async def test_both_buckets_are_drained_and_refunded(limits: RateLimits) -> None:
    one = meter(limits, 40)
    await one.pay(30)
    assert remaining(limits) == {"owner": 70, "one": 10}
    one.settle(5)
    assert remaining(limits) == {"owner": 95, "one": 35}
    assert (one.policy, one.remaining, one.size, one.sizes, one.charged) == (b"key", 35, 40, (100, 40), 5)


async def test_a_refusal_by_one_bucket_does_not_drain_the_other(limits: RateLimits) -> None:
    await meter(limits, 40).pay(30)
    refused = meter(limits, 40)
    with pytest.raises(QuotaExceeded) as problem:
        await refused.pay(20)
    refused.settle(0)
    assert remaining(limits) == {"owner": 70, "one": 10}
    assert problem.value.members == {"violated-policies": ["key"]}
    assert (problem.value.retry_after, refused.policy, refused.remaining, refused.charged) == (15, b"key", 10, 0)
    await limits.meter("owner", "").pay(65)
    with pytest.raises(QuotaExceeded) as problem:
        await meter(limits, 40).pay(8)
    assert remaining(limits) == {"owner": 5, "one": 10}
    assert (problem.value.members, problem.value.retry_after) == ({"violated-policies": ["points"]}, 2)


@pytest.mark.parametrize(("key_size", "spent"), [(40, 40), (100, 100)], ids=["key", "owner"])
async def test_a_point_of_each_bucket_is_required(limits: RateLimits, key_size: int, spent: int) -> None:
    await meter(limits, key_size).require_points()
    await meter(limits, key_size).pay(spent)
    other = meter(limits, key_size, "one" if key_size == 40 else "other")
    with pytest.raises(QuotaExceeded):
        await other.require_points()
    assert other.drained == 0


async def test_a_refusal_by_both_buckets_names_both_and_the_longer_wait(limits: RateLimits) -> None:
    await meter(limits, 100, "one").pay(95)
    with pytest.raises(QuotaExceeded) as problem:
        await meter(limits, 40, "two").pay(40)
    assert problem.value.members == {"violated-policies": ["points"]}
    with pytest.raises(QuotaExceeded) as problem:
        await meter(limits, 100, "one").pay(65)
    assert problem.value.members == {"violated-policies": ["points", "key"]}
    assert problem.value.retry_after == 36


async def test_the_meter_reports_the_bucket_with_fewer_points(limits: RateLimits) -> None:
    await limits.meter("owner", "").pay(80)
    one = meter(limits, 40)
    await one.pay(1)
    assert (one.policy, one.remaining, one.size, one.seconds_until_full) == (b"points", 19, 100, 49)


async def test_no_request_may_cost_more_than_the_smaller_bucket(limits: RateLimits) -> None:
    for key_size, maximum in ((40, 40), (5000, 100)):
        with pytest.raises(TooExpensive) as problem:
            await meter(limits, key_size).pay(maximum + 1)
        assert problem.value.members["limit"] == maximum
        await meter(limits, key_size, uuid4().hex).pay(maximum)
        limits.local.entries.clear()


async def test_a_debt_is_drained_from_both_buckets(limits: RateLimits) -> None:
    one = meter(limits, 40)
    await one.pay(40)
    one.new_plans = 2
    one.settle(40)
    assert remaining(limits) == {"owner": 40, "one": -20}


CALLERS, ACTIONS = st.sampled_from(["key", "other key", "owner"]), st.sampled_from(["take", "take", "give"])
STEPS = st.lists(st.tuples(CALLERS, ACTIONS, st.integers(0, 25), st.booleans()), min_size=1, max_size=25)
"""Caller, action, points, and whether the next step waits for this one."""


type Results = tuple[Awaitable[list[float] | None], list[float]]
"""The remaining points by Redis, and by memory."""


async def assert_equal(results: list[Results], start: float) -> bool:
    """Compare the results of Redis and memory; return False if too much time has passed."""
    awaited = [(await in_redis, in_memory) for in_redis, in_memory in results]
    results.clear()
    # Redis has its own clock and refills the buckets: if by a point or more, the two may differ.
    refilled = 30 * (time.monotonic() - start) / 60
    if refilled >= 1:
        return False
    for in_redis, in_memory in awaited:
        assert in_redis is not None
        assert [n < 0 for n in in_redis] == [n < 0 for n in in_memory]
        differences = [a - b for a, b in zip(in_redis, in_memory, strict=True)]
        assert all([-0.002 <= difference <= refilled + 0.002 for difference in differences]), (awaited, refilled)
    return True


@pytest.fixture
async def shared(valkey: Any, patient_connection: None) -> AsyncIterator[RedisBuckets]:
    """Buckets in Redis."""
    buckets = RedisBuckets(f"redis://127.0.0.1:{valkey.port}/2")
    await buckets.start()
    yield buckets
    await buckets.stop()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sizes=st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30)), steps=STEPS)
async def test_memory_and_redis_agree_and_no_bucket_admits_more_than_its_size(
    shared: RedisBuckets, sizes: tuple[int, int, int], steps: list[tuple[str, str, int, bool]]
) -> None:
    start, prefix = time.monotonic(), uuid4().hex
    memory = MemoryBuckets(lambda: 1000.0)
    owner, key, other = [
        (f"{prefix} {name}", size) for name, size in zip(("owner", "key", "other key"), sizes, strict=True)
    ]
    drains: dict[str, tuple[Bucket, ...]] = {"owner": (owner,), "key": (owner, key), "other key": (owner, other)}
    refunded = dict.fromkeys((owner, key, other), 0)
    taken = dict.fromkeys((owner, key, other), 0)
    results: list[Results] = []
    for caller, action, points, waits in steps:
        buckets = drains[caller]
        if action == "give":
            shared.give(points, *buckets)
            for bucket in buckets:
                memory.give(*bucket, points)
                refunded[bucket] += points
            continue
        in_redis, in_memory = shared.take(points, *buckets), memory.take_all(buckets, points)
        results.append((in_redis, in_memory))
        if waits and not await assert_equal(results, start):
            return
        if min(in_memory) >= 0:
            for bucket in buckets:
                taken[bucket] += points
    if not await assert_equal(results, start):
        return
    for bucket in taken:
        assert taken[bucket] <= bucket[1] + refunded[bucket]
