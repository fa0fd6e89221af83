"""Vulnerabilities of other servers: here such requests are charged in full, or refused.

A test is named after the CVE elsewhere.
"""

import time
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.rate_limit_headers import remaining_points, request_cost
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

# The limits of these apps are in memory with either database, and are checked before it is read.
# The limits in Redis are tested in tests/kit and in test_attempts.py.
pytestmark = pytest.mark.once

GRAPHQL = {"accept": "application/graphql-response+json"}


@pytest.fixture
async def app_with_budgets(settings: Settings) -> AsyncIterator[TradepostApp]:
    """An app with the default budgets, in buckets that are never refilled."""
    budgets = {"budget_anonymous": 600, "budget_customer": 1200, "budget_staff": 6000}
    app = create_app(msgspec.structs.replace(settings, redis_url=None, **budgets))
    app.state.limits.local.clock = lambda: 0.0
    async with app.lifespan():
        yield app


@pytest.fixture
async def visitor(app_with_budgets: TradepostApp) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a credential, with 600 points a minute."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app_with_budgets), base_url=HERE) as client:
        yield client


@pytest.fixture
async def staff_client(app_with_budgets: TradepostApp, staff_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A staff API key, with 6000 points a minute."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app_with_budgets), base_url=HERE, headers={"x-api-key": staff_key}
    ) as client:
        yield client


async def refusal_code(client: httpx.AsyncClient, text: str) -> str:
    """Return the code with which a document is refused. The status is 400 in both media types."""
    codes: set[str] = set()
    for headers in ({}, GRAPHQL):
        answer = await client.post("/graphql", json={"query": text}, headers=headers)
        assert answer.status_code == 400, answer.text
        assert "data" not in answer.json()
        codes.add(answer.json()["errors"][0]["extensions"]["code"])
        assert request_cost(answer) == answer.json()["extensions"]["cost"]["charged"] <= 11
    [code] = codes
    return code


async def test_cve_2026_34573_fragments_that_double_are_priced_in_linear_time(staff_client: httpx.AsyncClient) -> None:
    branch = "{0}{1}: variants {{ product {{ ...F{2} }} }}"
    doubled = [f"{branch.format('a', n, n + 1)} {branch.format('b', n, n + 1)}" for n in range(20)]
    wide = [f"...F{n + 1} category {{ products {{ nodes {{ ...F{n + 1} }} }} }}" for n in range(25)]
    started = time.process_time()
    for bodies in (doubled, wide):
        fragments = [f"fragment F{n} on Product {{ {body} }}" for n, body in enumerate([*bodies, "id"])]
        text = "{ products { nodes { ...F0 } } } " + " ".join(fragments)
        assert await refusal_code(staff_client, text) == "too_expensive"
    assert time.process_time() - started < 2


async def test_cve_2026_34573_circular_fragments_are_refused(staff_client: httpx.AsyncClient) -> None:
    text = (
        "{ products { nodes { ...A } } } fragment A on Product { ...B ...C }"
        " fragment B on Product { ...A ...C } fragment C on Product { ...A ...B id }"
    )
    answer = await staff_client.post("/graphql", json={"query": text}, headers=GRAPHQL)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_document"


async def test_cve_2026_35441_many_aliases_are_refused(staff_client: httpx.AsyncClient) -> None:
    aliases = " ".join([f"a{n}: variants {{ id }}" for n in range(51)])
    assert await refusal_code(staff_client, f"{{ products {{ nodes {{ {aliases} }} }} }}") == "too_many_aliases"
    answer = await staff_client.get("/v1/products", params={"fields": aliases})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_aliases")
    many = " ".join([f"a{n}:tags{{nodes{{id}}}}" for n in range(100)])
    assert await refusal_code(staff_client, f"{{ {many} }}") == "too_many_aliases"


