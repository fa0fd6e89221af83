"""The state of a caller's budget, and quotes of what a request would cost."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.factories import Json, assert_problem, faults
from tests.rate_limit_headers import remaining_points, request_cost
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

STATE = "limit used remaining resetAt windowSeconds requestLimit"
QUOTE = "points limit allowed affordable operations { operation points rows }"
PATH, PRICE = "/v1/rate-limit", "/v1/price"


@pytest.fixture(scope="module")
async def started_shop(settings: Settings, anyio_backend: object) -> AsyncIterator[TradepostApp]:
    """A shop with the default budgets. Its clock is fixed, so buckets are never refilled."""
    app = create_app(
        msgspec.structs.replace(settings, budget_anonymous=600, budget_customer=1200, budget_staff=6000, redis_url=None)
    )
    app.state.limits.local.clock = lambda: 0.0
    async with app.lifespan():
        yield app


@pytest.fixture
def shop(started_shop: TradepostApp) -> TradepostApp:
    """The shop, with full buckets."""
    started_shop.state.limits.local.entries.clear()
    return started_shop


@pytest.fixture
async def anonymous(shop: TradepostApp) -> AsyncIterator[httpx.AsyncClient]:
    """An anonymous client with 600 points a minute."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield client


@pytest.fixture
async def member(shop: TradepostApp, staff_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the API key of a staff member."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shop), base_url=HERE, headers={"x-api-key": staff_key}
    ) as client:
        yield client


async def post(client: httpx.AsyncClient, text: str, **variables: Any) -> httpx.Response:
    """Send a GraphQL document."""
    return await client.post("/graphql", json={"query": text, "variables": variables})


PRICE_VARIABLES = (
    "$document: String, $variables: JSON, $operation_name: String, $url: String, $method: HttpMethod, $body: JSON"
)
PRICE_ARGUMENTS = (
    "document: $document, variables: $variables, operationName: $operation_name,"
    " url: $url, method: $method, body: $body"
)


async def quote(client: httpx.AsyncClient, body: Json) -> Json:
    """Return the quote for a request, which must be equal through both doors."""
    rest = await client.post(PRICE, json=body)
    assert rest.status_code == 200, rest.text
    text = f"query ({PRICE_VARIABLES}) {{ price({PRICE_ARGUMENTS}) {{ {QUOTE} }} }}"
    graphql = (await post(client, text, **body)).json()
    assert "errors" not in graphql, graphql
    assert rest.json() == graphql["data"]["price"]
    return rest.json()


async def refusal(client: httpx.AsyncClient, body: Json) -> tuple[int, str, set[tuple[str, str]]]:
    """Return status, code and errors of a refused quote, which must be equal through both doors."""
    rest = await client.post(PRICE, json=body)
    text = f"query ({PRICE_VARIABLES}) {{ price({PRICE_ARGUMENTS}) {{ points }} }}"
    graphql = (await post(client, text, **body)).json()
    assert graphql["data"] == {"price": None}
    [error] = graphql["errors"]
    extensions, problem = error["extensions"], rest.json()
    shared = ("code", "status", "detail", "errors")
    assert {n: extensions.get(n) for n in shared} == {n: problem.get(n) for n in shared}
    assert rest.headers["content-type"] == "application/problem+json"
    return rest.status_code, problem["code"], faults(rest) if problem.get("errors") else set()


async def test_reading_the_state_is_free_and_agrees_with_the_headers(anonymous: httpx.AsyncClient) -> None:
    answers = [await anonymous.get(PATH) for _ in range(3)]
    for answer in answers:
        assert (answer.status_code, request_cost(answer), remaining_points(answer)) == (200, 0, 600)
        assert answer.headers["cache-control"] == "no-store"
    state = answers[0].json()
    assert state | {"reset_at": ""} == {
        "limit": 600,
        "used": 0,
        "remaining": 600,
        "reset_at": "",
        "window_seconds": 60,
        "request_limit": 600,
    }
    await anonymous.get("/v1/products/none")
    answer = await anonymous.get(PATH)
    state = answer.json()
    assert (request_cost(answer), state["remaining"], state["used"]) == (
        0,
        remaining_points(answer),
        600 - remaining_points(answer),
    )
    assert 0 < state["used"] <= 11
    assert int(datetime.fromisoformat(state["reset_at"]).timestamp()) - int(answer.headers["x-ratelimit-reset"]) in (
        -1,
        0,
        1,
    )


