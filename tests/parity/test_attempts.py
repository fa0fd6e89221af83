"""Attempts at credentials count through any door and alias, as they are written, and pay in full."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.conftest import HERE
from tests.login_throttle_app import EXECUTED_ATTEMPTS, ThrottleApp, running_app
from tests.rate_limit_headers import request_cost
from tradepost.settings import Settings

ENTER = "mutation($email: String!, $password: String!) { enter(input: {email: $email, password: $password}) { token } }"
AT = "203.0.113.9"

type Said = tuple[int, dict[str, Any]]


@pytest.fixture
async def gate(settings: Settings) -> AsyncIterator[ThrottleApp]:
    async with running_app(settings) as made:
        yield made


@pytest.fixture
async def visitor(gate: ThrottleApp) -> AsyncIterator[httpx.AsyncClient]:
    async with at(gate) as client:
        yield client


@asynccontextmanager
async def at(gate: ThrottleApp, address: str = AT, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address."""
    transport = httpx.ASGITransport(app=gate.pipeline, client=(address, 4711))
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=given) as client:
        yield client


async def by_rest(client: httpx.AsyncClient, email: str, word: str = "wrong", **headers: str) -> httpx.Response:
    return await client.post("/v1/throttled-login/enter", json={"email": email, "password": word}, headers=headers)


async def by_graphql(client: httpx.AsyncClient, email: str, word: str = "wrong", **headers: str) -> httpx.Response:
    return await client.post(
        "/graphql", json={"query": ENTER, "variables": {"email": email, "password": word}}, headers=headers
    )


def said(answer: httpx.Response) -> Said:
    """Status and problem of an answer of either door."""
    body = answer.json()
    if "errors" in body and "code" not in body:
        problem = body["errors"][0]["extensions"]
        return problem["status"], problem
    return answer.status_code, body


def aliased(times: int, email: str = "a@shop.example", word: str = "right") -> str:
    """A document that tries one account so many times."""
    return (
        "mutation { "
        + " ".join([f'a{n}: enter(input: {{email: "{email}", password: "{word}"}}) {{ token }}' for n in range(times)])
        + " }"
    )


async def post(client: httpx.AsyncClient, text: str, **more: Any) -> httpx.Response:
    return await client.post("/graphql", json={"query": text} | more)


async def test_ten_attempts_on_one_account_are_compared_and_the_eleventh_is_not_whichever_door_they_come_by(
    gate: ThrottleApp,
) -> None:
    for n in range(10):
        async with at(gate, f"203.0.113.{n // 4}") as client:
            status, _ = said(
                await (by_rest, by_graphql)[n % 2](client, "A@shop.example" if n % 3 else "a@shop.example")
            )
            assert status == 401
    async with at(gate, "198.51.100.1") as client:
        for door in (by_rest, by_graphql):
            answer = await door(client, "a@shop.example", "right")
            status, problem = said(answer)
            assert status == 429
            assert problem["code"] == "quota_exceeded"
            assert problem["violated-policies"] == ["login-account"]
            assert problem["retry_after"] == 6
            if door is by_rest:
                assert answer.headers["retry-after"] == "6"
            assert answer.headers["ratelimit-policy"] == '"points";q=100000;w=60;tradepost-unit="points"'
        assert said(await by_rest(client, "another@shop.example", "right"))[0] == 200
    assert len(EXECUTED_ATTEMPTS) == 11
    assert gate.remaining_points(address="198.51.100.1") == 29  # what the account refused costs its neighbours nothing
    gate.now += 6
    async with at(gate, "198.51.100.1") as client:
        assert said(await by_graphql(client, "a@shop.example", "right"))[0] == 200
        assert said(await by_rest(client, "a@shop.example", "right"))[0] == 429