async def test_cve_2026_35441_600_aliases_of_a_to_many_relation_are_refused_before_anything_is_read(
    app_with_budgets: TradepostApp, staff_client: httpx.AsyncClient
) -> None:
    before = app_with_budgets.state.database.reader.statement_count
    aliases = " ".join([f"a{n}:media{{id}}" for n in range(600)])
    started = time.perf_counter()
    assert await refusal_code(staff_client, f"{{ products {{ nodes {{ {aliases} }} }} }}") in (
        "too_many_aliases",
        "document_too_large",
    )
    assert time.perf_counter() - started < 1
    assert app_with_budgets.state.database.reader.statement_count - before <= 1  # which looks up the key


async def test_cve_2026_35441_each_allowed_alias_is_charged(staff_client: httpx.AsyncClient) -> None:
    costs: list[int] = []
    for count in (1, 50):
        aliases = " ".join([f"a{n}: variants {{ id }}" for n in range(count)])
        document = {"query": f'{{ product(slug: "none") {{ {aliases} }} }}'}
        await staff_client.post("/graphql", json=document)
        costs.append((await staff_client.post("/graphql", json=document)).json()["extensions"]["cost"]["requested"])
    assert costs == [2, 51]


async def test_cve_2024_39895_a_repeated_field_is_one_field(staff_client: httpx.AsyncClient) -> None:
    await staff_client.post("/graphql", json={"query": "{ tags { nodes { id } } }"})
    once = await staff_client.post("/graphql", json={"query": "{ tags { nodes { id } } }"})
    repeated = "{ tags { nodes { id " + "id " * 300 + "} } }"
    answer = await staff_client.post("/graphql", json={"query": repeated})
    assert answer.json()["data"] == once.json()["data"]
    assert request_cost(answer) == request_cost(once) + 10
    assert await refusal_code(staff_client, "{" + " tags { nodes { id } }" * 61 + "}") == "document_too_large"


async def test_cve_2025_12664_anonymous_queries_stop_at_the_budget(visitor: httpx.AsyncClient) -> None:
    answers = [
        await visitor.post("/graphql", json={"query": f'{{ p{n}: product(slug: "x") {{ id }} }}'}) for n in range(60)
    ]
    statuses = [a.status_code for a in answers]
    assert 200 in statuses
    assert statuses[-1] == 429
    assert statuses.count(200) == 600 // 11


async def test_cve_2026_33756_a_batch_is_charged_for_each_item(
    visitor: httpx.AsyncClient, staff_client: httpx.AsyncClient
) -> None:
    items = [{"op": "create", "input": {"name": ""}}] * 100
    await staff_client.post("/v1/products/batch", json={"items": items})
    answer = await staff_client.post("/v1/products/batch", json={"items": items})
    assert answer.status_code == 200
    assert request_cost(answer) == 1000
    assert (await staff_client.post("/v1/products/batch", json={"items": items + items})).status_code == 422
    answer = await staff_client.post("/graphql", json=[{"query": "{ __typename }"}] * 2)
    assert answer.status_code == 400


async def test_a_document_with_too_many_mutations_runs_nothing(
    app_with_budgets: TradepostApp, staff_client: httpx.AsyncClient
) -> None:
    field = 'm{n}: categoryCreate(input: {{name: "Nothing of this {n}"}}) {{ id }}'
    text = "mutation { " + " ".join([field.format(n=n) for n in range(5)]) + " }"
    assert await refusal_code(staff_client, text) == "too_many_mutations"
    async with app_with_budgets.state.database.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT count(*) FROM category WHERE name LIKE 'Nothing of this %%'")
        assert rows.scalar() == 0


async def test_a_document_has_at_most_four_introspection_fields(staff_client: httpx.AsyncClient) -> None:
    field = '__type(name: "Product") { name }'
    text = "{ " + " ".join([f"a{n}: {field}" for n in range(4)]) + " }"
    answer = await staff_client.post("/graphql", json={"query": text})
    assert answer.status_code == 200
    assert request_cost(answer) == 20 + 10
    assert await refusal_code(staff_client, text[:-1] + f"b: {field} }}") == "too_many_introspections"