async def test_graphql_returns_the_same_state_and_charges_only_for_a_new_document(anonymous: httpx.AsyncClient) -> None:
    text = f"{{ rateLimit {{ {STATE} }} }}"
    first, second = await post(anonymous, text), await post(anonymous, text)
    assert (request_cost(first), request_cost(second)) == (10, 0)
    for answer in (first, second):
        cost, state = answer.json()["extensions"]["cost"], answer.json()["data"]["rateLimit"]
        assert cost["charged"] == request_cost(answer)
        assert state["remaining"] == cost["remaining"] == remaining_points(answer) == 590
    third = await anonymous.get("/graphql", params={"query": text})
    assert (request_cost(third), third.headers["cache-control"]) == (0, "no-store")
    rest = (await anonymous.get(PATH)).json()
    names = {"resetAt": "reset_at", "windowSeconds": "window_seconds", "requestLimit": "request_limit"}
    assert {names.get(n, n): v for n, v in third.json()["data"]["rateLimit"].items()} | {"reset_at": ""} == rest | {
        "reset_at": ""
    }


async def test_with_other_fields_the_state_includes_the_full_cost_of_the_request(anonymous: httpx.AsyncClient) -> None:
    text = "{ products(first: 100) { nodes { id } } rateLimit { remaining } again: rateLimit { used } }"
    await post(anonymous, text)
    answer = await post(anonymous, text)
    data, cost = answer.json()["data"], answer.json()["extensions"]["cost"]
    assert cost["requested"] == 11
    assert (
        data["rateLimit"]["remaining"]
        == 600 - data["again"]["used"]
        == cost["remaining"] - (cost["requested"] - cost["charged"])
    )


async def test_the_state_of_an_empty_bucket_can_be_read(anonymous: httpx.AsyncClient) -> None:
    text = "{ rateLimit { remaining } }"
    await post(anonymous, text)
    answers = [await anonymous.get("/v1/products/none") for _ in range(601)]
    assert answers[-1].status_code == 429, "601 requests of at least one point each use up 600 points"
    for answer in (await anonymous.get(PATH), await anonymous.get("/v2/rate-limit"), await post(anonymous, text)):
        assert (answer.status_code, request_cost(answer)) == (200, 0)
        body = answer.json()
        assert (body["data"]["rateLimit"] if "data" in body else body)["remaining"] == 0
    assert (await anonymous.get(PATH, params={"fields": "remaining,limit"})).status_code == 429, (
        "parsing an arbitrary `fields` parameter costs a point"
    )
    assert (await post(anonymous, "{ rateLimit { used } }")).status_code == 429


