"""The bucket of each role is that of its setting, the same one at both doors, and all credentials of a user drain the user's."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.factories import unique
from tests.rate_limit_headers import remaining_points, request_cost
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

SIZES = {"anonymous": 700, "customer": 1300, "moderator": 6100, "staff": 6100, "admin": 6100}
PASSWORD = "seven grey herons asleep"


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[TradepostApp]:
    """A shop with three sizes of buckets, of its own, whose clock stands still: nothing comes in."""
    sizes = {"budget_anonymous": 700, "budget_customer": 1300, "budget_staff": 6100}
    made = create_app(msgspec.structs.replace(settings, redis_url=None, **sizes))
    made.state.limits.local.clock = lambda: 0.0
    async with made.lifespan():
        yield made


def client(shop: TradepostApp, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE, headers=headers)


@pytest.mark.parametrize("role", SIZES)
async def test_the_bucket_of_a_role_has_the_size_of_its_setting_at_both_doors(shop: TradepostApp, role: str) -> None:
    headers = (
        {"X-API-Key": await shop.state.credentials.create(name=unique(role), role=role)} if role != "anonymous" else {}
    )
    async with client(shop, headers) as caller:
        rest = await caller.get("/v1/products?limit=1&fields=id")
        graphql = await caller.post("/graphql", json={"query": "{ products(first: 1) { nodes { id } } }"})
        told = (await caller.get("/v1/rate-limit")).json()
    for answer in (rest, graphql):
        assert answer.headers["x-ratelimit-limit"] == str(SIZES[role])
        assert answer.headers["ratelimit-policy"] == f'"points";q={SIZES[role]};w=60;tradepost-unit="points"'
    assert remaining_points(graphql) == SIZES[role] - request_cost(rest) - request_cost(graphql)
    assert (told["limit"], told["remaining"]) == (SIZES[role], remaining_points(graphql))


async def test_sessions_and_keys_of_a_user_drain_one_bucket_and_those_of_another_user_another(
    shop: TradepostApp,
) -> None:
    ways: list[tuple[str, dict[str, str]]] = []
    for user in ("ada", "bea"):
        email = f"{unique(user)}@shop.example"
        async with client(shop) as visitor:
            await visitor.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
            for _ in range(2):
                pair = (await visitor.post("/v1/auth/login", json={"email": email, "password": PASSWORD})).json()
                ways.append((user, {"Authorization": f"Bearer {pair['access_token']}"}))
            key = (await visitor.post("/v1/api-keys", json={"name": "one"}, headers=ways[-1][1])).json()["secret"]
            ways.append((user, {"X-API-Key": key}))
    lefts: dict[str, int] = {}
    for turn in range(2):
        for user, headers in ways:
            async with client(shop, headers) as caller:
                if turn:
                    answer = await caller.post("/graphql", json={"query": "{ me { id } }"})
                else:
                    answer = await caller.get("/v1/users/me?fields=id")
            assert answer.status_code == 200
            assert remaining_points(answer) == lefts.get(
                user, remaining_points(answer) + request_cost(answer)
            ) - request_cost(answer)
            lefts[user] = remaining_points(answer)
