"""Buckets of points: they fill all the time, hold a minute's points at most, and are not kept where nobody needs them."""

import pytest

from tradepost.kit.problems import QuotaExceeded, TooExpensive
from tradepost.kit.rate_limit.buckets import MemoryBuckets
from tradepost.kit.rate_limit.meter import Meter, RateLimits


class Watch:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def limits(watch: Watch) -> RateLimits:
    return RateLimits({"anonymous": 60}, default_size=6000, local=MemoryBuckets(watch))


def meter(limits: RateLimits) -> Meter:
    return limits.meter("somebody", "anonymous")


async def test_a_bucket_fills_by_its_size_a_minute_and_no_higher(watch: Watch, limits: RateLimits) -> None:
    await meter(limits).drain(60)
    with pytest.raises(QuotaExceeded) as refused:
        await meter(limits).drain(10)
    assert refused.value.headers() == {"Retry-After": "10"}
    watch.now += 10
    await meter(limits).drain(10)
    watch.now += 1000
    full = meter(limits)
    await full.drain(60)
    assert full.remaining == 0


async def test_a_refusal_drains_nothing(limits: RateLimits) -> None:
    await meter(limits).drain(50)
    for _ in range(5):
        with pytest.raises(QuotaExceeded):
            await meter(limits).drain(11)
    await meter(limits).drain(10)


async def test_what_was_not_used_goes_back_and_only_once(limits: RateLimits) -> None:
    one = meter(limits)
    await one.pay(40)
    one.settle(5)
    one.settle(0)
    assert (one.charged, one.remaining) == (5, 55)
    await meter(limits).drain(55)


async def test_a_new_text_is_paid_before_it_is_read_and_not_given_back(limits: RateLimits) -> None:
    one = meter(limits)
    await one.pay_for_text()
    assert one.drained == 11
    await one.pay(3)
    assert one.drained == 13
    one.settle(1)
    assert (one.charged, one.remaining) == (11, 49)


async def test_a_reserve_stays_only_where_a_plan_was_made(limits: RateLimits) -> None:
    one, two = meter(limits), meter(limits)
    await one.pay(2, reserve=10)
    one.settle(2)
    await two.pay(2, reserve=10)
    two.new_plans = 1
    two.settle(2)
    assert (one.charged, two.charged, two.remaining) == (2, 12, 46)


async def test_a_price_with_its_compiling_is_never_above_a_full_bucket(limits: RateLimits) -> None:
    one = meter(limits)
    await one.pay(60, reserve=10)
    assert one.drained == 60


async def test_no_request_may_cost_more_than_the_bucket_holds_or_than_1000(limits: RateLimits) -> None:
    with pytest.raises(TooExpensive):
        await meter(limits).pay(61)
    rich = limits.meter("a member of the staff", "staff")
    await rich.pay(1000)
    with pytest.raises(TooExpensive):
        await limits.meter("a member of the staff", "staff").pay(1001)


async def test_nothing_drained_tells_the_state(limits: RateLimits) -> None:
    await meter(limits).drain(60)
    free = meter(limits)
    await free.pay(0)
    free.settle(0)
    assert (free.charged, int(free.remaining), free.seconds_until_full) == (0, 0, 60)


def test_memory_is_bounded_and_what_is_full_goes_first(watch: Watch) -> None:
    buckets = MemoryBuckets(watch, max_buckets=100)
    for n in range(1000):
        buckets.take(str(n), 60, 1)
    assert len(buckets.entries) <= 101
    watch.now += 121
    for n in range(60):
        buckets.take(f"new {n}", 60, 1)
    assert all(key.startswith("new") for key in buckets.entries)
