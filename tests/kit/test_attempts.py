"""Failed attempts are limited by account and network, in memory and in Redis."""

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
from tradepost.kit.problems import QuotaExceeded, Unauthenticated
from tradepost.kit.rate_limit.buckets import MemoryBuckets
from tradepost.kit.rate_limit.client_key import client_key
from tradepost.kit.rate_limit.credential_attempts import CredentialAttempts
from tradepost.kit.rate_limit.meter import RateLimits
from tradepost.kit.rate_limit.redis_buckets import RedisBuckets
from tradepost.kit.redis import connection
from tradepost.kit.writes.call_context import CallContext

SECRET = b"the secret of the tests"
ADDRESS, OTHER_ADDRESS = "203.0.113.9", "198.51.100.1"


@pytest.fixture(params=["memory", "redis"])
async def attempts(request: pytest.FixtureRequest, patient_connection: None) -> AsyncIterator[CredentialAttempts]:
    """Attempts with full buckets, in memory and in Redis."""
    if request.param == "memory":
        yield CredentialAttempts(RateLimits({}, default_size=600), SECRET)
        return
    valkey: Any = request.getfixturevalue("valkey")
    redis = Redis(port=valkey.port)
    await redis.flushall()
    await redis.aclose()
    attempts = await attempts_in_redis(valkey.port)
    yield attempts
    assert attempts.limits.shared is not None
    await attempts.limits.shared.stop()


async def attempts_in_redis(port: int) -> CredentialAttempts:
    """Return the attempts of one process, counted in Redis."""
    shared = RedisBuckets(f"redis://127.0.0.1:{port}/1")
    await shared.start()
    return CredentialAttempts(RateLimits({}, default_size=600, shared=shared), SECRET)


async def count(
    attempts: CredentialAttempts,
    times: int,
    account: str | None = "a@shop.example",
    address: str = ADDRESS,
    caller: str | None = None,
    succeed: bool = False,
) -> Counter[str]:
    """Count concurrent attempts; return how many were counted, or refused by which policy."""

    async def attempt() -> str:
        try:
            attempt = await attempts.begin(account, address, caller)
        except QuotaExceeded as problem:
            return problem.members["violated-policies"][0]
        if succeed:
            attempt.succeed()
        return "counted"

    return Counter(await asyncio.gather(*[attempt() for _ in range(times)]))


async def test_an_address_has_10_attempts_on_an_account_and_30_in_all(attempts: CredentialAttempts) -> None:
    assert await count(attempts, 12) == {"counted": 10, "login-account": 2}
    assert await count(attempts, 1, "A@Shop.Example ") == {"login-account": 1}
    assert await count(attempts, 10, "A@Shop.Example ", OTHER_ADDRESS) == {"counted": 10}
    for n in range(2):
        assert await count(attempts, 10, f"{n}@shop.example") == {"counted": 10}
    # On a slow machine one attempt may have been refilled.
    assert (await count(attempts, 5, "fresh@shop.example"))["login-address"] >= 4
    assert (await count(attempts, 11, "fresh@shop.example", OTHER_ADDRESS))["counted"] >= 9


async def test_an_account_has_200_attempts_an_hour_from_all_addresses(
    attempts: CredentialAttempts, request: pytest.FixtureRequest
) -> None:
    for n in range(20):
        assert await count(attempts, 10, address=f"203.0.113.{n}") == {"counted": 10}
    assert (await count(attempts, 3, address=OTHER_ADDRESS))["login-account-hour"] >= 2
    with pytest.raises(QuotaExceeded) as refused:
        await attempts.begin("a@shop.example", OTHER_ADDRESS)
    assert 12 <= int(refused.value.headers()["Retry-After"]) <= 18
    # A refusal takes nothing from the address.
    assert await count(attempts, 10, "another@shop.example", OTHER_ADDRESS) == {"counted": 10}
    if attempts.limits.shared is not None:
        redis = Redis(port=request.getfixturevalue("valkey").port, db=1)
        key = attempts.account_key("a@shop.example", None)
        assert 3_500_000 < await redis.pttl(f"tradepost:points:{key}") <= 3_600_000
        await redis.aclose()


async def test_an_attempt_that_succeeds_does_not_count(attempts: CredentialAttempts) -> None:
    for _ in range(40):
        assert await count(attempts, 10, succeed=True) == {"counted": 10}
    assert await count(attempts, 10) == {"counted": 10}


async def test_without_an_account_an_attempt_counts_for_the_caller(attempts: CredentialAttempts) -> None:
    assert await count(attempts, 11, None, caller="a-caller") == {"counted": 10, "login-account": 1}
    assert await count(attempts, 10, None, OTHER_ADDRESS, caller="a-caller") == {"counted": 10}


async def test_attempts_at_tokens_count_per_address_and_apart_from_passwords(attempts: CredentialAttempts) -> None:
    for n in range(3):
        assert await count(attempts, 10, f"{n}@shop.example") == {"counted": 10}
    assert (await count(attempts, 35, None))["counted"] in (30, 31)
    assert (await count(attempts, 5, "fresh@shop.example"))["login-address"] >= 4
    assert await count(attempts, 30, None, OTHER_ADDRESS) == {"counted": 30}


