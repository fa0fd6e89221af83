"""Known faults of servers with two doors, by their numbers: what made others fall costs the caller points here, or is refused."""

import time
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.rate_limit_headers import remaining_points, request_cost
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

GRAPHQL = {"accept": "application/graphql-response+json"}


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[TradepostApp]:
    """A shop of its own with the budgets that it has by default, on buckets of its own, whose clock stands still: nothing comes in."""
    made = create_app(
        msgspec.structs.replace(settings, budget_anonymous=600, budget_customer=1200, budget_staff=6000, redis_url=None)
    )
    made.state.limits.local.clock = lambda: 0.0
    async with made.lifespan():
        yield made


@pytest.fixture
async def visitor(shop: TradepostApp) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor with 600 points a minute."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield client


@pytest.fixture
async def member(shop: TradepostApp, staff_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A member of the staff."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shop), base_url=HERE, headers={"x-api-key": staff_key}
    ) as client:
        yield client


async def refused(client: httpx.AsyncClient, text: str) -> str:
    """The code of a document's refusal, whose status is 400 in both media types."""
    codes: set[str] = set()
    for headers in ({}, GRAPHQL):
        answer = await client.post("/graphql", json={"query": text}, headers=headers)
        assert answer.status_code == 400, answer.text
        assert "data" not in answer.json()
        codes.add(answer.json()["errors"][0]["extensions"]["code"])
        assert request_cost(answer) == answer.json()["extensions"]["cost"]["charged"] <= 11
    [code] = codes
    return code


async def test_cve_2026_34573_fragments_that_double_are_measured_in_linear_time(member: httpx.AsyncClient) -> None:
    twice = "fragment F{0} on Product {{ a{0}: variants {{ product {{ ...F{1} }} }} b{0}: variants {{ product {{ ...F{1} }} }} }} "
    doubling = "".join([twice.format(n, n + 1) for n in range(20)])
    began = time.process_time()
    assert (
        await refused(member, "{ products { nodes { ...F0 } } } " + doubling + "fragment F20 on Product { id }")
        == "too_expensive"
    )
    wide = "".join(
        [
            f"fragment F{n} on Product {{ ...F{n + 1} category {{ products {{ nodes {{ ...F{n + 1} }} }} }} }} "
            for n in range(25)
        ]
    )
    assert (
        await refused(member, "{ products { nodes { ...F0 } } } " + wide + "fragment F25 on Product { id }")
        == "too_expensive"
    )
    assert time.process_time() - began < 2


async def test_cve_2026_34573_fragments_that_lead_back_to_themselves_end(member: httpx.AsyncClient) -> None:
    text = "{ products { nodes { ...A } } } fragment A on Product { ...B ...C } fragment B on Product { ...A ...C } fragment C on Product { ...A ...B id }"
    answer = await member.post("/graphql", json={"query": text}, headers=GRAPHQL)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_document"


async def test_cve_2026_35441_many_aliases_are_refused(member: httpx.AsyncClient) -> None:
    aliases = " ".join([f"a{n}: variants {{ id }}" for n in range(51)])
    assert await refused(member, f"{{ products {{ nodes {{ {aliases} }} }} }}") == "too_many_aliases"
    answer = await member.get("/v1/products", params={"fields": aliases})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_aliases")
    many = " ".join([f"a{n}:tags{{nodes{{id}}}}" for n in range(100)])
    assert await refused(member, f"{{ {many} }}") == "too_many_aliases"


async def test_cve_2026_35441_600_aliases_of_a_to_many_relation_are_refused_before_anything_is_read(
    shop: TradepostApp, member: httpx.AsyncClient
) -> None:
    before = shop.state.database.reader.statement_count
    aliases = " ".join([f"a{n}:media{{id}}" for n in range(600)])
    began = time.perf_counter()
    assert await refused(member, f"{{ products {{ nodes {{ {aliases} }} }} }}") in (
        "too_many_aliases",
        "document_too_large",
    )
    assert time.perf_counter() - began < 1
    assert shop.state.database.reader.statement_count - before <= 1  # the key's own look-up


