"""GraphQL over HTTP: parameters, media types, statuses, and what caches may keep."""

import json
from typing import Any

import httpx
import pytest

from tests.budgets import steady
from tests.doors.graphql.house import Json, ask, errors_of
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

GRAPHQL = "application/graphql-response+json"
TYPENAME = "{ __typename }"


async def post(client: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    """A POST of a body as it stands."""
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
async def test_the_answer_has_the_media_type_that_the_caller_prefers(
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
async def test_what_cannot_be_executed_is_refused_with_its_status(
    client: httpx.AsyncClient, body: Any, as_json: int, as_graphql: int, code: str
) -> None:
    for accept, status in (("application/json", as_json), (GRAPHQL, as_graphql)):
        answer = await post(client, body, accept=accept)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith(accept)
        found = answer.json()
        assert set(found) == {"errors", "extensions"}
        assert set(found["extensions"]) == {"cost"}
        extensions = found["errors"][0]["extensions"]
        assert extensions["code"] == code
        assert extensions["type"] == f"/problems/{code}"
        assert extensions["request_id"] == answer.headers["x-request-id"]
        assert "title" not in extensions
        assert "instance" not in extensions
        assert found["errors"][0]["message"] == extensions["detail"]


async def test_what_was_executed_is_200_even_where_all_of_it_failed(client: httpx.AsyncClient) -> None:
    answer = await post(client, {"query": "{ products(first: 0) { nodes { id } } }"}, accept=GRAPHQL)
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert answer.json()["errors"][0]["path"] == ["products"]


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/msgpack", "application/graphql", ""]
)
async def test_other_bodies_than_json_are_refused(client: httpx.AsyncClient, media: str) -> None:
    answer = await client.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"content-type": media} if media else {}
    )
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


async def test_coded_bodies_are_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, {"query": TYPENAME}, content_encoding="gzip")).status_code == 415


async def test_unknown_media_types_are_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, {"query": TYPENAME}, accept="image/png")).status_code == 406


async def test_a_bad_credential_fails_the_whole_request(client: httpx.AsyncClient) -> None:
    answer = await post(client, {"query": TYPENAME}, x_api_key="tp_nothing_good")
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