async def test_unexecuted_attempts_are_charged_to_the_address_and_the_accounts(attempts: CredentialAttempts) -> None:
    await attempts.count_unexecuted({"a@shop.example": 50, "b@shop.example": 3}, ADDRESS)
    assert await count(attempts, 1, "fresh@shop.example") == {"login-address": 1}
    # 30 of the 50 count for the account from everywhere: more the address could not have made.
    for n in range(17):
        assert await count(attempts, 10, address=f"192.0.2.{n}") == {"counted": 10}
    assert await count(attempts, 1, address=OTHER_ADDRESS) == {"login-account-hour": 1}
    # Not charged: these come after the 30 attempts that the address could have made.
    assert await count(attempts, 10, "b@shop.example", OTHER_ADDRESS) == {"counted": 10}
    await attempts.count_unexecuted({"c@shop.example": 10}, ADDRESS)
    assert await count(attempts, 10, "c@shop.example", OTHER_ADDRESS) == {"counted": 10}
    await attempts.count_unexecuted({}, OTHER_ADDRESS)


async def test_unexecuted_attempts_leave_no_debt_on_an_account(attempts: CredentialAttempts) -> None:
    for n in range(20):
        await attempts.count_unexecuted({"a@shop.example": 50}, f"192.0.2.{n}")
    for n in range(2):  # 200 less 6 times 30
        assert await count(attempts, 10, address=f"198.51.100.{n}") == {"counted": 10}
    assert (await count(attempts, 3, address=ADDRESS))["login-account-hour"] >= 1


async def test_a_bucket_with_a_debt_is_kept_longer_than_two_minutes(
    attempts: CredentialAttempts, request: pytest.FixtureRequest
) -> None:
    await attempts.count_unexecuted({"a@shop.example": 50}, ADDRESS)
    account_key = attempts.account_key("a@shop.example", None)
    assert account_key is not None
    key = attempts.account_counter(account_key, client_key(ADDRESS)).key
    if attempts.limits.shared is None:
        moment = [time.monotonic() + 230]
        attempts.limits.local.clock = lambda: moment[0]
        for n in range(10):
            attempts.limits.local.take(f"other{n}", 10, 1)
        assert await count(attempts, 1) == {"login-account": 1}
        moment[0] += 16
        assert await count(attempts, 1) == {"counted": 1}
        return
    redis = Redis(port=request.getfixturevalue("valkey").port, db=1)
    assert 290_000 < await redis.pttl(f"tradepost:points:{key}") <= 300_000
    await redis.aclose()


async def test_keys_do_not_contain_the_account_and_depend_on_the_secret(
    attempts: CredentialAttempts, request: pytest.FixtureRequest
) -> None:
    await count(attempts, 1)
    await attempts.count_unexecuted({"b@shop.example": 2}, ADDRESS)
    keys = [*attempts.limits.local.entries, *attempts.limits.local_hourly.entries]
    if attempts.limits.shared is not None:
        redis = Redis(port=request.getfixturevalue("valkey").port, db=1)
        stored: Any = await redis.keys()
        keys = [key.decode() for key in stored if b"login" in key]
        await redis.aclose()
    assert len(keys) == 5
    assert not any("shop.example" in key for key in keys)
    other = CredentialAttempts(attempts.limits, b"another")
    assert attempts.account_key("a@shop.example", None) != other.account_key("a@shop.example", None)


async def test_without_redis_attempts_are_counted_per_process(patient_connection: None) -> None:
    shared = RedisBuckets("redis://127.0.0.1:1/0")
    attempts = CredentialAttempts(RateLimits({}, default_size=600, shared=shared), SECRET)
    assert await count(attempts, 12) == {"counted": 10, "login-account": 2}
    await attempts.count_unexecuted({"b@shop.example": 50}, OTHER_ADDRESS)
    assert await count(attempts, 1, "b@shop.example", OTHER_ADDRESS) == {"login-address": 1}


def try_in_process(port: int, results: Any) -> None:
    """Make as many attempts as possible for two seconds, in another process."""
    connection.SILENT_TICKS = 500

    async def run() -> int:
        attempts, admitted, end = await attempts_in_redis(port), 0, time.time() + 2
        while time.time() < end:
            admitted += (await count(attempts, 20))["counted"]
        return admitted

    results.put(asyncio.run(run()))


@pytest.mark.parametrize("attempts", ["redis"], indirect=True)
async def test_two_processes_together_admit_only_the_budget_and_its_refill(
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


def test_clients_are_told_apart_by_ipv4_address_or_ipv6_network() -> None:
    assert client_key("203.0.113.9") == client_key("::ffff:203.0.113.9") == "address:203.0.113.9"
    assert client_key("2001:db8::1") == client_key("2001:0DB8::ffff:1") == "address:2001:db8::/64"
    assert client_key("2001:db8:0:1::1") != client_key("2001:db8::1")
    assert client_key("unix") == "address:unix"


async def test_attempts_are_counted_only_if_credential_attempts_are_provided() -> None:
    """The CLI and the worker provide none. An operation that only reads is counted too."""

    async def method(self: Any) -> str:
        raise Unauthenticated("The word is wrong.")

    declare: Any = operation("word_try", "query", None, access=ANYONE, attempted_account=lambda input: None)  # type: ignore[arg-type]
    tried = declare(method)
    context = CallContext(ANONYMOUS, None)  # type: ignore[arg-type]
    for _ in range(100):
        with pytest.raises(Unauthenticated):
            await tried.__get__(Service(context), Service)()
    attempts = CredentialAttempts(
        RateLimits({}, default_size=600, local=MemoryBuckets(lambda: 0.0)), SECRET, per_address=2
    )
    dependencies = Dependencies()
    dependencies.provide(CredentialAttempts, attempts)
    context = CallContext(ANONYMOUS, None, meter=context.meter, dependencies=dependencies)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await tried.__get__(Service(context), Service)()
    with pytest.raises(QuotaExceeded, match="from this address"):
        await tried.__get__(Service(context), Service)()
    assert context.meter.credential_attempts == 103
