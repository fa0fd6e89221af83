"""Credential attempts in one document are counted one by one, even if the document is refused."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.login_throttle_app import EXECUTED_ATTEMPTS, ThrottleApp, running_app
from tests.parity.login_attempts import aliased, attempt, by_rest, client_at, outcome, post
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


async def test_four_aliased_attempts_run_and_count_as_four(throttle: ThrottleApp, visitor: httpx.AsyncClient) -> None:
    answer = await post(visitor, aliased(4, word="wrong"))
    assert answer.json()["data"] == {f"a{n}": None for n in range(4)}
    assert len(EXECUTED_ATTEMPTS) == 4
    assert (throttle.remaining_points(account="a@shop.example"), throttle.remaining_points()) == (6, 26)
    for _ in range(2):
        await post(visitor, aliased(4, word="wrong"))
    assert len(EXECUTED_ATTEMPTS) == 10
    assert throttle.remaining_points(account="a@shop.example") == 0


@pytest.mark.parametrize(
    ("times", "code"),
    [(5, "too_many_mutations"), (50, "too_many_mutations"), (51, "too_many_aliases"), (100, "too_many_aliases")],
)
async def test_too_many_aliased_attempts_run_nothing_and_all_count(
    throttle: ThrottleApp, visitor: httpx.AsyncClient, times: int, code: str
) -> None:
    for again in (1, 2):
        answer = await post(visitor, aliased(times))
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == code
        assert throttle.remaining_points() == 30 - times * again
        if again == 1 or times == 5:
            assert throttle.remaining_points(account="a@shop.example") == 10 - times * again
    assert EXECUTED_ATTEMPTS == []
    if times > 5:
        assert outcome(await by_rest(visitor, "b@shop.example"))[1]["violated-policies"] == ["login-address"]
        # Elsewhere the account has what 30 attempts of this address left of 200 an hour.
        assert throttle.remaining_points(account="a@shop.example", hour=True) == 170
        async with client_at(throttle, "198.51.100.1") as other:
            assert outcome(await by_rest(other, "a@shop.example", "right"))[0] == 200


async def test_a_negative_bucket_is_refilled_over_time_and_not_evicted_before(
    throttle: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    await post(visitor, aliased(50))
    throttle.now += 239
    async with client_at(throttle, "198.51.100.1") as other:
        for n in range(20):  # other buckets are added and evicted meanwhile
            await by_rest(other, f"account{n}@shop.example")
    assert outcome(await by_rest(visitor, "a@shop.example"))[1]["violated-policies"] == ["login-account"]
    throttle.now += 8
    assert outcome(await by_rest(visitor, "a@shop.example"))[0] == 401


async def test_an_address_with_a_negative_bucket_takes_nothing_from_accounts(
    throttle: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    await post(visitor, aliased(50))
    await post(visitor, aliased(50, "victim@shop.example"))
    assert throttle.remaining_points() == -70
    assert throttle.remaining_points(account="victim@shop.example", hour=True) == 200
    many = [attempt(f"a{n}", f"v{n}@shop.example") for n in range(50)]
    async with client_at(throttle, "198.51.100.1") as other:
        await post(other, "mutation { " + " ".join(many) + " }")
    assert throttle.remaining_points(address="198.51.100.1") == -20
    accounts = [f"v{n}@shop.example" for n in range(50)]
    assert sum([200 - throttle.remaining_points(account=account, hour=True) for account in accounts]) == 30


@pytest.mark.parametrize(
    ("text", "variables", "counted"),
    [
        ("mutation { ...F ...F } fragment F on Mutation { ATTEMPTS }", {}, 5),
        ("mutation { ... on Mutation { ATTEMPTS } ... { ONE { token } } }", {}, 6),
        ("mutation { ATTEMPTS ONE @skip(if: true) { token } }", {}, 5),
        ("mutation($on: Boolean!) { ATTEMPTS ONE @include(if: $on) { token } }", {"on": False}, 5),
        ("mutation($on: Boolean!) { ATTEMPTS ONE @include(if: $on) { token } }", {"on": True}, 6),
        ("mutation($on: Boolean = false) { ATTEMPTS ONE @include(if: $on) { token } }", {}, 5),
        (
            'mutation($e: String!) { ATTEMPTS z: enter(input: {email: $e, password: "p"}) { token } }',
            {"e": "A@SHOP.example"},
            6,
        ),
        (
            "mutation($i: EntryInput!) { ATTEMPTS z: enter(input: $i) { token } }",
            {"i": {"email": "a@shop.example", "password": "p"}},
            6,
        ),
        (
            'mutation($e: String = "a@shop.example")'
            ' { ATTEMPTS z: enter(input: {email: $e, password: "p"}) { token } }',
            {},
            6,
        ),
        ('mutation { ATTEMPTS y: __typename z: productDelete(id: "x") { id } }', {}, 5),
        ("mutation M { ATTEMPTS } query Q { __typename }", {"": "M"}, 5),
        ("mutation M { ATTEMPTS } query Q { __typename }", {"": "Q"}, 0),
        ("mutation M { ATTEMPTS } query Q { __typename }", {}, 0),
        ("query { __typename } fragment F on Mutation { ATTEMPTS }", {}, 0),
        ("mutation { ATTEMPTS nothing }", {}, 0),
    ],
)
async def test_only_attempts_that_would_have_run_count(
    throttle: ThrottleApp, visitor: httpx.AsyncClient, text: str, variables: dict[str, Any], counted: int
) -> None:
    """Five attempts are too many, so none runs. The variable "" is the operation's name."""
    operation, others = variables.get(""), {name: value for name, value in variables.items() if name}
    five, one = [attempt(f"a{n}") for n in range(5)], attempt("z", word="p").removesuffix(" { token }")
    text = text.replace("ATTEMPTS", " ".join(five)).replace("ONE", one)
    await post(visitor, text, variables=others, operationName=operation)
    assert EXECUTED_ATTEMPTS == []
    assert (10 - throttle.remaining_points(account="a@shop.example"), 30 - throttle.remaining_points()) == (
        counted,
        counted,
    )


async def test_an_invalid_attempt_counts_for_the_address_only(
    throttle: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    invalid = [
        "enter",
        "enter(input: 5) { token }",
        "enter(input: {email: 7}) { token }",
        "enter(input: $missing) { token }",
        'enter(input: {email: ["a"]}) { token }',
    ]
    text = "mutation { " + " ".join([f"a{n}: {invalid[n % 5]}" for n in range(55)]) + " }"
    assert (await post(visitor, text)).json()["errors"][0]["extensions"]["code"] == "too_many_aliases"
    assert throttle.remaining_points() == 30 - 55


async def test_attempts_in_a_document_over_20_kb_do_not_count(
    throttle: ThrottleApp, visitor: httpx.AsyncClient
) -> None:
    answer = await post(visitor, aliased(50, "a" * 400 + "@shop.example"))
    assert answer.json()["errors"][0]["extensions"]["code"] == "document_too_large"
    assert throttle.remaining_points() == 30
