"""GraphQL over HTTP: parameters, media types, statuses and caching."""

import json
from typing import Any

import httpx
import msgspec
import pytest

from tests.doors.graphql.graphql_app import Json, query_data, query_errors
from tests.rate_limit_headers import stable_headers
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

GRAPHQL = "application/graphql-response+json"
TYPENAME = "{ __typename }"


async def post(client: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    """POST a body; bytes are sent unchanged."""
    content = body if isinstance(body, bytes) else json.dumps(body)
    return await client.post(
        "/graphql",
        content=content,
        headers={"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}},
    )


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"application/json, {GRAPHQL};q=0.9", "application/json"),
        (f"text/html;q=0.1, {GRAPHQL}", GRAPHQL),
    ],
)
async def test_the_response_has_the_media_type_that_the_caller_prefers(
    client: httpx.AsyncClient, accept: str | None, media: str
) -> None:
    answer = await post(client, {"query": TYPENAME}, **({"accept": accept} if accept else {"accept": ""}))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media}; charset=utf-8"
    assert answer.json()["data"] == {"__typename": "Query"}
    assert answer.headers["cache-control"] == "no-store"


BODIES: list[tuple[Any, int, int, str]] = [
    (b"{", 400, 400, "malformed"),
    (b"", 400, 400, "malformed"),
    (b'{"query": "\xff"}', 400, 400, "malformed"),
    ([{"query": TYPENAME}], 400, 400, "malformed"),
    ("text", 400, 400, "malformed"),
    ({"query": 1}, 400, 400, "malformed"),
    ({"query": TYPENAME, "variables": []}, 400, 400, "malformed"),
    ({"query": TYPENAME, "operationName": {}}, 400, 400, "malformed"),
    ({"query": TYPENAME, "extensions": "x"}, 400, 400, "malformed"),
    ({}, 400, 400, "invalid_parameter"),
    ({"query": None}, 400, 400, "invalid_parameter"),
    ({"query": ""}, 400, 400, "invalid_parameter"),
    ({"query": "{"}, 200, 400, "invalid_document"),
    ({"query": "{}"}, 200, 400, "invalid_document"),
    ({"query": "{ nothing }"}, 200, 400, "invalid_document"),
    ({"query": "subscription { events }"}, 200, 400, "invalid_document"),
    ({"query": "query A { __typename } query B { __typename }"}, 200, 400, "unknown_operation"),
    ({"query": "query A { __typename }", "operationName": "B"}, 200, 400, "unknown_operation"),
    ({"query": "query ($n: Int!) { products(first: $n) { nodes { id } } }"}, 200, 400, "invalid_variables"),
    (
        {"query": "query ($n: Int) { products(first: $n) { nodes { id } } }", "variables": {"n": "x"}},
        200,
        400,
        "invalid_variables",
    ),
    (
        {"query": "query ($f: ProductFilter) { products(filter: $f) { nodes { id } } }", "variables": {"f": {"x": 1}}},
        200,
        400,
        "invalid_variables",
    ),
    ({"query": TYPENAME + " " * 20_000}, 400, 400, "document_too_large"),
    ({"query": "{" + " __typename" * 2_500 + "}"}, 400, 400, "document_too_large"),
    ({"query": "{" + " id" * 2_500 + "}"}, 400, 400, "document_too_large"),
    ({"query": "{" + " tags { nodes { id } }" * 61 + "}"}, 400, 400, "document_too_large"),
]


@pytest.mark.parametrize(("body", "as_json", "as_graphql", "code"), BODIES)
async def test_an_invalid_request_is_refused_with_the_status_of_its_media_type(
    client: httpx.AsyncClient, body: Any, as_json: int, as_graphql: int, code: str
) -> None:
    for accept, status in (("application/json", as_json), (GRAPHQL, as_graphql)):
        answer = await post(client, body, accept=accept)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith(accept)
        response = answer.json()
        assert set(response) == {"errors", "extensions"}
        assert set(response["extensions"]) == {"cost"}
        extensions = response["errors"][0]["extensions"]
        assert extensions["code"] == code
        assert extensions["type"] == f"/problems/{code}"
        assert extensions["request_id"] == answer.headers["x-request-id"]
        assert "title" not in extensions
        assert "instance" not in extensions
        assert response["errors"][0]["message"] == extensions["detail"]


