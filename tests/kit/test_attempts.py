"""Attempts at credentials: two buckets, in memory and in Redis alike, and what is told of them."""

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tradepost.kit.auth.access import ANYONE
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import QuotaExceeded
from tradepost.kit.rate_limit.buckets import MemoryBuckets
from tradepost.kit.rate_limit.client_key import client_key
from tradepost.kit.rate_limit.credential_attempts import CredentialAttempts
from tradepost.kit.rate_limit.meter import RateLimits
from tradepost.kit.rate_limit.redis_buckets import RedisBuckets
from tradepost.kit.redis import connection as line
from tradepost.kit.writes.call_context import CallContext

SECRET = b"a secret that only the tests know"
HERE, THERE = "203.0.113.9", "198.51.100.1"


@pytest.fixture(params=["memory", "redis"])
async def attempts(request: pytest.FixtureRequest, patient: None) -> AsyncIterator[CredentialAttempts]:
    """Attempts, all buckets full; those in memory fill as slowly as those in Redis."""
    if request.param == "memory":
        yield CredentialAttempts(RateLimits({}, default_size=600), SECRET)
        return
    valkey: Any = request.getfixturevalue("valkey")
    redis = Redis(port=valkey.port)
    await redis.flushall()
    await redis.aclose()
    made = await opened(valkey.port)
    yield made
    assert made.limits.shared is not None
    await made.limits.shared.stop()


async def opened(port: int) -> CredentialAttempts:
    """Attempts of one process that share a Redis."""
    shared = RedisBuckets(f"redis://127.0.0.1:{port}/1")
    await shared.start()
    return CredentialAttempts(RateLimits({}, default_size=600, shared=shared), SECRET)


async def counted(
    attempts: CredentialAttempts,
    times: int,
    account: str | None = "a@shop.example",
    address: str = HERE,
    caller: str | None = None,
) -> Counter[str]:
    """What became of so many attempts at once: `counted`, or the policy that refused them."""

    async def one() -> str:
        try:
            await attempts.count(account, address, caller)
        except QuotaExceeded as problem:
            return problem.members["violated-policies"][0]
        return "counted"

    return Counter(await asyncio.gather(*[one() for _ in range(times)]))


async def test_ten_on_one_account_and_thirty_from_one_address(attempts: CredentialAttempts) -> None:
    assert await counted(attempts, 12) == {"counted": 10, "login-account": 2}
    assert await counted(attempts, 1, "A@Shop.Example ", THERE) == {"login-account": 1}
    for n in range(2):
        assert await counted(attempts, 10, f"{n}@shop.example") == {"counted": 10}
    assert (await counted(attempts, 5, "fresh@shop.example"))[
        "login-address"
    ] >= 4  # one may have come in on a busy machine
    assert (await counted(attempts, 11, "fresh@shop.example", THERE))["counted"] >= 9


async def test_a_caller_counts_for_itself_where_no_account_is_named(attempts: CredentialAttempts) -> None:
    assert await counted(attempts, 11, None, caller="somebody") == {"counted": 10, "login-account": 1}
    assert await counted(attempts, 10, "somebody", THERE) == {"counted": 10}
    assert await counted(attempts, 20, None) == {"counted": 20}


async def test_what_was_written_is_owed_by_the_address_and_by_its_accounts(attempts: CredentialAttempts) -> None:
    await attempts.count_unexecuted({"a@shop.example": 50, "b@shop.example": 3}, HERE)
    assert await counted(attempts, 1, "fresh@shop.example") == {"login-address": 1}
    with pytest.raises(QuotaExceeded) as refused:
        await attempts.count("a@shop.example", THERE)
    assert 240 <= int(refused.value.headers()["Retry-After"]) <= 246
    assert await counted(attempts, 10, "b@shop.example", THERE) == {
        "counted": 10
    }  # written behind what the address could have tried
    await attempts.count_unexecuted({"c@shop.example": 10}, HERE)
    assert await counted(attempts, 10, "c@shop.example", THERE) == {"counted": 10}
    await attempts.count_unexecuted({}, THERE)


