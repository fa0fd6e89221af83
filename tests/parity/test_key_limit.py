"""An API key with a limit: it takes points from its owner's bucket and from its own.

Every answer reports the bucket that is closer to its end.
"""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.rate_limit_headers import remaining_points, request_cost
from tradepost.app import TradepostApp, create_app
from tradepost.doors.http.asgi import Headers
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.settings import Settings

# The limits of these apps are in memory with either database, and are checked before it is read.
# The limits in Redis are tested in tests/kit and in test_attempts.py.
pytestmark = pytest.mark.once

DOCUMENT = {"query": '{ product(slug: "none") { id } }'}
MANY = {"limit": "50", "fields": "id,variants{id}"}
CALLERS = {b"owner": None, b"narrow": 30, b"wide": 5000, b"other": 30}


async def identify(headers: Headers) -> Caller:
    """Identify one user, by the session or by keys of which some have limits, and another user."""
    key = dict(headers).get(b"x-api-key")
    if key is None:
        return ANONYMOUS
    if key == b"another user":
        return Caller(id="01890a5d-ac96-774b-bcce-b302099a80fc", role="staff")
    return Caller(
        id="01890a5d-ac96-774b-bcce-b302099a80fb",
        role="customer",
        api_key_id=None if key == b"owner" else key.decode(),
        points_per_minute=CALLERS[key],
    )


@pytest.fixture
async def limited_app(settings: Settings) -> AsyncIterator[TradepostApp]:
    """An app whose customers have 120 points a minute, in buckets that are never refilled.

    The requests of these tests are compiled already, because another user has sent them.
    """
    app = create_app(msgspec.structs.replace(settings, budget_anonymous=600, budget_customer=120, redis_url=None))
    app.state.limits.local.clock = lambda: 0.0
    app.pipeline.identify = identify
    async with app.lifespan():
        async with client_with_key(app, "another user") as another:
            await another.post("/graphql", json=DOCUMENT)
            await another.get("/v1/products/none")
            await another.get("/v1/products", params=MANY)
        yield app


def client_with_key(app: TradepostApp, key: str) -> httpx.AsyncClient:
    """Return a client with one of the keys."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE, headers={"x-api-key": key})


async def test_both_doors_take_points_from_both_buckets_and_report_the_nearer_end(limited_app: TradepostApp) -> None:
    async with (
        client_with_key(limited_app, "narrow") as narrow,
        client_with_key(limited_app, "owner") as owner,
        client_with_key(limited_app, "wide") as wide,
        client_with_key(limited_app, "other") as other,
    ):
        rest = await narrow.get("/v1/products/none")
        graphql = await narrow.post("/graphql", json=DOCUMENT)
        assert (request_cost(rest), remaining_points(rest)) == (1, 29)
        assert (request_cost(graphql), remaining_points(graphql)) == (1, 28)
        cost = graphql.json()["extensions"]["cost"]
        assert (cost["charged"], cost["remaining"]) == (1, 28)
        policies = '"points";q=120;w=60;tradepost-unit="points", "key";q=30;w=60;tradepost-unit="points"'
        for answer in (rest, graphql):
            assert (answer.headers["ratelimit-policy"], answer.headers["x-ratelimit-limit"]) == (policies, "30")
        assert graphql.headers["ratelimit"] == '"key";r=28;t=4'
        used = await owner.get("/v1/products/none")
        assert remaining_points(used) == 117
        assert used.headers["ratelimit-policy"] == '"points";q=120;w=60;tradepost-unit="points"'
        # The limit of this key is not reported: the owner's bucket is closer to its end.
        assert (await wide.post("/graphql", json=DOCUMENT)).headers["ratelimit"] == '"points";r=116;t=2'
        assert (await other.get("/v1/products/none")).headers["ratelimit"] == '"key";r=29;t=2'
        assert remaining_points(await owner.get("/v1/products/none")) == 114


async def test_an_empty_bucket_of_a_key_stops_only_that_key_at_both_doors(limited_app: TradepostApp) -> None:
    async with (
        client_with_key(limited_app, "narrow") as narrow,
        client_with_key(limited_app, "owner") as owner,
        client_with_key(limited_app, "other") as other,
    ):
        answers = [
            await (narrow.get("/v1/products/none") if n % 2 else narrow.post("/graphql", json=DOCUMENT))
            for n in range(40)
        ]
        assert [a.status_code for a in answers] == [200, 404] * 15 + [429] * 10
        graphql, rest = answers[-2:]
        problem = graphql.json()["errors"][0]["extensions"]
        for document, answer in ((problem, graphql), (rest.json(), rest)):
            assert (document["code"], document["violated-policies"]) == ("quota_exceeded", ["key"])
            assert (document["retry_after"], answer.headers["retry-after"]) == (2, "2")
            assert answer.headers["ratelimit"] == '"key";r=0;t=60'
        assert graphql.json()["extensions"]["cost"]["remaining"] == 0
        assert remaining_points(await owner.get("/v1/products/none")) == 89, "a refusal takes no points"
        assert (await other.get("/v1/products/none")).status_code == 404


async def test_an_empty_bucket_of_the_owner_stops_its_keys_without_taking_points_from_theirs(
    limited_app: TradepostApp,
) -> None:
    async with client_with_key(limited_app, "narrow") as narrow, client_with_key(limited_app, "owner") as owner:
        for _ in range(120):
            await owner.get("/v1/products/none")
        for answer in (await narrow.get("/v1/products/none"), await narrow.post("/graphql", json=DOCUMENT)):
            problem = answer.json() if "code" in answer.json() else answer.json()["errors"][0]["extensions"]
            assert (answer.status_code, problem["violated-policies"]) == (429, ["points"])
            assert answer.headers["ratelimit"] == '"points";r=0;t=60'
        limited_app.state.limits.local.clock = lambda: 60.0
        assert (await narrow.get("/v1/products/none")).headers["ratelimit"] == '"key";r=29;t=2'


async def test_a_request_of_a_key_must_not_cost_more_than_its_limit(limited_app: TradepostApp) -> None:
    async with client_with_key(limited_app, "narrow") as narrow, client_with_key(limited_app, "owner") as owner:
        text = {"query": "{ products(first: 50) { nodes { id variants { id } } } }"}
        for answer in (await narrow.get("/v1/products", params=MANY), await narrow.post("/graphql", json=text)):
            problem = answer.json() if "code" in answer.json() else answer.json()["errors"][0]["extensions"]
            assert (answer.status_code, problem["code"]) == (400, "too_expensive")
            assert (problem["points"], problem["limit"]) == (56, 30)
        assert (await owner.get("/v1/products", params=MANY)).status_code == 200