async def test_an_executed_request_is_200_even_if_every_field_failed(client: httpx.AsyncClient) -> None:
    answer = await post(client, {"query": "{ products(first: 0) { nodes { id } } }"}, accept=GRAPHQL)
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert answer.json()["errors"][0]["path"] == ["products"]


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/msgpack", "application/graphql", ""]
)
async def test_a_body_that_is_not_json_is_refused(client: httpx.AsyncClient, media: str) -> None:
    answer = await client.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"content-type": media} if media else {}
    )
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


async def test_a_compressed_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, {"query": TYPENAME}, content_encoding="gzip")).status_code == 415


async def test_an_unknown_accept_type_is_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, {"query": TYPENAME}, accept="image/png")).status_code == 406


async def test_an_invalid_credential_is_401(client: httpx.AsyncClient) -> None:
    answer = await post(client, {"query": TYPENAME}, x_api_key="tp_nothing_good")
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


async def test_a_get_executes_a_query_with_variables_and_operation_name(client: httpx.AsyncClient) -> None:
    query = "query Q($n: Int!) { products(first: $n) { nodes { id } } } query R { __typename }"
    answer = await client.get(
        "/graphql", params={"query": query, "variables": '{"n": 2}', "operationName": "Q", "extensions": "{}"}
    )
    assert answer.status_code == 200
    assert len(answer.json()["data"]["products"]["nodes"]) == 2
    assert "extensions" not in answer.json()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": TYPENAME, "variables": "["},
        {"query": TYPENAME, "variables": "[]"},
        {"query": TYPENAME, "extensions": "1"},
    ],
)
async def test_a_get_with_invalid_parameters_is_refused(client: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    answer = await client.get("/graphql", params=parameters, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_parameter"


async def test_a_query_string_that_is_not_utf_8_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/graphql?query=%FF%FE")).status_code == 400


async def test_a_mutation_by_get_is_405_and_changes_nothing(staff: httpx.AsyncClient) -> None:
    answer = await staff.get(
        "/graphql", params={"query": 'mutation { categoryCreate(input: {name: "By GET"}) { id } }'}
    )
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    data = await query_data(staff, '{ categories(filter: {slug: "by-get"}) { nodes { id } } }')
    assert data["categories"]["nodes"] == []


async def test_an_identical_request_is_authorized_for_each_caller(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    data = await query_data(staff, 'mutation { productCreate(input: {name: "In identical requests"}) { slug } }')
    slug = data["productCreate"]["slug"]
    body = {
        "query": "query ($slug: String) { products(filter: {slug: $slug}) { nodes { slug } } }",
        "variables": {"slug": slug},
    }
    callers = (client, staff, client, staff)
    nodes = [(await post(caller, body)).json()["data"]["products"]["nodes"] for caller in callers]
    assert nodes == [[], [{"slug": slug}], [], [{"slug": slug}]]
    audit = {"query": "{ audit(first: 1) { nodes { id } } }"}
    codes = [
        [e["extensions"]["code"] for e in (await post(caller, audit)).json().get("errors", [])]
        for caller in (client, staff, client)
    ]
    assert codes[0] == codes[2] == ["unauthenticated"] != codes[1]
    assert await query_data(staff, body["query"], **body["variables"]) == {"products": {"nodes": [{"slug": slug}]}}


async def test_an_identical_mutation_writes_each_time(staff: httpx.AsyncClient) -> None:
    body = {"query": 'mutation { categoryCreate(input: {name: "Twice in identical requests"}) { id } }'}
    first, second = [(await post(staff, body)).json()["data"]["categoryCreate"]["id"] for _ in range(2)]
    assert first != second


async def test_the_query_string_of_a_get_is_not_a_cached_body(client: httpx.AsyncClient) -> None:
    query_string = "query=%7B__typename%7D"
    for _ in range(2):
        assert (await client.get(f"/graphql?{query_string}")).json() == {"data": {"__typename": "Query"}}
    assert (await post(client, query_string.encode())).status_code == 400


async def test_only_short_valid_queries_are_cached_as_prepared_requests(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, app: TradepostApp
) -> None:
    cache = app.state.graphql.prepared_requests
    before = set(cache.entries)
    await post(staff, {"query": 'mutation { categoryCreate(input: {name: "Not cached"}) { id } }'})
    await post(client, {"query": "{ __schema { queryType { name } } }"})
    await post(client, {"query": "{ __typename } # " + "long " * 500})
    await post(client, {"query": "{ product(id: 1, nothing: 2) { id } }"})
    assert not set(cache.entries) - before
    await post(client, {"query": "{ __typename } # short"})
    assert len(set(cache.entries) - before) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_not_allowed(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/graphql")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {m.strip() for m in answer.headers["allow"].split(",")}


async def test_head_has_the_headers_of_get_and_options_lists_the_methods(client: httpx.AsyncClient) -> None:
    read = await client.get("/graphql", params={"query": TYPENAME})
    head = await client.head("/graphql", params={"query": TYPENAME})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == read.headers["etag"]
    options = await client.options("/graphql")
    assert options.status_code == 204
    assert {"GET", "HEAD", "POST", "OPTIONS"} == {m.strip() for m in options.headers["allow"].split(",")}


async def test_a_get_with_a_known_etag_is_304(client: httpx.AsyncClient) -> None:
    parameters = {"query": "{ products(first: 3) { nodes { id name } } }"}
    first = await client.get("/graphql", params=parameters)
    assert first.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=300"
    again = await client.get("/graphql", params=parameters, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await client.get("/graphql", params=parameters, headers={"if-none-match": '"another"'})
    assert other.status_code == 200


async def test_only_public_responses_may_be_stored_by_shared_caches(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    parameters = {"query": "{ products(first: 1) { nodes { id } } }"}
    assert (await staff.get("/graphql", params=parameters)).headers["cache-control"] == "private, no-cache"
    with_cart = await client.get("/graphql", params=parameters, headers={"x-cart-token": "secret"})
    assert with_cart.headers["cache-control"] == "private, no-cache"
    failed = await client.get("/graphql", params={"query": "{ products(first: 0) { nodes { id } } }"})
    assert failed.headers["cache-control"] == "no-store"
    assert (await client.get("/graphql", params={"query": "{"})).headers["cache-control"] == "no-store"


async def test_a_browser_gets_the_explorer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "graphiql" in answer.text.lower()


async def test_at_most_50_errors_are_listed(client: httpx.AsyncClient) -> None:
    fields = " ".join([f"nothing{i}" for i in range(80)])
    assert len(await query_errors(client, "{ " + fields + " }")) == 50


@pytest.fixture
async def closed(app: TradepostApp, settings: Settings) -> Any:
    """A client without a credential, of an app with introspection off."""
    shop = create_app(msgspec.structs.replace(settings, introspection=False))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as client,
    ):
        yield client


async def test_with_introspection_off_only_authenticated_callers_see_the_schema(
    closed: httpx.AsyncClient, staff_key: str
) -> None:
    for query in (
        "{ __schema { queryType { name } } }",
        '{ ...F } fragment F on Query { __type(name: "Query") { name } }',
    ):
        errors = await query_errors(closed, query)
        assert errors[0]["extensions"]["code"] == "introspection_off"
        answer = await post(closed, {"query": query}, x_api_key=staff_key)
        assert "errors" not in answer.json()
    assert "Did you mean" not in (await query_errors(closed, "{ product { idd } }"))[0]["message"]
    authenticated = await post(closed, {"query": "{ product { idd } }"}, x_api_key=staff_key)
    assert "Did you mean" in authenticated.json()["errors"][0]["message"]
    query = "{ products(sort: [NAME_ASC, NAME_DESC]) { nodes { id } } }"
    assert (await query_errors(closed, query))[0]["message"] == "`NAME_DESC` is given twice."
    assert "Allowed" in (await post(closed, {"query": query}, x_api_key=staff_key)).json()["errors"][0]["message"]
    answer = await closed.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.headers["content-type"].startswith("application/json")


async def test_the_fast_path_and_litestars_route_return_the_same_response(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    shop = create_app(msgspec.structs.replace(settings, fast_lane=False))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as slow,
    ):
        for query in ("{ products(first: 2) { nodes { id name } } }", "{ nothing }"):
            requests: list[tuple[str, dict[str, Any]]] = [
                ("POST", {"json": {"query": query}}),
                ("GET", {"params": {"query": query}}),
            ]
            for method, parameters in requests:
                fast, routed = [
                    await each.request(method, "/graphql", headers={"x-request-id": "same"}, **parameters)
                    for each in (client, slow)
                ]
                cost = b',"extensions":{"cost"'
                assert fast.content.partition(cost)[0] == routed.content.partition(cost)[0]
                assert fast.status_code == routed.status_code
                assert stable_headers(fast) == stable_headers(routed)


async def test_a_document_may_select_the_schema_and_products(
    client: httpx.AsyncClient,
) -> None:
    data: Json = await query_data(
        client, '{ __type(name: "Product") { name } products(first: 1) { nodes { id status } } __typename }'
    )
    assert data["__type"] == {"name": "Product"}
    assert data["products"]["nodes"][0]["status"] == "ACTIVE"
    assert list(data) == ["__type", "products", "__typename"]