async def test_cve_2026_35441_each_alias_that_is_allowed_is_paid_for(member: httpx.AsyncClient) -> None:
    document = lambda n: (
        '{ product(slug: "none") { ' + " ".join([f"a{i}: variants {{ id }}" for i in range(n)]) + " } }"
    )  # noqa: E731
    costs: list[int] = []
    for n in (1, 50):
        await member.post("/graphql", json={"query": document(n)})
        costs.append(
            (await member.post("/graphql", json={"query": document(n)})).json()["extensions"]["cost"]["requested"]
        )
    assert costs == [2, 51]


async def test_cve_2024_39895_a_field_written_again_and_again_is_one(member: httpx.AsyncClient) -> None:
    await member.post("/graphql", json={"query": "{ tags { nodes { id } } }"})
    once = await member.post("/graphql", json={"query": "{ tags { nodes { id } } }"})
    again = "{" + " tags { nodes { id " + "id " * 300 + "} }" * 1 + "}"
    answer = await member.post("/graphql", json={"query": again})
    assert answer.json()["data"] == once.json()["data"]
    assert request_cost(answer) == request_cost(once) + 10
    assert await refused(member, "{" + " tags { nodes { id } }" * 61 + "}") == "document_too_large"


async def test_cve_2025_12664_anonymous_queries_end_with_the_budget(visitor: httpx.AsyncClient) -> None:
    answers = [
        await visitor.post("/graphql", json={"query": f'{{ p{n}: product(slug: "x") {{ id }} }}'}) for n in range(60)
    ]
    statuses = [a.status_code for a in answers]
    assert 200 in statuses
    assert statuses[-1] == 429
    assert statuses.count(200) == 600 // 11


