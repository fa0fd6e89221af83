"""Failed credential attempts are counted at either door, and each is charged in full."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.login_throttle_app import EXECUTED_ATTEMPTS, ThrottleApp, running_app
from tests.parity.login_attempts import by_graphql, by_rest, client_at, outcome, post
from tests.rate_limit_headers import request_cost
from tradepost.settings import Settings


@pytest.fixture
async def throttle(settings: Settings) -> AsyncIterator[ThrottleApp]:
    """An app whose login is throttled by default budgets."""
    async with running_app(settings) as app:
        yield app


@pytest.fixture
async def visitor(throttle: ThrottleApp) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a credential."""
    async with client_at(throttle) as client:
        yield client


async def test_the_eleventh_failure_on_one_account_is_refused_at_either_door_but_not_elsewhere(
    throttle: ThrottleApp,
) -> None:
    async with client_at(throttle, "198.51.100.1") as client:
        for n in range(10):
            status, _ = outcome(
                await (by_rest, by_graphql)[n % 2](client, "A@shop.example" if n % 3 else "a@shop.example")
            )
            assert status == 401
        for door in (by_rest, by_graphql):
            answer = await door(client, "a@shop.example", "right")
            status, problem = outcome(answer)
            assert status == 429
            assert problem["code"] == "quota_exceeded"
            assert problem["violated-policies"] == ["login-account"]
            assert problem["retry_after"] == 6
            if door is by_rest:
                assert answer.headers["retry-after"] == "6"
            assert answer.headers["ratelimit-policy"] == '"points";q=100000;w=60;tradepost-unit="points"'
        assert outcome(await by_rest(client, "another@shop.example", "right"))[0] == 200
    assert len(EXECUTED_ATTEMPTS) == 11
    # A refusal by the account takes nothing from the address.
    assert throttle.remaining_points(address="198.51.100.1") == 20
    # The owner is somewhere else.
    async with client_at(throttle, "203.0.113.1") as client:
        for door in (by_rest, by_graphql):
            assert outcome(await door(client, "a@shop.example", "right"))[0] == 200
    throttle.now += 6
    async with client_at(throttle, "198.51.100.1") as client:
        assert outcome(await by_graphql(client, "a@shop.example"))[0] == 401
        assert outcome(await by_rest(client, "a@shop.example", "right"))[0] == 429


async def test_the_201st_failure_on_one_account_in_an_hour_is_refused_everywhere(throttle: ThrottleApp) -> None:
    for n in range(20):
        async with client_at(throttle, f"203.0.113.{n}") as client:
            for m in range(10):
                assert outcome(await (by_rest, by_graphql)[m % 2](client, "a@shop.example"))[0] == 401
    async with client_at(throttle, "198.51.100.1") as client:
        for door in (by_rest, by_graphql):
            status, problem = outcome(await door(client, "a@shop.example", "right"))
            assert (status, problem["violated-policies"], problem["retry_after"]) == (429, ["login-account-hour"], 18)
        throttle.now += 18
        assert outcome(await by_rest(client, "a@shop.example", "right"))[0] == 200


