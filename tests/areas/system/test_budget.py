"""What a caller asks of its own budget: what is left, for nothing, and what a request would cost, without running it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import msgspec
import pytest

from tests.budgets import left, spent
from tests.conftest import HERE
from tests.factories import Json, assert_problem, faults
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

STATE = "limit used remaining resetAt windowSeconds requestLimit"
QUOTE = "points limit allowed affordable operations { operation points rows }"
PATH, PRICE = "/v1/rate-limit", "/v1/price"


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[TradepostApp]:
    """A shop of its own with the budgets that it has by default, in buckets whose clock stands still: nothing comes in."""
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


async def post(client: httpx.AsyncClient, text: str, **variables: Any) -> httpx.Response:
    """A document at the GraphQL door."""
    return await client.post("/graphql", json={"query": text, "variables": variables})


async def quoted(client: httpx.AsyncClient, given: Json) -> Json:
    """The quote, which is the same through both doors."""
    here = await client.post(PRICE, json=given)
    assert here.status_code == 200, here.text
    declared = (
        "$document: String, $variables: JSON, $operation_name: String, $url: String, $method: HttpMethod, $body: JSON"
    )
    arguments = "document: $document, variables: $variables, operationName: $operation_name, url: $url, method: $method, body: $body"
    there = (await post(client, f"query ({declared}) {{ price({arguments}) {{ {QUOTE} }} }}", **given)).json()
    assert "errors" not in there, there
    assert here.json() == there["data"]["price"]
    return here.json()


async def refused(client: httpx.AsyncClient, given: Json) -> tuple[int, str, set[tuple[str, str]]]:
    """Status, code and faults of a refused quote, the same through both doors."""
    here = await client.post(PRICE, json=given)
    declared = (
        "$document: String, $variables: JSON, $operation_name: String, $url: String, $method: HttpMethod, $body: JSON"
    )
    arguments = "document: $document, variables: $variables, operationName: $operation_name, url: $url, method: $method, body: $body"
    there = (await post(client, f"query ({declared}) {{ price({arguments}) {{ points }} }}", **given)).json()
    assert there["data"] == {"price": None}
    [error] = there["errors"]
    said, here_said = error["extensions"], here.json()
    same = ("code", "status", "detail", "errors")
    assert {n: said.get(n) for n in same} == {n: here_said.get(n) for n in same}
    assert here.headers["content-type"] == "application/problem+json"
    return here.status_code, here_said["code"], faults(here) if here_said.get("errors") else set()


async def test_the_state_is_told_for_nothing_and_agrees_with_the_headers(visitor: httpx.AsyncClient) -> None:
    answers = [await visitor.get(PATH) for _ in range(3)]
    for answer in answers:
        assert (answer.status_code, spent(answer), left(answer)) == (200, 0, 600)
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
    await visitor.get("/v1/products/none")
    answer = await visitor.get(PATH)
    state = answer.json()
    assert (spent(answer), state["remaining"], state["used"]) == (0, left(answer), 600 - left(answer))
    assert 0 < state["used"] <= 11
    assert int(datetime.fromisoformat(state["reset_at"]).timestamp()) - int(answer.headers["x-ratelimit-reset"]) in (
        -1,
        0,
        1,
    )


async def test_graphql_tells_the_same_and_only_a_new_document_is_paid(visitor: httpx.AsyncClient) -> None:
    text = f"{{ rateLimit {{ {STATE} }} }}"
    first, second = await post(visitor, text), await post(visitor, text)
    assert (spent(first), spent(second)) == (10, 0)
    for answer in (first, second):
        cost, state = answer.json()["extensions"]["cost"], answer.json()["data"]["rateLimit"]
        assert cost["charged"] == spent(answer)
        assert state["remaining"] == cost["remaining"] == left(answer) == 590
    third = await visitor.get("/graphql", params={"query": text})
    assert (spent(third), third.headers["cache-control"]) == (0, "no-store")
    rest = (await visitor.get(PATH)).json()
    names = {"resetAt": "reset_at", "windowSeconds": "window_seconds", "requestLimit": "request_limit"}
    assert {names.get(n, n): v for n, v in third.json()["data"]["rateLimit"].items()} | {"reset_at": ""} == rest | {
        "reset_at": ""
    }


async def test_beside_other_fields_it_tells_what_is_left_in_any_case(visitor: httpx.AsyncClient) -> None:
    text = "{ products(first: 100) { nodes { id } } rateLimit { remaining } again: rateLimit { used } }"
    await post(visitor, text)
    answer = await post(visitor, text)
    data, cost = answer.json()["data"], answer.json()["extensions"]["cost"]
    assert cost["requested"] == 11
    assert (
        data["rateLimit"]["remaining"]
        == 600 - data["again"]["used"]
        == cost["remaining"] - (cost["requested"] - cost["charged"])
    )


async def test_an_empty_bucket_is_told_of_too(visitor: httpx.AsyncClient) -> None:
    text = "{ rateLimit { remaining } }"
    await post(visitor, text)
    while (await visitor.get("/v1/products/none")).status_code != 429:
        pass
    for answer in (await visitor.get(PATH), await visitor.get("/v2/rate-limit"), await post(visitor, text)):
        assert (answer.status_code, spent(answer)) == (200, 0)
        body = answer.json()
        assert (body["data"]["rateLimit"] if "data" in body else body)["remaining"] == 0
    assert (await visitor.get(PATH, params={"fields": "remaining,limit"})).status_code == 429, (
        "a text of the caller's own has to be read, which is paid"
    )
    assert (await post(visitor, "{ rateLimit { used } }")).status_code == 429


async def test_each_caller_has_a_budget_of_its_own(visitor: httpx.AsyncClient, member: httpx.AsyncClient) -> None:
    assert (await member.get(PATH)).json()["request_limit"] == 1000
    assert [(await client.get(PATH)).json()["limit"] for client in (visitor, member)] == [600, 6000]


async def test_the_state_has_an_equal_document_and_fields_and_messagepack(visitor: httpx.AsyncClient) -> None:
    text = await visitor.get(PATH, params={"fields": "remaining,used"}, headers={"accept": "application/graphql"})
    assert text.text == "{ rateLimit { remaining used } }\n"
    packed = await visitor.get(PATH, params={"fields": "limit"}, headers={"accept": "application/msgpack"})
    assert msgspec.msgpack.decode(packed.content) == {"limit": 600}
    assert_problem(await visitor.get(PATH, params={"fields": "nope"}), 400, "invalid_parameter")
    assert_problem(await visitor.post(PATH), 405, "method_not_allowed")


async def test_the_shared_bucket_is_told_truly(client: httpx.AsyncClient) -> None:
    """The shop of all tests: on PostgreSQL its buckets are in Redis."""
    answer = await client.get(PATH)
    assert (answer.json()["remaining"], spent(answer)) == (left(answer), 0)
    assert answer.json()["limit"] == 1_000_000_000


QUOTES: list[tuple[Json, int, list[Json]]] = [
    ({"url": "/v1/products?limit=100&fields=name,variants(first:20){sku}"}, 211, [{"operation": "product_list", "points": 211, "rows": 2100}]),
    ({"url": "/v2/products?limit=20&fields=id,category{id}&include=total"}, 10, [{"operation": "product_list", "points": 10, "rows": 40}]),
    ({"url": "/v1/categories/a/products?fields=id"}, 3, [{"operation": "category_products", "points": 3, "rows": 20}]),
    ({"url": "/products/a?fields=id#there"}, 1, [{"operation": "product_get", "points": 1, "rows": 0}]),
    ({"url": "/v1/rate-limit"}, 0, [{"operation": "rate_limit", "points": 0, "rows": 0}]),
    ({"url": "/v1/price", "method": "POST"}, 1, [{"operation": "price", "points": 1, "rows": 0}]),
    ({"document": "query ($n: Int!) { products(first: $n) { nodes { variants(first: 20) { sku } } } }", "variables": {"n": 100}}, 211,
     [{"operation": "product_list", "points": 211, "rows": 2100}]),
    ({"document": 'query A { products { nodes { id } } product(slug: "x") { id } __typename } query B { __typename }', "operation_name": "A"}, 4,
     [{"operation": "product_list", "points": 3, "rows": 20}, {"operation": "product_get", "points": 1, "rows": 0}]),
    ({"document": "{ rateLimit { used } }"}, 0, [{"operation": "rate_limit", "points": 0, "rows": 0}]),
    ({"document": "{ __typename }"}, 1, []),
    ({"document": "{ __schema { queryType { name } } }"}, 5, [{"operation": "__schema", "points": 5, "rows": 0}]),
    ({"document": "{ nodes(ids: []) { id } }"}, 1, [{"operation": "nodes", "points": 1, "rows": 0}]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "points", "operations"), QUOTES)
async def test_a_quote_says_what_the_request_would_drain(
    visitor: httpx.AsyncClient, given: Json, points: int, operations: list[Json]
) -> None:
    assert await quoted(visitor, given) == {
        "points": points,
        "limit": 600,
        "allowed": True,
        "affordable": True,
        "operations": operations,
    }


async def test_writes_and_batches_are_quoted_and_not_run(shop: TradepostApp, member: httpx.AsyncClient) -> None:
    items = {"items": [{"op": "create", "input": {"name": "Quoted"}}] * 7}
    before = await count(shop)
    for given, points in (
        ({"url": "/v1/products?fields=variants{id}", "method": "POST"}, 11),
        ({"url": "/v1/products/x", "method": "DELETE"}, 10),
        ({"url": "/v1/products/batch?fields=id", "method": "POST", "body": items}, 70),
        ({"url": "/v1/products/batch?fields=id", "method": "POST"}, 10),
        (
            {
                "document": 'mutation { a: productCreate(input: {name: "Quoted"}) { id } b: productCreate(input: {name: "Quoted"}) { id } }'
            },
            20,
        ),
    ):
        assert (await quoted(member, given))["points"] == points
    assert await count(shop) == before


async def count(shop: TradepostApp) -> Any:
    """How many products there are."""
    async with shop.state.database.engine.connect() as connection:
        return (await connection.exec_driver_sql("SELECT count(*) FROM product")).scalar()


async def test_a_quote_pays_for_what_it_reads_and_the_request_finds_it(visitor: httpx.AsyncClient) -> None:
    await visitor.post(PRICE, json={"url": "/v1/rate-limit"})
    again = await visitor.post(PRICE, json={"url": "/v1/rate-limit"})
    assert (spent(again), again.headers["cache-control"]) == (1, "no-store")
    url, text = "/v1/products?fields=id,slug,updated_at", "{ products { nodes { id slug updatedAt } } }"
    for given in ({"url": url}, {"document": text}):
        costs = [spent(await visitor.post(PRICE, json=given)) for _ in range(2)]
        assert costs == [11, 1]
    assert (await post(visitor, text)).json()["extensions"]["cost"]["requested"] == 3
    fresh = "{ tags { nodes { id slug productCount } } }"
    both = await post(visitor, '{ price(document: "' + fresh + '") { points } }')
    assert spent(both) == both.json()["extensions"]["cost"]["charged"] == 21, (
        "both the document around it and the one in it are new"
    )
    assert (await post(visitor, fresh)).json()["extensions"]["cost"]["requested"] == 3


async def test_what_is_over_the_ceiling_or_the_budget_is_said_and_not_refused(
    visitor: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    dear = {"url": "/v1/products?limit=100&fields=variants(first:60){id}"}
    assert await quoted(visitor, dear) | {"operations": 0} == {
        "points": 611,
        "limit": 600,
        "allowed": False,
        "affordable": False,
        "operations": 0,
    }
    assert await quoted(member, dear) | {"operations": 0} == {
        "points": 611,
        "limit": 1000,
        "allowed": True,
        "affordable": True,
        "operations": 0,
    }
    some = {"url": "/v1/products?limit=100&fields=variants(first:57){id}"}
    assert (await quoted(visitor, some))["points"] == 581
    poorer = await quoted(visitor, some)
    assert (poorer["allowed"], poorer["affordable"]) == (True, False)


NOT_QUOTED: list[tuple[Json, int, str, set[tuple[str, str]]]] = [
    ({}, 422, "validation", {("/document", "one_of")}),
    ({"document": "{ __typename }", "url": "/v1/products"}, 422, "validation", {("/document", "one_of")}),
    ({"document": "{ __typename }", "method": "POST"}, 422, "validation", {("/method", "not_allowed")}),
    ({"url": "/v1/products", "variables": {}}, 422, "validation", {("/variables", "not_allowed")}),
    ({"url": "https://elsewhere.example/v1/products"}, 422, "validation", {("/url", "invalid_format")}),
    ({"document": ""}, 422, "validation", {("/document", "too_short")}),
    ({"document": "{ products { nodes { nam } } }"}, 422, "validation", {("/document", "invalid_document")}),
    ({"document": "{ a"}, 422, "validation", {("/document", "invalid_document")}),
    ({"document": "{ products(first: 0) { nodes { id } } tags(first: 101) { nodes { id } } }"}, 422, "validation", {("/document", "invalid_parameter")}),
    ({"document": "query ($n: Int) { tags(first: $n) { totalCount } }", "variables": {"n": "x"}}, 422, "validation", {("/variables", "invalid_variables")}),
    ({"document": "{ a: __typename }", "operation_name": "B"}, 422, "validation", {("/operation_name", "unknown_operation")}),
    ({"document": "{ audit { nodes { id } } }"}, 422, "validation", {("/document", "unauthenticated")}),
    ({"document": "{ products { nodes { source } } }"}, 422, "validation", {("/document", "unauthenticated")}),
    ({"document": "mutation { " + " ".join([f'm{n}: productDelete(id: "x") {{ id }}' for n in range(5)]) + " }"}, 400, "too_many_mutations", set()),
    ({"document": "{ products { nodes { " + " ".join([f"a{n}: id" for n in range(51)]) + " } } }"}, 400, "too_many_aliases", set()),
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
    ({"url": "/v1/products?fields=" + ",".join([f"a{n}:id" for n in range(51)])}, 400, "too_many_aliases", set()),
    ({"url": "/v1/products?fields=" + "category{products{" * 6 + "id" + "}}" * 6}, 400, "too_deep", set()),
]  # fmt: skip


@pytest.mark.parametrize(("given", "status", "code", "expected"), NOT_QUOTED)
async def test_what_would_be_refused_is_refused_here_naming_the_member(
    visitor: httpx.AsyncClient, given: Json, status: int, code: str, expected: set[tuple[str, str]]
) -> None:
    found = await refused(visitor, given)
    assert (found[0], found[1]) == (status, code)
    if code == "validation":
        assert found[2] == expected


async def test_a_known_caller_without_the_permission_is_told_forbidden(
    app: TradepostApp, visitor: httpx.AsyncClient
) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name="a customer", role="customer")}
    for given in ({"url": "/v1/audit"}, {"document": "{ audit { nodes { id } } }"}):
        answer = await visitor.post(PRICE, json=given, headers=headers)
        assert_problem(answer, 422, "validation")
        assert faults(answer) == {(f"/{next(iter(given))}", "forbidden")}


async def test_where_the_schema_is_hidden_a_quote_does_not_tell_it(settings: Settings) -> None:
    shop = create_app(msgspec.structs.replace(settings, redis_url=None, introspection=False))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as stranger:
        for given in ({"url": "/v1/products?fields=nam"}, {"document": "{ products { nodes { nam } } }"}):
            answer = await stranger.post(PRICE, json=given)
            assert_problem(answer, 422, "validation")
            assert "Allowed" not in answer.text
            assert "Did you mean" not in answer.text
        answer = await stranger.post(PRICE, json={"document": "{ __schema { queryType { name } } }"})
        assert faults(answer) == {("/document", "introspection_off")}