async def test_a_request_over_1000_points_or_over_the_bucket_is_refused_at_both_doors(
    visitor: httpx.AsyncClient, staff_client: httpx.AsyncClient
) -> None:
    fields = "variants(first:{n}){{id}}"
    for client, fits, over in ((staff_client, 98, 100), (visitor, 58, 60)):
        for n, status in ((fits, 200), (over, 400)):
            answer = await client.get("/v1/products", params={"limit": 100, "fields": fields.format(n=n)})
            assert answer.status_code == status, answer.text
            document = f"{{ products(first: 100) {{ nodes {{ variants(first: {n}) {{ id }} }} }} }}"
            graphql = await client.post("/graphql", json={"query": document}, headers=GRAPHQL)
            if client is staff_client:
                assert graphql.status_code == status, graphql.text
        assert answer.json()["code"] == "too_expensive"
        assert answer.json()["limit"] == (1000 if client is staff_client else 600)
        assert request_cost(answer) <= 11


async def test_an_empty_bucket_is_429_at_both_doors_with_the_headers_to_retry(visitor: httpx.AsyncClient) -> None:
    await visitor.get("/v1/products", params={"limit": 100, "fields": "variants(first:50){id}"})
    for n in range(60):
        await visitor.get("/v1/products", params={"fields": f"a{n}:id"})
    rest = await visitor.get("/v1/products", params={"limit": 100, "fields": "variants(first:50){id}"})
    graphql = await visitor.post(
        "/graphql", json={"query": "{ products(first: 100) { nodes { variants(first: 50) { id } } } }"}
    )
    for answer in (rest, graphql):
        assert answer.status_code == 429
        problem = answer.json() if answer is rest else answer.json()["errors"][0]["extensions"]
        assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
        assert problem["violated-policies"] == ["points"]
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["x-ratelimit-limit"] == "600"
        assert request_cost(answer) == 0
    assert rest.headers["content-type"] == "application/problem+json"
    assert (await visitor.get("/health/live")).status_code == 200
    pages = [(await visitor.get("/v1/nothing")).status_code for _ in range(30)]
    assert pages[-1] == 429


async def test_both_doors_take_points_from_one_bucket_and_report_it_alike(visitor: httpx.AsyncClient) -> None:
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


async def test_a_304_costs_1_point(visitor: httpx.AsyncClient) -> None:
    await visitor.get("/v1/products", params={"limit": 50})
    whole = await visitor.get("/v1/products", params={"limit": 50})
    unchanged = await visitor.get(
        "/v1/products", params={"limit": 50}, headers={"if-none-match": whole.headers["etag"]}
    )
    assert (whole.status_code, unchanged.status_code) == (200, 304)
    assert (request_cost(whole), request_cost(unchanged)) == (6, 1)


async def test_addresses_have_buckets_of_their_own_and_an_ipv6_network_has_one(app_with_budgets: TradepostApp) -> None:
    async def remaining(address: str) -> int:
        transport = httpx.ASGITransport(app=app_with_budgets, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return remaining_points(await client.get("/v1/nothing"))

    assert await remaining("203.0.113.7") == 599
    assert await remaining("203.0.113.8") == 599
    assert await remaining("2001:db8::1") == 599
    assert await remaining("2001:db8::ffff") == 598
    assert await remaining("2001:db8:0:1::1") == 599


async def test_only_a_trusted_proxy_can_name_the_client(settings: Settings) -> None:
    members = {"budget_anonymous": 600, "redis_url": None, "trusted_proxies": ("10.0.0.0/8",)}
    app = create_app(msgspec.structs.replace(settings, **members))
    app.state.limits.local.clock = lambda: 0.0

    async def remaining(address: str, forwarded: str) -> int:
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return remaining_points(await client.get("/v1/nothing", headers={"x-forwarded-for": forwarded}))

    async with app.lifespan():
        proxied = [("10.0.0.1", "198.51.100.1"), ("10.0.0.2", "198.51.100.1, 10.0.0.9")]
        assert [await remaining(*sent) for sent in proxied] == [599, 598]
        assert [await remaining("203.0.113.7", f"198.51.100.{n}") for n in range(3)] == [599, 598, 597]