async def test_thirty_attempts_from_one_address_are_compared_over_however_many_accounts(
    gate: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    for n in range(30):
        assert said(await (by_rest, by_graphql)[n % 2](visitor, f"account{n}@shop.example"))[0] == 401
    for door in (by_rest, by_graphql):
        status, problem = said(await door(visitor, "fresh@shop.example"))
        assert (status, problem["violated-policies"]) == (429, ["login-address"])
    assert gate.remaining_points(account="fresh@shop.example") == 10
    assert len(EXECUTED_ATTEMPTS) == 30
    async with at(gate, "203.0.113.10") as neighbour:
        assert said(await by_rest(neighbour, "fresh@shop.example"))[0] == 401


async def test_an_ipv6_network_is_one_address_and_another_is_another(gate: ThrottleApp) -> None:
    for n in range(30):
        async with at(gate, f"2001:db8::{n:x}") as client:
            assert said(await by_rest(client, f"account{n}@shop.example"))[0] == 401
    async with at(gate, "2001:db8::ffff") as client:
        assert said(await by_rest(client, "fresh@shop.example"))[0] == 429
    async with at(gate, "2001:db8:0:1::1") as client:
        assert said(await by_rest(client, "fresh@shop.example"))[0] == 401


async def test_only_a_trusted_proxy_names_the_address_that_tries(settings: Settings) -> None:
    async with running_app(settings, trusted_proxies=("10.0.0.0/8",)) as gate:
        for sender, counted in (("10.0.0.1", "198.51.100.1"), ("203.0.113.7", "203.0.113.7")):
            async with at(gate, sender, x_forwarded_for="198.51.100.1") as client:
                await by_rest(client, "a@shop.example")
            assert gate.remaining_points(address=counted) == 29
        assert gate.remaining_points(address="10.0.0.1") == 30


async def test_four_aliased_attempts_run_and_count_as_four(gate: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    answer = await post(visitor, aliased(4))
    assert answer.json()["data"] == {f"a{n}": {"token": "t"} for n in range(4)}
    assert len(EXECUTED_ATTEMPTS) == 4
    assert (gate.remaining_points(account="a@shop.example"), gate.remaining_points()) == (6, 26)
    for _ in range(2):
        await post(visitor, aliased(4))
    assert len(EXECUTED_ATTEMPTS) == 10
    assert gate.remaining_points(account="a@shop.example") == 0


@pytest.mark.parametrize(
    ("times", "code"),
    [(5, "too_many_mutations"), (50, "too_many_mutations"), (51, "too_many_aliases"), (100, "too_many_aliases")],
)
async def test_more_run_nothing_and_count_as_they_are_written(
    gate: ThrottleApp, visitor: httpx.AsyncClient, times: int, code: str
) -> None:
    for again in (1, 2):
        answer = await post(visitor, aliased(times))
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == code
        assert gate.remaining_points() == 30 - times * again
        if again == 1 or times == 5:
            assert gate.remaining_points(account="a@shop.example") == 10 - times * again
    assert EXECUTED_ATTEMPTS == []
    if times > 5:
        assert said(await by_rest(visitor, "b@shop.example"))[1]["violated-policies"] == ["login-address"]
        async with at(gate, "198.51.100.1") as elsewhere:
            assert said(await by_rest(elsewhere, "a@shop.example"))[1]["violated-policies"] == ["login-account"]


async def test_a_debt_is_paid_by_the_minute_and_not_forgotten_before(
    gate: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    await post(visitor, aliased(50))
    gate.now += 239
    async with at(gate, "198.51.100.1") as elsewhere:
        for n in range(20):  # other buckets come and go meanwhile
            await by_rest(elsewhere, f"account{n}@shop.example")
        assert said(await by_rest(elsewhere, "a@shop.example"))[0] == 429
        gate.now += 8
        assert said(await by_rest(elsewhere, "a@shop.example"))[0] == 401


async def test_an_address_in_debt_locks_no_more_accounts(gate: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    await post(visitor, aliased(50))
    await post(visitor, aliased(50, "victim@shop.example"))
    assert gate.remaining_points() == -70
    assert gate.remaining_points(account="victim@shop.example") == 10
    many = [f'a{n}: enter(input: {{email: "v{n}@shop.example", password: "p"}}) {{ token }}' for n in range(50)]
    async with at(gate, "198.51.100.1") as elsewhere:
        await post(elsewhere, "mutation { " + " ".join(many) + " }")
    assert gate.remaining_points(address="198.51.100.1") == -20
    assert sum([10 - gate.remaining_points(account=f"v{n}@shop.example") for n in range(50)]) == 30


@pytest.mark.parametrize(
    ("text", "variables", "counted"),
    [
        ("mutation { ...F ...F } fragment F on Mutation { %s }", {}, 5),
        ("mutation { ... on Mutation { %s } ... { z: enter(input: {email: \"a@shop.example\", password: \"p\"}) { token } } }", {}, 6),
        ("mutation { %s z: enter(input: {email: \"a@shop.example\", password: \"p\"}) @skip(if: true) { token } }", {}, 5),
        ("mutation($on: Boolean!) { %s z: enter(input: {email: \"a@shop.example\", password: \"p\"}) @include(if: $on) { token } }", {"on": False}, 5),
        ("mutation($on: Boolean!) { %s z: enter(input: {email: \"a@shop.example\", password: \"p\"}) @include(if: $on) { token } }", {"on": True}, 6),
        ("mutation($on: Boolean = false) { %s z: enter(input: {email: \"a@shop.example\", password: \"p\"}) @include(if: $on) { token } }", {}, 5),
        ("mutation($e: String!) { %s z: enter(input: {email: $e, password: \"p\"}) { token } }", {"e": "A@SHOP.example"}, 6),
        ("mutation($i: EntryInput!) { %s z: enter(input: $i) { token } }", {"i": {"email": "a@shop.example", "password": "p"}}, 6),
        ("mutation($e: String = \"a@shop.example\") { %s z: enter(input: {email: $e, password: \"p\"}) { token } }", {}, 6),
        ("mutation { %s y: __typename z: productDelete(id: \"x\") { id } }", {}, 5),
        ("mutation M { %s } query Q { __typename }", {"": "M"}, 5),
        ("mutation M { %s } query Q { __typename }", {"": "Q"}, 0),
        ("mutation M { %s } query Q { __typename }", {}, 0),
        ("query { __typename } fragment F on Mutation { %s }", {}, 0),
        ("mutation { %s nothing }", {}, 0),
    ],
)  # fmt: skip
async def test_what_would_have_run_is_what_counts(
    gate: ThrottleApp, visitor: httpx.AsyncClient, text: str, variables: dict[str, Any], counted: int
) -> None:
    given = dict(variables)
    name = given.pop("", None)
    text = text % aliased(5)[len("mutation { ") : -2]
    await post(visitor, text, variables=given, operationName=name)
    assert EXECUTED_ATTEMPTS == []
    assert (10 - gate.remaining_points(account="a@shop.example"), 30 - gate.remaining_points()) == (counted, counted)


async def test_what_cannot_be_read_counts_for_the_address_alone(gate: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    odd = [
        "enter",
        "enter(input: 5) { token }",
        "enter(input: {email: 7}) { token }",
        "enter(input: $missing) { token }",
        'enter(input: {email: ["a"]}) { token }',
    ]
    text = "mutation { " + " ".join([f"a{n}: {odd[n % 5]}" for n in range(55)]) + " }"
    assert (await post(visitor, text)).json()["errors"][0]["extensions"]["code"] == "too_many_aliases"
    assert gate.remaining_points() == 30 - 55


async def test_a_document_over_20_kb_is_not_read(gate: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    answer = await post(visitor, aliased(50, "a" * 400 + "@shop.example"))
    assert answer.json()["errors"][0]["extensions"]["code"] == "document_too_large"
    assert gate.remaining_points() == 30


async def test_one_of_two_requests_with_one_key_is_compared_and_both_count(
    gate: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    for n in range(12):
        answer = await (by_rest, by_graphql)[n % 2](
            visitor, "a@shop.example", "right", **{"idempotency-key": "a-key-of-the-tests"}
        )
        status, _ = said(answer)
        assert status == (200 if n < 10 else 429)
        assert request_cost(answer) >= 20
    assert len(EXECUTED_ATTEMPTS) == 1


@pytest.mark.parametrize("word", ["right", "wrong", "race"])
async def test_an_attempt_pays_its_whole_price_at_both_doors_whatever_comes_of_it(
    gate: ThrottleApp, visitor: httpx.AsyncClient, word: str
) -> None:
    for door in (by_rest, by_graphql):
        await door(visitor, "a@shop.example", word)  # its text and plan are known now
    answers = [await door(visitor, "a@shop.example", word) for door in (by_rest, by_graphql)]
    assert [request_cost(a) for a in answers] == [20, 20]
    cost = answers[1].json()["extensions"]["cost"]
    assert (cost["requested"], cost["charged"]) == (20, 20)
    for _ in range(6):
        await by_rest(visitor, "a@shop.example", word)
    refused = [await door(visitor, "a@shop.example", word) for door in (by_rest, by_graphql)]
    assert [(said(a)[0], request_cost(a)) for a in refused] == [(429, 20), (429, 20)]


async def test_an_input_that_is_not_valid_is_no_attempt(gate: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    for door in (by_rest, by_graphql):
        await door(visitor, "a@shop.example", "right")
    here = await visitor.post("/v1/throttled-login/enter", json={"email": "a@shop.example"})
    there = await by_graphql(visitor, "a@shop.example", "\u0007")
    assert [(said(a)[0], request_cost(a)) for a in (here, there)] == [(422, 1), (422, 1)]
    assert gate.remaining_points() == 28


async def test_in_one_document_only_the_fields_that_tried_pay_in_full(
    gate: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    field = 'a{}: enter(input: {{email: "a@shop.example", password: "{}"}}) {{ token }}'
    text = "mutation { " + field.format(0, "wrong") + field.format(1, "\\u0007") + " }"
    await post(visitor, text)
    assert request_cost(await post(visitor, text)) == 21


async def test_who_names_no_account_tries_its_own_or_counts_by_address_alone(
    gate: ThrottleApp, visitor: httpx.AsyncClient, staff_key: str
) -> None:
    async def prove(client: httpx.AsyncClient, n: int) -> int:
        if n % 2:
            return said(await client.post("/v1/throttled-login/prove", json={"password": "p"}))[0]
        return said(await post(client, 'mutation { prove(input: {password: "p"}) { token } }'))[0]

    assert [await prove(visitor, n) for n in range(31)] == [200] * 30 + [429]
    statuses: list[int] = []
    for n in range(11):
        async with at(gate, f"198.51.100.{n}", x_api_key=staff_key) as member:
            statuses.append(await prove(member, n))
    assert statuses == [200] * 10 + [429]


async def test_a_hundred_attempts_at_once_half_through_each_door_are_ten(gate: ThrottleApp) -> None:
    async with at(gate) as one, at(gate, "198.51.100.1") as two:
        calls = [(by_rest, by_graphql)[n % 2]((one, two)[n // 2 % 2], "a@shop.example") for n in range(40)]
        statuses = [said(a)[0] for a in await asyncio.gather(*calls)]
    assert sorted(set(statuses)) == [401, 429]
    assert statuses.count(401) == len(EXECUTED_ATTEMPTS) == 10


async def test_nobody_learns_from_a_refusal_whether_there_is_an_account(gate: ThrottleApp) -> None:
    shown: list[str] = []
    for account in ("known@shop.example", "nobody@shop.example"):
        async with at(gate, f"198.51.100.{len(shown)}") as client:
            for _ in range(10):
                await by_rest(client, account)
            _, problem = said(await by_rest(client, account))
            shown.append(json.dumps({k: v for k, v in problem.items() if k != "request_id"}))
    assert shown[0] == shown[1]
    assert not any("known@" in key or "nobody@" in key for key in gate.limits.local.entries)
