"""Problems that are transient have `Retry-After`, at both doors, in the header and in the body."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.factories import make_product, unique
from tests.reliability.client import CREATE, DualDoorClient, problem_in, update_record
from tests.reliability.test_leases import after_claim
from tradepost.kit.clock import now
from tradepost.kit.operations.idempotency.records import LEASE
from tradepost.kit.problems import IdempotencyInProgress, Problem, QuotaExceeded, Unavailable

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

TWO_FIELDS = (
    "mutation ($a: String!, $b: String!, $input: ProductCreateInput!) { "
    "a: productCreate(input: $input) @idempotent(key: $a) { id } "
    "b: productCreate(input: $input) @idempotent(key: $b) { id } }"
)


async def test_a_key_in_progress_has_retry_after(
    caller: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []

    async def steal(key: str) -> None:
        keys.append(key)
        await update_record(app, key, lease_owner="another", lease_until=now() + LEASE)

    after_claim(monkeypatch, steal)
    for door in ("rest", "graphql"):
        answer = await caller.create(door, unique("key"), {"name": unique("late")})
        problem = problem_in(answer)
        assert problem is not None
        assert (problem["code"], problem["retry_after"], answer.headers["retry-after"]) == (
            "idempotency_in_progress",
            1,
            "1",
        )
    without_directive = CREATE.replace("@idempotent(key: $key)", "").replace("$key: String!, ", "")
    with_header = await caller.graphql(without_directive, unique("key"), input={"name": unique("late")})
    assert with_header.headers["retry-after"] == "1"
    several = await caller.graphql(TWO_FIELDS, a=unique("key"), b=unique("key"), input={"name": unique("late")})
    assert [e["extensions"]["retry_after"] for e in several.json()["errors"]] == [1, 1]
    assert "retry-after" not in several.headers
    for key in keys:
        await update_record(app, key, lease_until=now() - LEASE)


@pytest.mark.parametrize("problem", [Unavailable("The provider did not respond.", retry_after=7), QuotaExceeded(7, 10)])
async def test_a_transient_problem_of_a_field_has_retry_after(
    problem: Problem,
    caller: DualDoorClient,
    client: httpx.AsyncClient,
    staff: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tradepost.areas.catalog.service.products import Products

    id = (await make_product(staff))["id"]

    async def refuse(*_: Any) -> Any:
        raise problem

    monkeypatch.setattr(Products.get, "method", refuse)
    text = f'{{ product(id: "{id}") {{ name }} }}'
    rest = await client.get(f"/v1/products/{id}")
    posted, got = await caller.graphql(text), await client.get("/graphql", params={"query": text})
    graphql_status = 503 if problem.status == 503 else 200
    assert (rest.status_code, posted.status_code, got.status_code) == (problem.status, graphql_status, graphql_status)
    for answer in (rest, posted, got):
        members = problem_in(answer)
        assert members is not None
        assert (members["code"], members["retry_after"], answer.headers["retry-after"]) == (problem.code, 7, "7")
        assert answer.headers["cache-control"] == "no-store"


async def test_other_problems_have_no_retry_after(client: httpx.AsyncClient, caller: DualDoorClient) -> None:
    answers = [
        await client.get("/v1/products/none"),
        await caller.graphql('mutation { productDelete(id: "none") { id } }'),
    ]
    for answer in answers:
        assert "retry-after" not in answer.headers
        assert "retry_after" not in (problem_in(answer) or {"retry_after": 0})


@pytest.mark.parametrize("problem", [IdempotencyInProgress(), Unavailable(retry_after=1), QuotaExceeded(12, 600)])
def test_the_example_of_a_transient_problem_has_its_retry_after(problem: Problem) -> None:
    assert problem.to_dict()["retry_after"] == type(problem).example["retry_after"]
