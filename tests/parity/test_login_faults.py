"""CVE-2026-35441 at the real login: an alias cannot try a password without being counted."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.factories import unique
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

# The limits of these apps are in memory with either database, and are checked before it is read.
# The limits in Redis are tested in tests/kit and in test_attempts.py.
pytestmark = pytest.mark.once

RIGHT = "seven grey herons asleep"


@pytest.fixture
async def visitor(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app with the default limits for logins, in buckets that are never refilled."""
    app: TradepostApp = create_app(
        msgspec.structs.replace(settings, budget_login_account=10, budget_login_address=200, redis_url=None)
    )
    app.state.limits.local.clock = lambda: 0.0
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as client:
        yield client


@pytest.fixture
async def email(visitor: httpx.AsyncClient) -> str:
    """The e-mail address of an account."""
    address = f"{unique('kim')}@shop.example"
    answer = await visitor.post("/v1/auth/register", json={"email": address, "password": RIGHT})
    assert answer.status_code == 202
    return address


def aliased(times: int, email: str, word: str = "not the password") -> str:
    """Return a document that attempts several logins."""
    login = f'login(input: {{email: "{email}", password: "{word}"}}) {{ accessToken }}'
    return f"mutation {{ {' '.join([f'a{n}: {login}' for n in range(times)])} }}"


async def log_in(visitor: httpx.AsyncClient, email: str) -> int:
    """Return the status of a login with the right password, by REST."""
    return (await visitor.post("/v1/auth/login", json={"email": email, "password": RIGHT})).status_code


async def test_cve_2026_35441_fifty_aliased_logins_run_nothing_and_count_as_fifty(
    visitor: httpx.AsyncClient, email: str
) -> None:
    answer = await visitor.post("/graphql", json={"query": aliased(50, email, RIGHT)})
    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert answer.json()["errors"][0]["extensions"]["code"] == "too_many_mutations"
    # 50 of 10 on the account: both doors refuse even the right password.
    assert await log_in(visitor, email) == 429
    [error] = (await visitor.post("/graphql", json={"query": aliased(1, email, RIGHT)})).json()["errors"]
    problem = error["extensions"]
    assert (problem["code"], problem["violated-policies"]) == ("quota_exceeded", ["login-account"])
    # 50 of 200 from the address: logins to other accounts are possible.
    assert (await visitor.post("/v1/auth/login", json={"email": "no@shop.example", "password": "x"})).status_code == 401


async def test_cve_2026_35441_four_aliased_logins_run_and_count_as_four(visitor: httpx.AsyncClient, email: str) -> None:
    for _ in range(2):
        answer = await visitor.post("/graphql", json={"query": aliased(4, email)})
        assert [e["extensions"]["code"] for e in answer.json()["errors"]] == ["invalid_credentials"] * 4
        assert int(answer.headers["x-request-cost"]) >= 4 * 20
    # 4 + 4 of 10: two attempts are left, and one that succeeds does not count.
    assert await log_in(visitor, email) == 200
    for word in ("not the password", "nor this one"):
        await visitor.post("/graphql", json={"query": aliased(1, email, word)})
    assert await log_in(visitor, email) == 429
