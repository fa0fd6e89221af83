"""A key with a limit of its own at both doors: it drains its owner's bucket and its own, and every answer tells of the one with less in it."""

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

DOCUMENT = {"query": '{ product(slug: "none") { id } }'}
MANY = {"limit": "50", "fields": "id,variants{id}"}
CALLERS = {b"owner": None, b"narrow": 30, b"wide": 5000, b"other": 30}


async def identify(headers: Headers) -> Caller:
    """One user, with keys of whom some have limits of their own."""
    text = dict(headers).get(b"x-api-key")
    if text is None:
        return ANONYMOUS
    if text == b"another user":
        return Caller(id="01890a5d-ac96-774b-bcce-b302099a80fc", role="staff")
    return Caller(
        id="01890a5d-ac96-774b-bcce-b302099a80fb",
        role="customer",
        api_key_id=None if text == b"owner" else text.decode(),
        points_per_minute=CALLERS[text],
    )


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[TradepostApp]:
    """A shop whose customers have 120 points a minute; its clock stands still, and another user has asked for all this before."""
    made = create_app(msgspec.structs.replace(settings, budget_anonymous=600, budget_customer=120, redis_url=None))
    made.state.limits.local.clock = lambda: 0.0
    made.pipeline.identify = identify
    async with made.lifespan():
        async with at(made, "another user") as another:
            await another.post("/graphql", json=DOCUMENT)
            await another.get("/v1/products/none")
            await another.get("/v1/products", params=MANY)
        yield made


def at(shop: TradepostApp, key: str) -> httpx.AsyncClient:
    """A client with one of the keys."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE, headers={"x-api-key": key})


async def test_both_doors_drain_both_buckets_and_tell_of_the_nearer_end(shop: TradepostApp) -> None:
    async with (
        at(shop, "narrow") as narrow,
        at(shop, "owner") as owner,
        at(shop, "wide") as wide,
        at(shop, "other") as other,
    ):
        rest = await narrow.get("/v1/products/none")
        graphql = await narrow.post("/graphql", json=DOCUMENT)
        assert (request_cost(rest), remaining_points(rest), request_cost(graphql), remaining_points(graphql)) == (
            1,
            29,
            1,
            28,
        )
        cost = graphql.json()["extensions"]["cost"]
        assert (cost["charged"], cost["remaining"]) == (1, 28)
        policies = '"points";q=120;w=60;tradepost-unit="points", "key";q=30;w=60;tradepost-unit="points"'
        for answer in (rest, graphql):
            assert (answer.headers["ratelimit-policy"], answer.headers["x-ratelimit-limit"]) == (policies, "30")
        assert graphql.headers["ratelimit"] == '"key";r=28;t=4'
        used = await owner.get("/v1/products/none")
        assert (remaining_points(used), used.headers["ratelimit-policy"]) == (
            117,
            '"points";q=120;w=60;tradepost-unit="points"',
        )
        # Of this key's own limit nothing is felt: its owner's bucket is nearer to its end.
        assert (await wide.post("/graphql", json=DOCUMENT)).headers["ratelimit"] == '"points";r=116;t=2'
        assert (await other.get("/v1/products/none")).headers["ratelimit"] == '"key";r=29;t=2'
        assert remaining_points(await owner.get("/v1/products/none")) == 114


async def test_an_empty_bucket_of_a_key_stops_that_key_at_both_doors_and_nobody_else(shop: TradepostApp) -> None:
    async with at(shop, "narrow") as narrow, at(shop, "owner") as owner, at(shop, "other") as other:
        answers = [
            await (narrow.get("/v1/products/none") if n % 2 else narrow.post("/graphql", json=DOCUMENT))
            for n in range(40)
        ]
        assert [a.status_code for a in answers] == [200, 404] * 15 + [429] * 10
        graphql, rest = answers[-2:]
        problem = graphql.json()["errors"][0]["extensions"]
        for said, answer in ((problem, graphql), (rest.json(), rest)):
            assert (said["code"], said["violated-policies"], said["retry_after"], answer.headers["retry-after"]) == (
                "quota_exceeded",
                ["key"],
                2,
                "2",
            )
            assert answer.headers["ratelimit"] == '"key";r=0;t=60'
        assert graphql.json()["extensions"]["cost"]["remaining"] == 0
        assert remaining_points(await owner.get("/v1/products/none")) == 89, "a refusal drains nothing"
        assert (await other.get("/v1/products/none")).status_code == 404


async def test_an_empty_bucket_of_the_owner_stops_its_keys_and_leaves_theirs_undrained(shop: TradepostApp) -> None:
    async with at(shop, "narrow") as narrow, at(shop, "owner") as owner:
        for _ in range(120):
            await owner.get("/v1/products/none")
        for answer in (await narrow.get("/v1/products/none"), await narrow.post("/graphql", json=DOCUMENT)):
            said = answer.json() if "code" in answer.json() else answer.json()["errors"][0]["extensions"]
            assert (answer.status_code, said["violated-policies"], answer.headers["ratelimit"]) == (
                429,
                ["points"],
                '"points";r=0;t=60',
            )
        shop.state.limits.local.clock = lambda: 60.0
        assert (await narrow.get("/v1/products/none")).headers["ratelimit"] == '"key";r=29;t=2'


async def test_no_request_of_a_key_may_cost_more_than_its_own_bucket_holds(shop: TradepostApp) -> None:
    async with at(shop, "narrow") as narrow, at(shop, "owner") as owner:
        text = {"query": "{ products(first: 50) { nodes { id variants { id } } } }"}
        for answer in (await narrow.get("/v1/products", params=MANY), await narrow.post("/graphql", json=text)):
            said = answer.json() if "code" in answer.json() else answer.json()["errors"][0]["extensions"]
            assert (answer.status_code, said["code"], said["points"], said["limit"]) == (400, "too_expensive", 56, 30)
        assert (await owner.get("/v1/products", params=MANY)).status_code == 200
