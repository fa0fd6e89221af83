"""CVE-2026-35441 at the real login: aliases are no way to try a password more often than the attempts that are counted."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.factories import unique
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

RIGHT = "seven grey herons asleep"


@pytest.fixture
async def visitor(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor of a shop that counts attempts as it does by default, on buckets of its own whose clock stands still."""
    shop: TradepostApp = create_app(
        msgspec.structs.replace(settings, budget_login_account=10, budget_login_address=200, redis_url=None)
    )
    shop.state.limits.local.clock = lambda: 0.0
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield client


@pytest.fixture
async def email(visitor: httpx.AsyncClient) -> str:
    """The address of an account; making it was the first attempt on it."""
    address = f"{unique('kim')}@shop.example"
    made = await visitor.post("/v1/auth/register", json={"email": address, "password": RIGHT})
    assert made.status_code == 202
    return address


def aliased(times: int, email: str, word: str = "not the password") -> str:
    """A document that tries to log in so many times."""
    return (
        "mutation { "
        + " ".join(
            [f'a{n}: login(input: {{email: "{email}", password: "{word}"}}) {{ accessToken }}' for n in range(times)]
        )
        + " }"
    )


async def tried(visitor: httpx.AsyncClient, email: str) -> int:
    """The status of one more login with the right password, by REST."""
    return (await visitor.post("/v1/auth/login", json={"email": email, "password": RIGHT})).status_code


async def test_cve_2026_35441_fifty_aliased_logins_run_nothing_and_count_as_fifty(
    visitor: httpx.AsyncClient, email: str
) -> None:
    answer = await visitor.post("/graphql", json={"query": aliased(50, email, RIGHT)})
    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert answer.json()["errors"][0]["extensions"]["code"] == "too_many_mutations"
    # 1 + 50 of 10 on the account: neither door lets anybody try it again, with the right password either.
    assert await tried(visitor, email) == 429
    [error] = (await visitor.post("/graphql", json={"query": aliased(1, email, RIGHT)})).json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["violated-policies"]) == (
        "quota_exceeded",
        ["login-account"],
    )
    # 1 + 50 + 2 refused of 200 from the address: other accounts can be tried.
    assert (await visitor.post("/v1/auth/login", json={"email": "no@shop.example", "password": "x"})).status_code == 401


async def test_cve_2026_35441_four_aliased_logins_run_and_count_as_four(visitor: httpx.AsyncClient, email: str) -> None:
    for _ in range(2):
        answer = await visitor.post("/graphql", json={"query": aliased(4, email)})
        assert [e["extensions"]["code"] for e in answer.json()["errors"]] == ["invalid_credentials"] * 4
        assert int(answer.headers["x-request-cost"]) >= 4 * 20
    # 1 + 4 + 4 of 10: one is left.
    assert await tried(visitor, email) == 200
    assert await tried(visitor, email) == 429