async def test_attempts_that_succeed_do_not_count(throttle: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    for n in range(40):
        assert outcome(await (by_rest, by_graphql)[n % 2](visitor, "a@shop.example", "right"))[0] == 200
    assert throttle.remaining_points() == 30
    assert throttle.remaining_points(account="a@shop.example") == 10
    assert throttle.remaining_points(account="a@shop.example", hour=True) == 200


async def test_the_31st_attempt_from_one_address_is_refused_for_any_account(
    throttle: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    for n in range(30):
        assert outcome(await (by_rest, by_graphql)[n % 2](visitor, f"account{n}@shop.example"))[0] == 401
    for door in (by_rest, by_graphql):
        status, problem = outcome(await door(visitor, "fresh@shop.example"))
        assert (status, problem["violated-policies"]) == (429, ["login-address"])
    assert throttle.remaining_points(account="fresh@shop.example") == 10
    assert len(EXECUTED_ATTEMPTS) == 30
    async with client_at(throttle, "203.0.113.10") as neighbour:
        assert outcome(await by_rest(neighbour, "fresh@shop.example"))[0] == 401


async def test_an_ipv6_network_counts_as_one_address(throttle: ThrottleApp) -> None:
    for n in range(30):
        async with client_at(throttle, f"2001:db8::{n:x}") as client:
            assert outcome(await by_rest(client, f"account{n}@shop.example"))[0] == 401
    async with client_at(throttle, "2001:db8::ffff") as client:
        assert outcome(await by_rest(client, "fresh@shop.example"))[0] == 429
    async with client_at(throttle, "2001:db8:0:1::1") as client:
        assert outcome(await by_rest(client, "fresh@shop.example"))[0] == 401


async def test_only_a_trusted_proxy_can_name_the_address(settings: Settings) -> None:
    async with running_app(settings, trusted_proxies=("10.0.0.0/8",)) as throttle:
        for sender, counted in (("10.0.0.1", "198.51.100.1"), ("203.0.113.7", "203.0.113.7")):
            async with client_at(throttle, sender, x_forwarded_for="198.51.100.1") as client:
                await by_rest(client, "a@shop.example")
            assert throttle.remaining_points(address=counted) == 29
        assert throttle.remaining_points(address="10.0.0.1") == 30


async def test_repeats_with_one_idempotency_key_run_once_and_are_charged_in_full(
    throttle: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    for n in range(12):
        answer = await (by_rest, by_graphql)[n % 2](
            visitor, "a@shop.example", "right", **{"idempotency-key": "a-key-of-the-tests"}
        )
        assert outcome(answer)[0] == 200
        assert request_cost(answer) >= 20
    assert len(EXECUTED_ATTEMPTS) == 1


@pytest.mark.parametrize("word", ["right", "wrong", "race"])
async def test_an_attempt_is_charged_in_full_at_both_doors_whether_it_succeeds_or_not(
    throttle: ThrottleApp, visitor: httpx.AsyncClient, word: str
) -> None:
    for door in (by_rest, by_graphql):
        await door(visitor, "a@shop.example", word)  # compiled by now
    answers = [await door(visitor, "a@shop.example", word) for door in (by_rest, by_graphql)]
    assert [request_cost(a) for a in answers] == [20, 20]
    cost = answers[1].json()["extensions"]["cost"]
    assert (cost["requested"], cost["charged"]) == (20, 20)
    for _ in range(10):
        await by_rest(visitor, "a@shop.example", "wrong")
    refused = [await door(visitor, "a@shop.example", word) for door in (by_rest, by_graphql)]
    assert [(outcome(a)[0], request_cost(a)) for a in refused] == [(429, 20), (429, 20)]


async def test_an_invalid_input_is_not_an_attempt(throttle: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    for door in (by_rest, by_graphql):
        await door(visitor, "a@shop.example")
    rest = await visitor.post("/v1/throttled-login/enter", json={"email": "a@shop.example"})
    graphql = await by_graphql(visitor, "a@shop.example", "\u0007")
    assert [(outcome(a)[0], request_cost(a)) for a in (rest, graphql)] == [(422, 1), (422, 1)]
    assert throttle.remaining_points() == 28


async def test_in_one_document_only_attempts_are_charged_in_full(
    throttle: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    field = 'a{}: enter(input: {{email: "a@shop.example", password: "{}"}}) {{ token }}'
    text = "mutation { " + field.format(0, "wrong") + field.format(1, "\\u0007") + " }"
    await post(visitor, text)
    assert request_cost(await post(visitor, text)) == 21


async def test_an_attempt_without_an_account_counts_for_the_caller_or_the_address(
    throttle: ThrottleApp, visitor: httpx.AsyncClient, staff_key: str
) -> None:
    async def prove(client: httpx.AsyncClient, n: int) -> int:
        if n % 2:
            return outcome(await client.post("/v1/throttled-login/prove", json={"password": "p"}))[0]
        return outcome(await post(client, 'mutation { prove(input: {password: "p"}) { token } }'))[0]

    assert [await prove(visitor, n) for n in range(31)] == [401] * 30 + [429]
    async with client_at(throttle, "198.51.100.1", x_api_key=staff_key) as member:
        assert [await prove(member, n) for n in range(11)] == [401] * 10 + [429]
    async with client_at(throttle, "198.51.100.2", x_api_key=staff_key) as member:
        assert await prove(member, 0) == 401


async def test_of_40_concurrent_attempts_from_each_of_two_addresses_ten_each_run(throttle: ThrottleApp) -> None:
    async with client_at(throttle) as one, client_at(throttle, "198.51.100.1") as two:
        calls = [(by_rest, by_graphql)[n % 2]((one, two)[n // 2 % 2], "a@shop.example") for n in range(80)]
        statuses = [outcome(a)[0] for a in await asyncio.gather(*calls)]
    assert sorted(set(statuses)) == [401, 429]
    assert statuses.count(401) == len(EXECUTED_ATTEMPTS) == 20


async def test_a_refusal_does_not_reveal_whether_the_account_exists(throttle: ThrottleApp) -> None:
    shown: list[str] = []
    for account in ("known@shop.example", "unknown@shop.example"):
        async with client_at(throttle, f"198.51.100.{len(shown)}") as client:
            for _ in range(10):
                await by_rest(client, account)
            _, problem = outcome(await by_rest(client, account))
            shown.append(json.dumps({k: v for k, v in problem.items() if k != "request_id"}))
    assert shown[0] == shown[1]
    assert not any("known@" in key for key in throttle.limits.local.entries)
