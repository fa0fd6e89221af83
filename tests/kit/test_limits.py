"""Buckets of points refill continuously, up to the points of a minute; their number is bounded."""

import pytest

from tradepost.kit.problems import QuotaExceeded, TooExpensive
from tradepost.kit.rate_limit.buckets import MemoryBuckets
from tradepost.kit.rate_limit.meter import Meter, RateLimits


class ManualClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def limits(clock: ManualClock) -> RateLimits:
    return RateLimits({"anonymous": 60}, default_size=6000, local=MemoryBuckets(clock))


def meter(limits: RateLimits) -> Meter:
    return limits.meter("a-caller", "anonymous")


async def test_a_bucket_refills_by_its_size_per_minute_up_to_its_size(clock: ManualClock, limits: RateLimits) -> None:
    await meter(limits).drain(60)
    with pytest.raises(QuotaExceeded) as refused:
        await meter(limits).drain(10)
    assert refused.value.headers() == {"Retry-After": "10"}
    clock.now += 10
    await meter(limits).drain(10)
    clock.now += 1000
    full = meter(limits)
    await full.drain(60)
    assert full.remaining == 0


async def test_a_refusal_drains_nothing(limits: RateLimits) -> None:
    await meter(limits).drain(50)
    for _ in range(5):
        with pytest.raises(QuotaExceeded):
            await meter(limits).drain(11)
    await meter(limits).drain(10)


async def test_the_unused_points_are_refunded_once(limits: RateLimits) -> None:
    one = meter(limits)
    await one.pay(40)
    one.settle(5)
    one.settle(0)
    assert (one.charged, one.remaining) == (5, 55)
    await meter(limits).drain(55)


async def test_parsing_a_new_text_is_charged_in_advance_and_not_refunded(limits: RateLimits) -> None:
    one = meter(limits)
    await one.pay_for_text()
    assert one.drained == 11
    await one.pay(3)
    assert one.drained == 13
    one.settle(1)
    assert (one.charged, one.remaining) == (11, 49)


async def test_the_reserve_is_charged_only_if_a_plan_was_compiled(limits: RateLimits) -> None:
    one, two = meter(limits), meter(limits)
    await one.pay(2, reserve=10)
    one.settle(2)
    await two.pay(2, reserve=10)
    two.new_plans = 1
    two.settle(2)
    assert (one.charged, two.charged, two.remaining) == (2, 12, 46)


async def test_price_and_reserve_never_exceed_a_full_bucket(limits: RateLimits) -> None:
    one = meter(limits)
    await one.pay(60, reserve=10)
    assert one.drained == 60


async def test_no_request_may_cost_more_than_the_bucket_or_1000_points(limits: RateLimits) -> None:
    with pytest.raises(TooExpensive):
        await meter(limits).pay(61)
    staff = limits.meter("a member of the staff", "staff")
    await staff.pay(1000)
    with pytest.raises(TooExpensive):
        await limits.meter("a member of the staff", "staff").pay(1001)


async def test_a_payment_of_zero_reports_the_state_of_the_bucket(limits: RateLimits) -> None:
    await meter(limits).drain(60)
    free = meter(limits)
    await free.pay(0)
    free.settle(0)
    assert (free.charged, int(free.remaining), free.seconds_until_full) == (0, 0, 60)


def test_the_number_of_buckets_is_bounded_and_full_ones_are_evicted_first(clock: ManualClock) -> None:
    buckets = MemoryBuckets(clock, max_buckets=100)
    for n in range(1000):
        buckets.take(str(n), 60, 1)
    assert len(buckets.entries) <= 101
    clock.now += 121
    for n in range(60):
        buckets.take(f"new {n}", 60, 1)
    assert all(key.startswith("new") for key in buckets.entries)