async def test_cve_2026_33756_a_batch_is_paid_by_its_items(
    visitor: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    items = [{"op": "create", "input": {"name": ""}}] * 100
    await member.post("/v1/products/batch", json={"items": items})
    answer = await member.post("/v1/products/batch", json={"items": items})
    assert answer.status_code == 200
    assert request_cost(answer) == 1000
    assert (await member.post("/v1/products/batch", json={"items": items + items})).status_code == 422
    answer = await member.post("/graphql", json=[{"query": "{ __typename }"}] * 2)
    assert answer.status_code == 400


async def test_a_document_over_the_mutation_ceiling_runs_nothing(shop: TradepostApp, member: httpx.AsyncClient) -> None:
    field = 'm{n}: categoryCreate(input: {{name: "Nothing of this {n}"}}) {{ id }}'
    assert (
        await refused(member, "mutation { " + " ".join([field.format(n=n) for n in range(5)]) + " }")
        == "too_many_mutations"
    )
    async with shop.state.database.engine.connect() as connection:
        found = await connection.exec_driver_sql("SELECT count(*) FROM category WHERE name LIKE 'Nothing of this %%'")
        assert found.scalar() == 0


async def test_the_schema_is_looked_at_four_times_at_most(member: httpx.AsyncClient) -> None:
    look = '__type(name: "Product") { name }'
    text = "{ " + " ".join([f"a{n}: {look}" for n in range(4)]) + " }"
    answer = await member.post("/graphql", json={"query": text})
    assert answer.status_code == 200
    assert request_cost(answer) == 20 + 10
    assert await refused(member, text[:-1] + f"b: {look} }}") == "too_many_introspections"


async def test_a_request_over_1000_points_is_refused_at_both_doors_and_a_poorer_caller_sooner(
    visitor: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    fields = "variants(first:{n}){{id}}"
    for client, fits, over in ((member, 98, 100), (visitor, 58, 60)):
        for n, status in ((fits, 200), (over, 400)):
            answer = await client.get("/v1/products", params={"limit": 100, "fields": fields.format(n=n)})
            assert answer.status_code == status, answer.text
            document = f"{{ products(first: 100) {{ nodes {{ variants(first: {n}) {{ id }} }} }} }}"
            there = await client.post("/graphql", json={"query": document}, headers=GRAPHQL)
            if client is member:
                assert there.status_code == status, there.text
        assert answer.json()["code"] == "too_expensive"
        assert answer.json()["limit"] == (1000 if client is member else 600)
        assert request_cost(answer) <= 11


async def test_an_empty_bucket_is_429_at_both_doors_with_all_that_a_client_needs(visitor: httpx.AsyncClient) -> None:
    await visitor.get("/v1/products", params={"limit": 100, "fields": "variants(first:50){id}"})
    for n in range(60):
        await visitor.get("/v1/products", params={"fields": f"a{n}:id"})
    here = await visitor.get("/v1/products", params={"limit": 100, "fields": "variants(first:50){id}"})
    there = await visitor.post(
        "/graphql", json={"query": "{ products(first: 100) { nodes { variants(first: 50) { id } } } }"}
    )
    for answer in (here, there):
        assert answer.status_code == 429
        problem = answer.json() if answer is here else answer.json()["errors"][0]["extensions"]
        assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
        assert problem["violated-policies"] == ["points"]
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["x-ratelimit-limit"] == "600"
        assert request_cost(answer) == 0
    assert here.headers["content-type"] == "application/problem+json"
    assert (await visitor.get("/health/live")).status_code == 200
    pages = [(await visitor.get("/v1/nothing")).status_code for _ in range(30)]
    assert pages[-1] == 429


async def test_both_doors_drain_one_bucket_and_tell_the_same(visitor: httpx.AsyncClient) -> None:
    await visitor.get("/v1/products/none")
    await visitor.post("/graphql", json={"query": '{ product(slug: "none") { id } }'})
    first = await visitor.get("/v1/products/none")
    second = await visitor.post("/graphql", json={"query": '{ product(slug: "none") { id } }'})
    third = await visitor.get("/graphql", params={"query": '{ product(slug: "none") { id } }'})
    assert (request_cost(first), request_cost(second), request_cost(third)) == (1, 1, 1)
    assert remaining_points(first) - remaining_points(third) == 2
    assert second.json()["extensions"]["cost"] | {"resetAt": ""} == {
        "requested": 1,
        "charged": 1,
        "remaining": remaining_points(second),
        "resetAt": "",
    }
    assert "extensions" not in third.json()
    assert first.headers["ratelimit-policy"] == '"points";q=600;w=60;tradepost-unit="points"'
    assert first.headers["ratelimit"].startswith(f'"points";r={remaining_points(first)};t=')


async def test_what_is_known_already_costs_1(visitor: httpx.AsyncClient) -> None:
    await visitor.get("/v1/products", params={"limit": 50})
    whole = await visitor.get("/v1/products", params={"limit": 50})
    known = await visitor.get("/v1/products", params={"limit": 50}, headers={"if-none-match": whole.headers["etag"]})
    assert (whole.status_code, known.status_code) == (200, 304)
    assert (request_cost(whole), request_cost(known)) == (6, 1)


async def test_addresses_have_buckets_of_their_own_and_an_ipv6_network_has_one(shop: TradepostApp) -> None:
    async def remaining(address: str) -> int:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=shop, client=(address, 1)), base_url=HERE
        ) as client:
            return remaining_points(await client.get("/v1/nothing"))

    assert await remaining("203.0.113.7") == 599
    assert await remaining("203.0.113.8") == 599
    assert await remaining("2001:db8::1") == 599
    assert await remaining("2001:db8::ffff") == 598
    assert await remaining("2001:db8:0:1::1") == 599


async def test_a_trusted_proxy_names_the_client_and_nobody_else_does(settings: Settings) -> None:
    given = {"budget_anonymous": 600, "redis_url": None, "trusted_proxies": ("10.0.0.0/8",)}
    shop = create_app(msgspec.structs.replace(settings, **given))
    shop.state.limits.local.clock = lambda: 0.0

    async def remaining(address: str, said: str) -> int:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=shop, client=(address, 1)), base_url=HERE
        ) as client:
            return remaining_points(await client.get("/v1/nothing", headers={"x-forwarded-for": said}))

    async with shop.lifespan():
        assert [await remaining("10.0.0.1", "198.51.100.1"), await remaining("10.0.0.2", "198.51.100.1, 10.0.0.9")] == [
            599,
            598,
        ]
        assert [await remaining("203.0.113.7", f"198.51.100.{n}") for n in range(3)] == [599, 598, 597]