async def test_a_debt_outlives_the_two_minutes_that_a_bucket_is_kept(
    attempts: CredentialAttempts, request: pytest.FixtureRequest
) -> None:
    await attempts.count_unexecuted({"a@shop.example": 50}, HERE)
    key = attempts.account_key("a@shop.example", None)
    assert key is not None
    if attempts.limits.shared is None:
        moment = [time.monotonic() + 230]
        attempts.limits.local.clock = lambda: moment[0]
        for n in range(10):
            attempts.limits.local.take(f"other{n}", 10, 1)
        assert await counted(attempts, 1, address=THERE) == {"login-account": 1}
        moment[0] += 16
        assert await counted(attempts, 1, address=THERE) == {"counted": 1}
        return
    redis = Redis(port=request.getfixturevalue("valkey").port, db=1)
    assert 290_000 < await redis.pttl(f"tradepost:points:{key}") <= 300_000
    await redis.aclose()


async def test_no_text_of_an_account_is_kept_and_the_digest_is_the_shops_own(
    attempts: CredentialAttempts, request: pytest.FixtureRequest
) -> None:
    await counted(attempts, 1)
    await attempts.count_unexecuted({"b@shop.example": 2}, HERE)
    keys = list(attempts.limits.local.entries)
    if attempts.limits.shared is not None:
        redis = Redis(port=request.getfixturevalue("valkey").port, db=1)
        keys = [key.decode() for key in await redis.keys()]
        await redis.aclose()
    assert len(keys) == 3
    assert not any("shop.example" in key for key in keys)
    assert attempts.account_key("a@shop.example", None) != CredentialAttempts(attempts.limits, b"another").account_key(
        "a@shop.example", None
    )


async def test_without_redis_each_process_counts_by_itself(patient: None) -> None:
    shared = RedisBuckets("redis://127.0.0.1:1/0")
    made = CredentialAttempts(RateLimits({}, default_size=600, shared=shared), SECRET)
    assert await counted(made, 12) == {"counted": 10, "login-account": 2}
    await made.count_unexecuted({"b@shop.example": 50}, THERE)
    assert await counted(made, 1, "b@shop.example") == {"login-account": 1}


def try_in_process(port: int, results: Any) -> None:
    """What another process does: as many attempts as it can for two seconds."""
    line.SILENT_TICKS = 500

    async def run() -> int:
        attempts, count, ends = await opened(port), 0, time.time() + 2
        while time.time() < ends:
            count += (await counted(attempts, 20))["counted"]
        return count

    results.put(asyncio.run(run()))


@pytest.mark.parametrize("attempts", ["redis"], indirect=True)
async def test_two_processes_admit_no_more_attempts_than_the_budget_and_one_refill(
    attempts: CredentialAttempts, valkey: Any
) -> None:
    context = multiprocessing.get_context("spawn")
    results, started = context.Queue(), time.time()
    processes = [context.Process(target=try_in_process, args=(valkey.port, results)) for _ in range(2)]
    for process in processes:
        process.start()
    counts = [await asyncio.to_thread(results.get, True, 60) for _ in processes]
    for process in processes:
        await asyncio.to_thread(process.join, 30)
    assert 0 < sum(counts) <= 10 + 10 * (time.time() - started) / 60


def test_a_bucket_belongs_to_an_ipv4_address_or_to_an_ipv6_network() -> None:
    assert client_key("203.0.113.9") == client_key("::ffff:203.0.113.9") == "address:203.0.113.9"
    assert client_key("2001:db8::1") == client_key("2001:0DB8::ffff:1") == "address:2001:db8::/64"
    assert client_key("2001:db8:0:1::1") != client_key("2001:db8::1")
    assert client_key("unix") == "address:unix"


async def test_who_has_nothing_that_counts_is_not_counted() -> None:
    """The shell and the worker; also an operation that reads counts where somebody counts."""

    async def method(self: Any) -> str:
        return "done"

    made: Any = operation("word_try", "query", None, access=ANYONE, attempted_account=lambda given: None)(method)  # type: ignore[arg-type]
    context = CallContext(ANONYMOUS, None)  # type: ignore[arg-type]
    for _ in range(100):
        assert await made.__get__(Service(context), Service)() == "done"
    attempts = CredentialAttempts(
        RateLimits({}, default_size=600, local=MemoryBuckets(lambda: 0.0)), SECRET, per_address=2
    )
    means = Dependencies()
    means.provide(CredentialAttempts, attempts)
    context = CallContext(ANONYMOUS, None, meter=context.meter, dependencies=means)  # type: ignore[arg-type]
    for _ in range(2):
        assert await made.__get__(Service(context), Service)() == "done"
    with pytest.raises(QuotaExceeded, match="from this address"):
        await made.__get__(Service(context), Service)()
    assert context.meter.credential_attempts == 103