async def test_a_get_asks_too(client: httpx.AsyncClient) -> None:
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
async def test_a_get_with_bad_parameters_is_refused(client: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    answer = await client.get("/graphql", params=parameters, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_parameter"


async def test_a_query_string_that_is_no_text_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/graphql?query=%FF%FE")).status_code == 400


async def test_a_get_changes_nothing(staff: httpx.AsyncClient) -> None:
    answer = await staff.get(
        "/graphql", params={"query": 'mutation { categoryCreate(input: {name: "By GET"}) { id } }'}
    )
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    found = await ask(staff, '{ categories(filter: {slug: "by-get"}) { nodes { id } } }')
    assert found["categories"]["nodes"] == []


async def test_the_same_words_are_answered_to_whoever_asks_as_if_for_the_first_time(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    slug = (await ask(staff, 'mutation { productCreate(input: {name: "Asked for in the same words"}) { slug } }'))[
        "productCreate"
    ]["slug"]
    body = {
        "query": "query ($slug: String) { products(filter: {slug: $slug}) { nodes { slug } } }",
        "variables": {"slug": slug},
    }
    seen = [(await post(who, body)).json()["data"]["products"]["nodes"] for who in (client, staff, client, staff)]
    assert seen == [[], [{"slug": slug}], [], [{"slug": slug}]]
    audit = {"query": "{ audit(first: 1) { nodes { id } } }"}
    codes = [
        [e["extensions"]["code"] for e in (await post(who, audit)).json().get("errors", [])]
        for who in (client, staff, client)
    ]
    assert codes[0] == codes[2] == ["unauthenticated"] != codes[1]
    assert await ask(staff, body["query"], **body["variables"]) == {"products": {"nodes": [{"slug": slug}]}}


async def test_the_same_words_write_each_time(staff: httpx.AsyncClient) -> None:
    body = {"query": 'mutation { categoryCreate(input: {name: "Twice in the same words"}) { id } }'}
    first, second = [(await post(staff, body)).json()["data"]["categoryCreate"]["id"] for _ in range(2)]
    assert first != second


async def test_the_words_of_a_get_are_no_body(client: httpx.AsyncClient) -> None:
    words = "query=%7B__typename%7D"
    for _ in range(2):
        assert (await client.get(f"/graphql?{words}")).json() == {"data": {"__typename": "Query"}}
    assert (await post(client, words.encode())).status_code == 400


async def test_words_are_kept_in_a_bounded_number_and_only_where_they_read(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, app: TradepostApp
) -> None:
    known = app.state.graphql.known
    before = set(known.kept)
    await post(staff, {"query": 'mutation { categoryCreate(input: {name: "Words of a write"}) { id } }'})
    await post(client, {"query": "{ __schema { queryType { name } } }"})
    await post(client, {"query": "{ __typename } # " + "long " * 500})
    await post(client, {"query": "{ product(id: 1, nothing: 2) { id } }"})
    assert not set(known.kept) - before
    assert known.most == 1000
    await post(client, {"query": "{ __typename } # short"})
    assert len(set(known.kept) - before) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_not_allowed(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/graphql")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {m.strip() for m in answer.headers["allow"].split(",")}


async def test_head_and_options(client: httpx.AsyncClient) -> None:
    read = await client.get("/graphql", params={"query": TYPENAME})
    head = await client.head("/graphql", params={"query": TYPENAME})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == read.headers["etag"]
    options = await client.options("/graphql")
    assert options.status_code == 204
    assert {"GET", "HEAD", "POST", "OPTIONS"} == {m.strip() for m in options.headers["allow"].split(",")}


async def test_an_answer_to_a_get_is_kept_and_asked_for_again(client: httpx.AsyncClient) -> None:
    parameters = {"query": "{ products(first: 3) { nodes { id name } } }"}
    first = await client.get("/graphql", params=parameters)
    assert first.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=300"
    again = await client.get("/graphql", params=parameters, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await client.get("/graphql", params=parameters, headers={"if-none-match": '"another"'})
    assert other.status_code == 200


async def test_only_public_answers_are_kept_by_shared_caches(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    parameters = {"query": "{ products(first: 1) { nodes { id } } }"}
    assert (await staff.get("/graphql", params=parameters)).headers["cache-control"] == "private, no-cache"
    assert (await client.get("/graphql", params=parameters, headers={"x-cart-token": "secret"})).headers[
        "cache-control"
    ] == "private, no-cache"
    assert (await client.get("/graphql", params={"query": "{ products(first: 0) { nodes { id } } }"})).headers[
        "cache-control"
    ] == "no-store"
    assert (await client.get("/graphql", params={"query": "{"})).headers["cache-control"] == "no-store"


async def test_a_browser_gets_the_explorer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "graphiql" in answer.text.lower()


async def test_faults_are_listed_but_not_without_end(client: httpx.AsyncClient) -> None:
    fields = " ".join([f"nothing{i}" for i in range(80)])
    assert len(await errors_of(client, "{ " + fields + " }")) == 50


@pytest.fixture
async def closed(app: TradepostApp, settings: Settings) -> Any:
    """A visitor of a shop that hides its schema from visitors."""
    shop = create_app(
        Settings(**{n: getattr(settings, n) for n in settings.__struct_fields__} | {"introspection": False})
    )
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as visitor,
    ):
        yield visitor


async def test_with_introspection_off_only_known_callers_see_the_schema(
    closed: httpx.AsyncClient, staff_key: str
) -> None:
    for query in (
        "{ __schema { queryType { name } } }",
        '{ ...F } fragment F on Query { __type(name: "Query") { name } }',
    ):
        found = await errors_of(closed, query)
        assert found[0]["extensions"]["code"] == "introspection_off"
        answer = await post(closed, {"query": query}, x_api_key=staff_key)
        assert "errors" not in answer.json()
    assert "Did you mean" not in (await errors_of(closed, "{ product { idd } }"))[0]["message"]
    assert (
        "Did you mean"
        in (await post(closed, {"query": "{ product { idd } }"}, x_api_key=staff_key)).json()["errors"][0]["message"]
    )
    query = "{ products(sort: [NAME_ASC, NAME_DESC]) { nodes { id } } }"
    assert (await errors_of(closed, query))[0]["message"] == "`NAME_DESC` is given twice."
    assert "Allowed" in (await post(closed, {"query": query}, x_api_key=staff_key)).json()["errors"][0]["message"]
    answer = await closed.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.headers["content-type"].startswith("application/json")


async def test_the_fast_lane_and_litestars_route_answer_alike(client: httpx.AsyncClient, settings: Settings) -> None:
    shop = create_app(Settings(**{n: getattr(settings, n) for n in settings.__struct_fields__} | {"fast_lane": False}))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as slow,
    ):
        for query in ("{ products(first: 2) { nodes { id name } } }", "{ nothing }"):
            for method, given in (("POST", {"json": {"query": query}}), ("GET", {"params": {"query": query}})):
                answers = [
                    await visitor.request(method, "/graphql", headers={"x-request-id": "same"}, **given)
                    for visitor in (client, slow)
                ]
                assert (
                    answers[0].content.partition(b',"extensions":{"cost"')[0]
                    == answers[1].content.partition(b',"extensions":{"cost"')[0]
                )
                assert answers[0].status_code == answers[1].status_code
                assert steady(answers[0]) == steady(answers[1])


async def test_a_document_that_looks_at_the_schema_and_at_the_shop_is_answered_as_a_whole(
    client: httpx.AsyncClient,
) -> None:
    data: Json = await ask(
        client, '{ __type(name: "Product") { name } products(first: 1) { nodes { id status } } __typename }'
    )
    assert data["__type"] == {"name": "Product"}
    assert data["products"]["nodes"][0]["status"] == "ACTIVE"
    assert list(data) == ["__type", "products", "__typename"]
