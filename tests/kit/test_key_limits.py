"""A key with a limit of its own drains two buckets, its owner's and its own: both or neither, in memory and in Redis alike."""

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
    """Limits in memory whose clock stands still at first."""
    return RateLimits({}, default_size=100, local=MemoryBuckets(lambda: 1000.0))


def meter(limits: RateLimits, own: int, key: str = "one") -> Meter:
    """A meter of a key with so many points of its own a minute, of an owner with 100."""
    return KeyMeter(limits, ("owner", 100), (key, own))


def held(limits: RateLimits) -> dict[str, float]:
    """What is left in the buckets that are kept."""
    return {key: round(limits.local.take(key, {"owner": 100}.get(key, 40), 0), 6) for key in list(limits.local.entries)}


async def test_both_buckets_are_drained_and_get_back_what_was_not_used(limits: RateLimits) -> None:
    one = meter(limits, 40)
    await one.pay(30)
    assert held(limits) == {"owner": 70, "one": 10}
    one.settle(5)
    assert held(limits) == {"owner": 95, "one": 35}
    assert (one.policy, one.remaining, one.size, one.sizes, one.charged) == (b"key", 35, 40, (100, 40), 5)


async def test_a_refusal_by_one_leaves_the_other_undrained(limits: RateLimits) -> None:
    await meter(limits, 40).pay(30)
    refused = meter(limits, 40)
    with pytest.raises(QuotaExceeded) as said:
        await refused.pay(20)
    refused.settle(0)
    assert held(limits) == {"owner": 70, "one": 10}
    assert said.value.members == {"violated-policies": ["key"]}
    assert (said.value.retry_after, refused.policy, refused.remaining, refused.charged) == (15, b"key", 10, 0)
    await limits.meter("owner", "").pay(65)
    with pytest.raises(QuotaExceeded) as said:
        await meter(limits, 40).pay(8)
    assert held(limits) == {"owner": 5, "one": 10}
    assert (said.value.members, said.value.retry_after) == ({"violated-policies": ["points"]}, 2)


async def test_where_both_are_short_both_are_named_and_the_longer_wait_told(limits: RateLimits) -> None:
    await meter(limits, 100, "one").pay(95)
    with pytest.raises(QuotaExceeded) as said:
        await meter(limits, 40, "two").pay(40)
    assert said.value.members == {"violated-policies": ["points"]}
    with pytest.raises(QuotaExceeded) as said:
        await meter(limits, 100, "one").pay(65)
    assert said.value.members == {"violated-policies": ["points", "key"]}
    assert said.value.retry_after == 36


async def test_the_nearer_end_is_told(limits: RateLimits) -> None:
    await limits.meter("owner", "").pay(80)
    one = meter(limits, 40)
    await one.pay(1)
    assert (one.policy, one.remaining, one.size, one.seconds_until_full) == (b"points", 19, 100, 49)


async def test_no_request_may_cost_more_than_either_bucket_holds(limits: RateLimits) -> None:
    for own, most in ((40, 40), (5000, 100)):
        with pytest.raises(TooExpensive) as said:
            await meter(limits, own).pay(most + 1)
        assert said.value.members["limit"] == most
        await meter(limits, own, uuid4().hex).pay(most)
        limits.local.entries.clear()


async def test_a_debt_is_drained_from_both(limits: RateLimits) -> None:
    one = meter(limits, 40)
    await one.pay(40)
    one.new_plans = 2
    one.settle(40)
    assert held(limits) == {"owner": 40, "one": -20}


WHO, WHAT = st.sampled_from(["key", "other key", "owner"]), st.sampled_from(["take", "take", "give"])
STEPS = st.lists(st.tuples(WHO, WHAT, st.integers(0, 25), st.booleans()), min_size=1, max_size=25)
"""Who does what with how many points, and whether the next waits for it; else both may go out together."""


type Answers = tuple[Awaitable[list[float] | None], list[float]]
"""What Redis will say is left, and what memory said."""


async def agree(answers: list[Answers], began: float) -> bool:
    """Sees that the two say the same, of all that has not been looked at; False where too much time has passed for that."""
    found = [(await there, here) for there, here in answers]
    answers.clear()
    # Redis has a clock of its own, by which a little comes in meanwhile: less than a point, else the two need not agree.
    came = 30 * (time.monotonic() - began) / 60
    if came >= 1:
        return False
    for there, here in found:
        assert there is not None
        assert [n < 0 for n in there] == [n < 0 for n in here]
        assert all([-0.002 <= a - b <= came + 0.002 for a, b in zip(there, here, strict=True)]), (there, here, came)
    return True


@pytest.fixture
async def shared(valkey: Any, patient: None) -> AsyncIterator[RedisBuckets]:
    """Buckets in Redis."""
    made = RedisBuckets(f"redis://127.0.0.1:{valkey.port}/2")
    await made.start()
    yield made
    await made.stop()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sizes=st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30)), steps=STEPS)
async def test_memory_and_redis_agree_and_no_bucket_goes_over(
    shared: RedisBuckets, sizes: tuple[int, int, int], steps: list[tuple[str, str, int, bool]]
) -> None:
    began, mark = time.monotonic(), uuid4().hex
    memory = MemoryBuckets(lambda: 1000.0)
    owner, key, other = [
        (f"{mark} {name}", size) for name, size in zip(("owner", "key", "other key"), sizes, strict=True)
    ]
    drains: dict[str, tuple[Bucket, ...]] = {"owner": (owner,), "key": (owner, key), "other key": (owner, other)}
    given_back = dict.fromkeys((owner, key, other), 0)
    taken = dict.fromkeys((owner, key, other), 0)
    answers: list[Answers] = []
    for who, what, points, waits in steps:
        buckets = drains[who]
        if what == "give":
            shared.give(points, *buckets)
            for bucket in buckets:
                memory.give(*bucket, points)
                given_back[bucket] += points
            continue
        there, here = shared.take(points, *buckets), memory.take_all(buckets, points)
        answers.append((there, here))
        if waits and not await agree(answers, began):
            return
        if min(here) >= 0:
            for bucket in buckets:
                taken[bucket] += points
    if not await agree(answers, began):
        return
    for bucket in taken:
        assert taken[bucket] <= bucket[1] + given_back[bucket]