async def test_anonymous_and_staff_callers_have_different_budgets(
    anonymous: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    assert (await member.get(PATH)).json()["request_limit"] == 1000
    assert [(await client.get(PATH)).json()["limit"] for client in (anonymous, member)] == [600, 6000]


async def test_the_state_supports_fields_messagepack_and_an_equivalent_document(anonymous: httpx.AsyncClient) -> None:
    text = await anonymous.get(PATH, params={"fields": "remaining,used"}, headers={"accept": "application/graphql"})
    assert text.text == "{ rateLimit { remaining used } }\n"
    packed = await anonymous.get(PATH, params={"fields": "limit"}, headers={"accept": "application/msgpack"})
    assert msgspec.msgpack.decode(packed.content) == {"limit": 600}
    assert_problem(await anonymous.get(PATH, params={"fields": "nope"}), 400, "invalid_parameter")
    assert_problem(await anonymous.post(PATH), 405, "method_not_allowed")


async def test_the_state_of_a_shared_bucket_agrees_with_the_headers(client: httpx.AsyncClient) -> None:
    """The shared shop of the tests: with PostgreSQL its buckets are in Redis."""
    answer = await client.get(PATH)
    assert (answer.json()["remaining"], request_cost(answer)) == (remaining_points(answer), 0)
    assert answer.json()["limit"] == 1_000_000_000


QUOTES: list[tuple[Json, int, list[Json]]] = [
    (
        {"url": "/v1/products?limit=100&fields=name,variants(first:20){sku}"}, 211,
        [{"operation": "product_list", "points": 211, "rows": 2100}],
    ),
    (
        {"url": "/v2/products?limit=20&fields=id,category{id}&include=total"}, 10,
        [{"operation": "product_list", "points": 10, "rows": 40}],
    ),
    ({"url": "/v1/categories/a/products?fields=id"}, 3, [{"operation": "category_products", "points": 3, "rows": 20}]),
    ({"url": "/products/a?fields=id#there"}, 1, [{"operation": "product_get", "points": 1, "rows": 0}]),
    ({"url": "/v1/rate-limit"}, 0, [{"operation": "rate_limit", "points": 0, "rows": 0}]),
    ({"url": "/v1/price", "method": "POST"}, 1, [{"operation": "price", "points": 1, "rows": 0}]),
    (
        {
            "document": "query ($n: Int!) { products(first: $n) { nodes { variants(first: 20) { sku } } } }",
            "variables": {"n": 100},
        },
        211, [{"operation": "product_list", "points": 211, "rows": 2100}],
    ),
    (
        {
            "document": """query A { products { nodes { id } } product(slug: "x") { id } __typename }
                query B { __typename }""",
            "operation_name": "A",
        },
        4,
        [{"operation": "product_list", "points": 3, "rows": 20}, {"operation": "product_get", "points": 1, "rows": 0}],
    ),
    ({"document": "{ rateLimit { used } }"}, 0, [{"operation": "rate_limit", "points": 0, "rows": 0}]),
    ({"document": "{ __typename }"}, 1, []),
    ({"document": "{ __schema { queryType { name } } }"}, 5, [{"operation": "__schema", "points": 5, "rows": 0}]),
    ({"document": "{ nodes(ids: []) { id } }"}, 1, [{"operation": "nodes", "points": 1, "rows": 0}]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "points", "operations"), QUOTES)
async def test_a_quote_is_the_cost_of_the_request(
    anonymous: httpx.AsyncClient, body: Json, points: int, operations: list[Json]
) -> None:
    assert await quote(anonymous, body) == {
        "points": points,
        "limit": 600,
        "allowed": True,
        "affordable": True,
        "operations": operations,
    }


async def test_writes_and_batches_are_quoted_without_being_run(shop: TradepostApp, member: httpx.AsyncClient) -> None:
    items = {"items": [{"op": "create", "input": {"name": "Quoted"}}] * 7}
    before = await count_products(shop)
    for body, points in (
        ({"url": "/v1/products?fields=variants{id}", "method": "POST"}, 11),
        ({"url": "/v1/products/x", "method": "DELETE"}, 10),
        ({"url": "/v1/products/batch?fields=id", "method": "POST", "body": items}, 70),
        ({"url": "/v1/products/batch?fields=id", "method": "POST"}, 10),
        (
            {
                "document": """mutation {
                  a: productCreate(input: {name: "Quoted"}) { id }
                  b: productCreate(input: {name: "Quoted"}) { id }
                }"""
            },
            20,
        ),
    ):
        assert (await quote(member, body))["points"] == points
    assert await count_products(shop) == before


async def count_products(shop: TradepostApp) -> Any:
    """Return the number of products."""
    async with shop.state.database.engine.connect() as connection:
        return (await connection.exec_driver_sql("SELECT count(*) FROM product")).scalar()


async def test_a_quote_is_charged_for_compiling_and_the_request_reuses_the_plan(anonymous: httpx.AsyncClient) -> None:
    await anonymous.post(PRICE, json={"url": "/v1/rate-limit"})
    second = await anonymous.post(PRICE, json={"url": "/v1/rate-limit"})
    assert (request_cost(second), second.headers["cache-control"]) == (1, "no-store")
    url, text = "/v1/products?fields=id,slug,updated_at", "{ products { nodes { id slug updatedAt } } }"
    for body in ({"url": url}, {"document": text}):
        costs = [request_cost(await anonymous.post(PRICE, json=body)) for _ in range(2)]
        assert costs == [11, 1]
    assert (await post(anonymous, text)).json()["extensions"]["cost"]["requested"] == 3
    new = "{ tags { nodes { id slug productCount } } }"
    both = await post(anonymous, '{ price(document: "' + new + '") { points } }')
    assert request_cost(both) == both.json()["extensions"]["cost"]["charged"] == 21, (
        "the quoting document and the quoted document are both new"
    )
    assert (await post(anonymous, new)).json()["extensions"]["cost"]["requested"] == 3


async def test_a_quote_over_the_limit_or_the_budget_is_returned_and_not_refused(
    anonymous: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    expensive = {"url": "/v1/products?limit=100&fields=variants(first:60){id}"}
    assert await quote(anonymous, expensive) | {"operations": 0} == {
        "points": 611,
        "limit": 600,
        "allowed": False,
        "affordable": False,
        "operations": 0,
    }
    assert await quote(member, expensive) | {"operations": 0} == {
        "points": 611,
        "limit": 1000,
        "allowed": True,
        "affordable": True,
        "operations": 0,
    }
    affordable_once = {"url": "/v1/products?limit=100&fields=variants(first:57){id}"}
    assert (await quote(anonymous, affordable_once))["points"] == 581
    second = await quote(anonymous, affordable_once)
    assert (second["allowed"], second["affordable"]) == (True, False)


NOT_QUOTED: list[tuple[Json, int, str, set[tuple[str, str]]]] = [
    ({}, 422, "validation", {("/document", "one_of")}),
    ({"document": "{ __typename }", "url": "/v1/products"}, 422, "validation", {("/document", "one_of")}),
    ({"document": "{ __typename }", "method": "POST"}, 422, "validation", {("/method", "not_allowed")}),
    ({"url": "/v1/products", "variables": {}}, 422, "validation", {("/variables", "not_allowed")}),
    ({"url": "https://elsewhere.example/v1/products"}, 422, "validation", {("/url", "invalid_format")}),
    ({"document": ""}, 422, "validation", {("/document", "too_short")}),
    ({"document": "{ products { nodes { nam } } }"}, 422, "validation", {("/document", "invalid_document")}),
    ({"document": "{ a"}, 422, "validation", {("/document", "invalid_document")}),
    ({"document": "{ products(first: 0) { nodes { id } } tags(first: 101) { nodes { id } } }"}, 422, "validation",
     {("/document", "invalid_parameter")}),
    (
        {"document": "query ($n: Int) { tags(first: $n) { totalCount } }", "variables": {"n": "x"}}, 422, "validation",
        {("/variables", "invalid_variables")},
    ),
    (
        {"document": "{ a: __typename }", "operation_name": "B"}, 422, "validation",
        {("/operation_name", "unknown_operation")},
    ),
    ({"document": "{ audit { nodes { id } } }"}, 422, "validation", {("/document", "unauthenticated")}),
    ({"document": "{ products { nodes { source } } }"}, 422, "validation", {("/document", "unauthenticated")}),
    (
        {"document": "mutation { " + " ".join([f'm{n}: productDelete(id: "x") {{ id }}' for n in range(5)]) + " }"},
        400, "too_many_mutations", set(),
    ),
    (
        {"document": "{ products { nodes { " + " ".join([f"a{n}: id" for n in range(51)]) + " } } }"}, 400,
        "too_many_aliases", set(),
    ),
    ({"document": "{ products { nodes { " + "id " * 20_000 + " } } }"}, 400, "document_too_large", set()),
    ({"url": "/v1/products?limit=0"}, 422, "validation", {("/url", "invalid_parameter")}),
    ({"url": "/v1/products?fields=nope"}, 422, "validation", {("/url", "invalid_parameter")}),
    ({"url": "/v1/products?fields=source"}, 422, "validation", {("/url", "unauthenticated")}),
    ({"url": "/v2/products?page=2"}, 422, "validation", {("/url", "invalid_parameter")}),
    ({"url": "/v1/audit?nothing=1"}, 422, "validation", {("/url", "unauthenticated")}),
    ({"url": "/v9/products"}, 422, "validation", {("/url", "invalid_parameter")}),
    ({"url": "/v1/products/a/b/c"}, 422, "validation", {("/url", "not_found")}),
    ({"url": "/graphql?query={__typename}"}, 422, "validation", {("/url", "not_found")}),
    ({"url": "/v1/products/batch", "method": "PUT"}, 422, "validation", {("/method", "method_not_allowed")}),
    (
        {"url": "/v1/products?fields=" + ",".join([f"a{n}:id" for n in range(51)])}, 400, "too_many_aliases",
        {("fields", "invalid")},
    ),
    (
        {"url": "/v1/products?fields=" + "category{products{" * 6 + "id" + "}}" * 6}, 400, "too_deep",
        {("fields", "invalid")},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code", "expected"), NOT_QUOTED)
async def test_an_invalid_request_is_refused_with_the_pointer_of_the_member(
    anonymous: httpx.AsyncClient, body: Json, status: int, code: str, expected: set[tuple[str, str]]
) -> None:
    assert await refusal(anonymous, body) == (status, code, expected)


async def test_a_quote_without_the_permission_is_forbidden(app: TradepostApp, anonymous: httpx.AsyncClient) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name="a customer", role="customer")}
    for body in ({"url": "/v1/audit"}, {"document": "{ audit { nodes { id } } }"}):
        answer = await anonymous.post(PRICE, json=body, headers=headers)
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {(f"/{next(iter(body))}", "forbidden")}


async def test_a_quote_does_not_reveal_a_hidden_schema(settings: Settings) -> None:
    shop = create_app(msgspec.structs.replace(settings, redis_url=None, introspection=False))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        for body in ({"url": "/v1/products?fields=nam"}, {"document": "{ products { nodes { nam } } }"}):
            answer = await client.post(PRICE, json=body)
            assert_problem(answer, 422, "validation")
            assert "Allowed" not in answer.text
            assert "Did you mean" not in answer.text
        answer = await client.post(PRICE, json={"document": "{ __schema { queryType { name } } }"})
        assert faults(answer) == {("/document", "introspection_off")}
