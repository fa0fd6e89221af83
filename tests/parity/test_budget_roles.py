"""Each role has a bucket of its setting's size, for both doors and all credentials of a user."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from tests.app_client import AppClient
from tests.factories import unique
from tests.rate_limit_headers import remaining_points, request_cost
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

# The limits of these apps are in memory with either database, and are checked before it is read.
# The limits in Redis are tested in tests/kit and in test_attempts.py.
pytestmark = pytest.mark.once

SIZES = {"anonymous": 700, "customer": 1300, "moderator": 6100, "staff": 6100, "admin": 6100}
PASSWORD = "seven grey herons asleep"


@pytest.fixture
async def app_with_budgets(settings: Settings) -> AsyncIterator[TradepostApp]:
    """An app with a bucket size for each group of roles. The buckets are never refilled."""
    sizes = {"budget_anonymous": 700, "budget_customer": 1300, "budget_staff": 6100}
    app = create_app(msgspec.structs.replace(settings, redis_url=None, **sizes))
    app.state.limits.local.clock = lambda: 0.0
    async with app.lifespan():
        yield app


def client(app: TradepostApp, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """Return a client that sends these headers."""
    return AppClient(app, headers=headers)


@pytest.mark.parametrize("role", SIZES)
async def test_the_bucket_of_a_role_has_the_size_of_its_setting_at_both_doors(
    app_with_budgets: TradepostApp, role: str
) -> None:
    headers: dict[str, str] = {}
    if role != "anonymous":
        headers["X-API-Key"] = await app_with_budgets.state.credentials.create(name=unique(role), role=role)
    async with client(app_with_budgets, headers) as caller:
        rest = await caller.get("/v1/products?limit=1&fields=id")
        graphql = await caller.post("/graphql", json={"query": "{ products(first: 1) { nodes { id } } }"})
        reported = (await caller.get("/v1/rate-limit")).json()
    for answer in (rest, graphql):
        assert answer.headers["x-ratelimit-limit"] == str(SIZES[role])
        assert answer.headers["ratelimit-policy"] == f'"points";q={SIZES[role]};w=60;tradepost-unit="points"'
    assert remaining_points(graphql) == SIZES[role] - request_cost(rest) - request_cost(graphql)
    assert (reported["limit"], reported["remaining"]) == (SIZES[role], remaining_points(graphql))


async def test_all_sessions_and_keys_of_a_user_take_points_from_one_bucket(
    app_with_budgets: TradepostApp,
) -> None:
    credentials: list[tuple[str, dict[str, str]]] = []
    for user in ("ada", "bea"):
        email = f"{unique(user)}@shop.example"
        async with client(app_with_budgets) as visitor:
            await visitor.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
            for _ in range(2):
                pair = (await visitor.post("/v1/auth/login", json={"email": email, "password": PASSWORD})).json()
                credentials.append((user, {"Authorization": f"Bearer {pair['access_token']}"}))
            key = (await visitor.post("/v1/api-keys", json={"name": "one"}, headers=credentials[-1][1])).json()[
                "secret"
            ]
            credentials.append((user, {"X-API-Key": key}))
    remaining: dict[str, int] = {}
    for door in ("rest", "graphql"):
        for user, headers in credentials:
            async with client(app_with_budgets, headers) as caller:
                if door == "graphql":
                    answer = await caller.post("/graphql", json={"query": "{ me { id } }"})
                else:
                    answer = await caller.get("/v1/users/me?fields=id")
            assert answer.status_code == 200
            if user in remaining:
                assert remaining_points(answer) == remaining[user] - request_cost(answer)
            remaining[user] = remaining_points(answer)
