"""Trusted documents, called by name, hash or text, and automatic persisted queries (APQ)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from graphql import parse, print_ast

from tests.conftest import HERE
from tests.doors.graphql.graphql_app import Json
from tests.factories import make_product
from tests.rate_limit_headers import request_cost, stable_headers
from tradepost.app import TradepostApp, create_app
from tradepost.kit.lru import ENTRY_OVERHEAD
from tradepost.settings import Settings, SettingsError

GRAPHQL = "application/graphql-response+json"
CARD = """# The fields of a card.
query Card($slug: String!) {
  product(slug: $slug) { ...Card }
}

fragment Card on Product { id name slug variants(first: 2) { sku } }
"""
LISTING = """query Listing(
  $first: Int = 3, $filter: ProductFilter, $sort: [ProductSort!], $ids: [ID!] = [], $total: Boolean = false
) {
  products(first: $first, filter: $filter, sort: $sort) { nodes { id name } totalCount @include(if: $total) }
  nodes(ids: $ids) { __typename id }
}
"""
FIRST = "query First { products(first: 1) { nodes { id name } } }\n"
FOLDER = {
    "Card": CARD,
    "Listing": LISTING,
    "First": FIRST,
    "One": "query One($id: ID!) { node(id: $id) { __typename id ... on Product { name } } }",
    "Audit": "query Audit { audit(first: 3) { nodes { id } } }",
}


def digest(text: str) -> str:
    """Return the hash that clients send for a text."""
    return sha256(text.encode()).hexdigest()


def apq(hash: str, **more: Any) -> Json:
    """Return the request body of an Apollo client that sends a hash."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}, **more}


def params(body: Json) -> dict[str, str]:
    """Return the same request as query parameters."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}


def codes(answer: httpx.Response) -> list[str]:
    """Return the codes of the errors of a response."""
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of valid documents."""
    path = tmp_path_factory.mktemp("documents")
    for name, text in FOLDER.items():
        (path / f"{name}.graphql").write_text(text)
    (path / "notes.txt").write_text("This is not a document.")
    return path


@asynccontextmanager
async def running_app(settings: Settings, **changes: Any) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """Another app over the same database, and a client without a credential."""
    shop = create_app(msgspec.structs.replace(settings, **changes))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as visitor:
        yield shop, visitor


@pytest.fixture(scope="module")
async def shop(
    app: TradepostApp, settings: Settings, folder: Path
) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """An app with the documents of the folder, and its client."""
    async with running_app(settings, documents=str(folder)) as app_and_client:
        yield app_and_client


@pytest.fixture
def visitor(shop: tuple[TradepostApp, httpx.AsyncClient]) -> httpx.AsyncClient:
    """The client of that app."""
    return shop[1]


@pytest.fixture(scope="module")
async def slug(shop: tuple[TradepostApp, httpx.AsyncClient]) -> str:
    """The slug of a product."""
    return (await shop[1].get("/v1/products", params={"limit": 1})).json()["data"][0]["slug"]


# Trusted documents


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_a_get_by_name_has_the_bytes_headers_and_cost_of_a_get_with_the_text(
    visitor: httpx.AsyncClient, slug: str, staff_key: str, accept: str
) -> None:
    for name, variables in [
        ("Card", {"slug": slug}),
        ("Card", {"slug": "there-is-none"}),
        ("Listing", {"first": 2, "filter": {"q": "oak"}}),
        ("First", {}),
    ]:
        for credential in ({}, {"X-API-Key": staff_key}):
            headers = {"Accept": accept, "X-Request-ID": "the-same", **credential}
            named = (f"/documents/{name}", params(variables))
            text = ("/graphql", params({"query": FOLDER[name], "variables": variables}))
            by_name, by_text = [
                await visitor.get(path, params=query, headers=headers)
                for _ in range(2)
                for path, query in (named, text)
            ][2:]
            assert by_name.status_code == 200
            assert "errors" not in by_name.json()
            assert by_name.content == by_text.content
            assert stable_headers(by_name) == stable_headers(by_text)
            assert request_cost(by_name) == request_cost(by_text) > 0
            versioned = await visitor.get(f"/v1/documents/{name}", params=params(variables), headers=headers)
            assert versioned.content == by_name.content
            assert versioned.headers["etag"] == by_name.headers["etag"]
            assert "X-API-Version" not in versioned.headers["vary"]


async def test_an_anonymous_response_is_public_and_a_known_etag_is_304(
    visitor: httpx.AsyncClient, slug: str, staff_key: str
) -> None:
    first = await visitor.get("/v1/documents/Card", params={"slug": slug})
    assert first.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=300"
    known = {"If-None-Match": first.headers["etag"]}
    again = await visitor.get("/v1/documents/Card", params={"slug": slug}, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    by_staff = await visitor.get("/v1/documents/Card", params={"slug": slug}, headers={"X-API-Key": staff_key})
    assert by_staff.headers["cache-control"] == "private, no-cache"
    head = await visitor.head("/v1/documents/Card", params={"slug": slug})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])
    refused = await visitor.post("/v1/documents/Card", params={"slug": slug})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    as_image = await visitor.get("/v1/documents/Card", params={"slug": slug}, headers={"Accept": "image/png"})
    assert as_image.status_code == 406


async def test_the_fast_path_and_litestars_route_return_the_same_response(
    settings: Settings, folder: Path, visitor: httpx.AsyncClient, slug: str
) -> None:
    async with running_app(settings, documents=str(folder), fast_lane=False) as (_, slow):
        for path in (
            f"/v1/documents/Card?slug={slug}",
            "/v2/documents/Listing?first=x",
            "/documents/Unknown",
            "/v1/documents/Card",
        ):
            fast, routed = [await c.get(path, headers={"X-Request-ID": "the-same"}) for c in (visitor, slow)]
            assert (fast.status_code, fast.content) == (routed.status_code, routed.content)
            assert stable_headers(fast) == stable_headers(routed)


async def test_a_parameter_is_read_by_the_type_of_its_variable(visitor: httpx.AsyncClient) -> None:
    parameters = {"first": "2", "filter": '{"status": "ACTIVE"}', "sort": '["NAME_DESC"]', "total": "true"}
    products = (await visitor.get("/v1/documents/Listing", params=parameters)).json()["data"]["products"]
    names = [node["name"] for node in products["nodes"]]
    assert len(names) == 2
    assert names == sorted(names, reverse=True)
    assert products["totalCount"] >= 2
    ids = json.dumps([node["id"] for node in products["nodes"]])
    nodes = (await visitor.get("/v1/documents/Listing", params={"ids": ids})).json()["data"]["nodes"]
    assert [node["__typename"] for node in nodes] == ["Product"] * 2


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        ("Card", "slug", "`slug` is missing."),
        ("Card?slug=a&slug=b", "slug", "`slug` is given twice."),
        ("Card?slag=a", "slag", "`slag` is not a parameter here. Did you mean `slug`? Allowed: slug."),
        ("First?x=1", "x", "`x` is not a parameter here; this document has none."),
        ("Listing?first=two", "first", "`first` is not a whole number."),
        ("Listing?first=2.0", "first", "`first` is not a whole number."),
        ("Listing?first=", "first", "`first` is not a whole number."),
        ("Listing?first=99999999999", "first", None),
        ("Listing?total=1", "total", "`total` is neither `true` nor `false`."),
        ("Listing?filter=oak", "filter", None),
        ('Listing?filter={"unknown":1}', "filter", None),
        ('Listing?sort=["UPSIDE_DOWN"]', "sort", None),
        ("Listing?filter=" + "[" * 5000, "filter", None),
    ],
)
async def test_an_invalid_parameter_is_named(
    visitor: httpx.AsyncClient, query: str, parameter: str, detail: str | None
) -> None:
    answer = await visitor.get(f"/v1/documents/{query}")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "invalid_parameter"), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["parameter"] for error in body["errors"]} == {parameter}
    if detail is not None:
        assert body["detail"] == detail
    assert request_cost(answer) == 1


async def test_an_unknown_name_is_404_and_names_are_listed_only_to_authenticated_callers(
    settings: Settings, folder: Path, staff_key: str
) -> None:
    async with running_app(settings, documents=str(folder), introspection=False) as (_, visitor):
        for headers, listed in (({}, False), ({"X-API-Key": staff_key}, True)):
            answer = await visitor.get("/v1/documents/Carb", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert ("`Card`" in answer.text) is listed
            misspelled = await visitor.get("/v1/documents/Card?slag=1", headers=headers)
            assert ("slug" in misspelled.json()["detail"]) is listed


async def test_without_a_folder_there_are_no_trusted_documents(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/documents/Card")).json()["code"] == "not_found"


async def test_a_trusted_document_is_found_by_every_hash_that_clients_compute(
    visitor: httpx.AsyncClient, slug: str
) -> None:
    expected = (await visitor.get("/v1/documents/Card", params={"slug": slug})).json()
    for text in (CARD, CARD.strip(), print_ast(parse(CARD))):
        for body in (
            apq(digest(text)),
            apq(digest(text).upper()),
            apq(digest(text), query=text),
            {"documentId": f"sha256:{digest(text)}"},
            {"query": text},
        ):
            request = body | {"variables": {"slug": slug}}
            by_post = await visitor.post("/graphql", json=request)
            by_get = await visitor.get("/graphql", params=params(request))
            assert by_post.json()["data"] == by_get.json()["data"] == expected["data"]


async def test_a_trusted_document_is_not_charged_for_compilation(settings: Settings, folder: Path, slug: str) -> None:
    async with running_app(settings, documents=str(folder)) as (fresh, visitor):
        answers = [await visitor.get("/v1/documents/Card", params={"slug": slug}) for _ in range(2)]
        assert request_cost(answers[0]) == request_cost(answers[1])
        answers = [await visitor.post("/graphql", json=apq(digest(LISTING))) for _ in range(2)]
        assert request_cost(answers[0]) == request_cost(answers[1])
        assert fresh.state.graphql.executor.documents.misses == 0
        other = await visitor.get("/graphql", params={"query": CARD + "#", "variables": json.dumps({"slug": slug})})
        assert request_cost(other) == request_cost(await visitor.get("/v1/documents/Card", params={"slug": slug})) + 10


async def test_trusted_documents_are_compiled_at_the_start_and_never_evicted(
    shop: tuple[TradepostApp, httpx.AsyncClient], slug: str
) -> None:
    executor, visitor = shop[0].state.graphql.executor, shop[1]
    trusted = executor.trusted_documents.by_name
    compiled = {name for name, document in trusted.items() if document.single_operation.plans.values}
    assert compiled >= {"Card", "First", "One"}
    for number in range(1100):
        executor.documents.get_or_create(f"{{ __typename }} # {number}", lambda: trusted["First"])
    answer = await visitor.post("/graphql", json=apq(digest(CARD), variables={"slug": slug}))
    assert answer.json()["data"]["product"]["slug"] == slug
    executor.documents.clear()


async def test_a_trusted_document_needs_the_permissions_of_its_fields(
    visitor: httpx.AsyncClient, client: httpx.AsyncClient, staff_key: str
) -> None:
    refused = await visitor.get("/v1/documents/Audit")
    assert codes(refused) == ["unauthenticated"]
    assert refused.headers["cache-control"] == "no-store"
    assert "errors" not in (await visitor.get("/v1/documents/Audit", headers={"X-API-Key": staff_key})).json()
    assert (await visitor.get("/v1/documents/Audit", headers={"X-API-Key": "tp_nothing_good"})).status_code == 401


async def test_a_trusted_document_does_not_show_hidden_rows(
    visitor: httpx.AsyncClient, staff: httpx.AsyncClient, staff_key: str
) -> None:
    hidden = await make_product(staff, status="draft")
    for path, field in (
        (f"/v1/documents/One?id={hidden['id']}", "node"),
        (f"/v1/documents/Card?slug={hidden['slug']}", "product"),
    ):
        assert (await visitor.get(path)).json()["data"] == {field: None}
        assert (await visitor.get(path, headers={"X-API-Key": staff_key})).json()["data"][field]["id"] == hidden["id"]


async def test_an_exceeded_quota_is_429_and_a_query_over_the_maximum_price_400(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "Wide.graphql").write_text(
        "query Wide($n: Int!) { products(first: $n) { nodes { variants(first: $n) { id } } } }"
    )
    async with running_app(settings, documents=str(tmp_path), budget_anonymous=500, redis_url=None) as (_, visitor):
        expensive = await visitor.get("/v1/documents/Wide?n=100")
        assert (expensive.status_code, expensive.json()["code"]) == (400, "too_expensive")
        answer = await visitor.get("/v1/documents/Wide?n=50")
        for _ in range(100):
            if answer.status_code != 200:
                break
            answer = await visitor.get("/v1/documents/Wide?n=50")
        assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "retry-after" in answer.headers


async def test_an_unknown_hash_is_refused_with_the_message_of_apollo(
    visitor: httpx.AsyncClient,
) -> None:
    unknown = apq(digest("query Unknown { __typename }"))
    for send in (
        lambda **h: visitor.post("/graphql", json=unknown, headers=h),
        lambda **h: visitor.get("/graphql", params=params(unknown), headers=h),
    ):
        answer = await send()
        assert (answer.status_code, codes(answer)) == (200, ["PERSISTED_QUERY_NOT_SUPPORTED"])
        assert answer.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
        assert answer.headers["cache-control"] == "no-store"
        assert (await send(Accept=GRAPHQL)).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"extensions": {"persistedQuery": "x"}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": digest(CARD)}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 1}}},
        {"documentId": "Card"},
        {"documentId": "sha256:abc"},
        {"documentId": f"sha256:{digest(CARD)}", "query": CARD},
    ],
)
async def test_an_invalid_document_reference_is_400(visitor: httpx.AsyncClient, body: Json) -> None:
    for answer in (await visitor.post("/graphql", json=body), await visitor.get("/graphql", params=params(body))):
        assert (answer.status_code, codes(answer)) == (400, ["invalid_parameter"])


async def test_a_text_with_the_hash_of_a_trusted_document_is_refused(visitor: httpx.AsyncClient, slug: str) -> None:
    answer = await visitor.post("/graphql", json=apq(digest(CARD), query="{ __typename }", variables={"slug": slug}))
    assert (answer.status_code, codes(answer)) == (400, ["persisted_query_mismatch"])


# Invalid folders

INVALID_FILES = [
    ("query Card {", "line 1"),
    ("query Card {\n  nothing\n}", "line 2: Cannot query field 'nothing' on type 'Query'"),
    (
        "query Kard { products { nodes { id } } }",
        "line 1: the query must be named `Card`, like the file, but is named `Kard`",
    ),
    ("\n{ products { nodes { id } } }", "line 2: the query must be named `Card`, like the file, but has no name"),
    ("query Card { __typename }\nquery B { __typename }", "line 2: the file must contain one query and its fragments"),
    ("fragment F on Product { id }", "line 1: "),
    ("mutation Card { productDelete(id: 1) { id } }", "line 1: the document must be a query, but it is a mutation"),
    ("query Card { __schema { types { name } } }", "line 1: a trusted document cannot select the schema"),
    (
        "query Card { products(first: 100) { nodes { variants(first: 100) { id product { name } } } } }",
        "the query costs up to ",
    ),
    ("query Card { products { nodes { id } } }" + " " * 20_000, ": The document has more than 20000 bytes"),
    (
        "query Card {" + "".join(f" a{n}: products {{ nodes {{ id }} }}" for n in range(51)) + "}",
        ": At most 50 aliases are allowed",
    ),
    (b"query Card { \xff }", ": is not UTF-8"),
    (None, ": cannot be read: "),
]


@pytest.mark.parametrize(("text", "message"), INVALID_FILES)
def test_an_invalid_file_stops_the_start_with_one_line(
    settings: Settings, tmp_path: Path, text: str | bytes | None, message: str
) -> None:
    path = tmp_path / "Card.graphql"
    if text is None:
        path.mkdir()
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as refused:
        create_app(msgspec.structs.replace(settings, documents=str(tmp_path)))
    line = str(refused.value)
    assert line.startswith("DOCUMENTS: `Card.graphql`")
    assert message in line
    assert "\n" not in line


def test_a_missing_folder_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^DOCUMENTS: `.*/nowhere` cannot be read: No such file or directory\.$"):
        create_app(msgspec.structs.replace(settings, documents=str(tmp_path / "nowhere")))


# Only trusted documents


async def test_with_documents_only_every_other_document_is_403(
    settings: Settings, folder: Path, slug: str, staff_key: str
) -> None:
    async with running_app(settings, documents=str(folder), documents_only=True, apq=True) as (locked, visitor):
        refused = [
            {"query": "{ __typename }"},
            {"query": "{ nonsense"},
            {"query": "{ __schema { types { name } } }"},
            {},
            apq(digest("{ __typename }")),
            apq(digest("{ __typename }"), query="{ __typename }"),
            {"documentId": f"sha256:{'0' * 64}"},
            {"query": CARD + " "},
            {"query": 'mutation { productDelete(id: "x") { id } }'},
        ]
        for headers in ({}, {"X-API-Key": staff_key}, {"Accept": GRAPHQL}):
            for body in refused:
                for answer in (
                    await visitor.post("/graphql", json=body, headers=headers),
                    await visitor.get("/graphql", params=params(body), headers=headers),
                ):
                    assert (answer.status_code, codes(answer)) == (403, ["document_not_trusted"]), body
                    assert request_cost(answer) == 1
        for accept in ("text/html", "text/html,*/*;q=0.8"):
            page = await visitor.get("/graphql", headers={"Accept": accept})
            assert (page.status_code, page.json()["code"]) == (403, "document_not_trusted")
        assert locked.state.graphql.executor.documents.misses == 0
        for body in (apq(digest(CARD)), {"query": CARD}, apq(digest(CARD), query=CARD)):
            request = body | {"variables": {"slug": slug}}
            for answer in (
                await visitor.post("/graphql", json=request),
                await visitor.get("/graphql", params=params(request)),
            ):
                assert answer.json()["data"]["product"]["slug"] == slug
        assert (await visitor.get("/v1/documents/Card", params={"slug": slug})).status_code == 200
        assert (await visitor.get("/v1/products", params={"limit": 1})).status_code == 200


async def test_with_documents_only_other_documents_have_no_quote(settings: Settings, folder: Path) -> None:
    async with running_app(settings, documents=str(folder), documents_only=True) as (locked, visitor):
        quoted = await visitor.post("/v1/price", json={"document": FIRST})
        assert quoted.status_code == 200, quoted.text
        refused = await visitor.post("/v1/price", json={"document": "{ nothing }"})
        assert (refused.status_code, [e["code"] for e in refused.json()["errors"]]) == (422, ["document_not_trusted"])
        assert locked.state.graphql.executor.documents.misses == 0


# Automatic persisted queries


@pytest.fixture
async def apq_app(app: TradepostApp, settings: Settings) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """An app with automatic persisted queries, and its client."""
    async with running_app(settings, apq=True) as app_and_client:
        yield app_and_client


def new_document(comment: object) -> str:
    """Return a document that is not persisted yet."""
    return f"query Q($first: Int!) {{ products(first: $first) {{ nodes {{ id }} }} }} # {comment}"


async def test_an_apollo_client_sends_the_hash_then_the_text_then_the_hash(
    apq_app: tuple[TradepostApp, httpx.AsyncClient], request: pytest.FixtureRequest
) -> None:
    text, visitor = new_document(f"{request.node.name} {id(apq_app)}"), apq_app[1]
    body = apq(digest(text), variables={"first": 2}, operationName="Q")
    first = await visitor.get("/graphql", params=params(body))
    assert (first.status_code, first.json()["errors"][0]["message"], codes(first)) == (
        200,
        "PersistedQueryNotFound",
        ["PERSISTED_QUERY_NOT_FOUND"],
    )
    assert first.headers["cache-control"] == "no-store"
    assert (await visitor.post("/graphql", json=body, headers={"Accept": GRAPHQL})).status_code == 404
    registering = await visitor.post("/graphql", json=body | {"query": text})
    assert len(registering.json()["data"]["products"]["nodes"]) == 2
    for _ in range(2):
        by_get, by_post = (
            await visitor.get("/graphql", params=params(body)),
            await visitor.post("/graphql", json=body),
        )
        assert by_get.json()["data"] == by_post.json()["data"] == registering.json()["data"]
        assert "etag" in by_get.headers
        assert request_cost(by_get) == request_cost(by_post) == request_cost(registering) - 10
    again = await visitor.post("/graphql", json=apq(digest(text), query=text, variables={"first": 2}))
    assert again.json()["data"] == registering.json()["data"]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ nothing }", {}),
        ("{ products(first: 1) { nodes {", {}),
        ("query ($n: Int!) { products(first: $n) { nodes { id } } }", {}),
        ("query ($n: Int!) { products(first: $n) { nodes { variants(first: $n) { id } } } }", {"n": 100}),
        ("{" + "".join(f" a{n}: products {{ nodes {{ id }} }}" for n in range(51)) + "}", {}),
        ("{ __typename }" + " " * 20_000, {}),
    ],
)
async def test_a_refused_document_is_not_persisted(
    apq_app: tuple[TradepostApp, httpx.AsyncClient], query: str, variables: Json
) -> None:
    shop, visitor = apq_app
    answer = await visitor.post("/graphql", json=apq(digest(query), query=query, variables=variables))
    assert "errors" in answer.json()
    assert len(shop.state.graphql.persisted.recent.entries) == 0
    assert codes(await visitor.post("/graphql", json=apq(digest(query), variables=variables))) == [
        "PERSISTED_QUERY_NOT_FOUND"
    ]


async def test_a_text_with_a_wrong_hash_is_refused_and_not_persisted(
    apq_app: tuple[TradepostApp, httpx.AsyncClient],
) -> None:
    shop, visitor = apq_app
    answer = await visitor.post("/graphql", json=apq("0" * 64, query="{ __typename }"))
    assert (answer.status_code, codes(answer)) == (400, ["persisted_query_mismatch"])
    assert len(shop.state.graphql.persisted.recent.entries) == 0
    assert codes(await visitor.post("/graphql", json=apq("0" * 64))) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_a_mutation_by_get_is_neither_run_nor_persisted(
    apq_app: tuple[TradepostApp, httpx.AsyncClient], staff_key: str
) -> None:
    shop, visitor = apq_app
    text = 'mutation { productCreate(input: {name: "By Hash"}) { id } }'
    headers = {"X-API-Key": staff_key}
    by_get = await visitor.get("/graphql", params=params(apq(digest(text), query=text)), headers=headers)
    assert by_get.status_code == 405
    assert len(shop.state.graphql.persisted.recent.entries) == 0
    with_key = headers | {"Idempotency-Key": "by-hash"}
    by_post = await visitor.post("/graphql", json=apq(digest(text), query=text), headers=with_key)
    assert "errors" not in by_post.json()
    again = await visitor.post("/graphql", json=apq(digest(text)), headers=with_key)
    assert again.json()["data"] == by_post.json()["data"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (await visitor.get("/graphql", params=params(apq(digest(text))), headers=headers)).status_code == 405


async def test_the_store_is_bounded_and_evicts_the_least_recently_used_text(settings: Settings) -> None:
    async with running_app(settings, apq=True, redis_url=None) as (shop, visitor):
        texts = [f"{{ __typename }} # {n}" for n in range(4)]
        recent = shop.state.graphql.persisted.recent
        recent.max_bytes = 3 * (ENTRY_OVERHEAD + recent.size("", texts[0]))
        for text in texts[:3]:
            await visitor.post("/graphql", json=apq(digest(text), query=text))
        await visitor.post("/graphql", json=apq(digest(texts[0])))
        await visitor.post("/graphql", json=apq(digest(texts[3]), query=texts[3]))
        stored = ["data" in (await visitor.post("/graphql", json=apq(digest(text)))).json() for text in texts]
        assert stored == [True, False, True, True]


async def test_without_apq_a_text_with_its_hash_is_run_and_not_persisted(client: httpx.AsyncClient) -> None:
    text = "{ __typename } # with a hash"
    assert (await client.post("/graphql", json=apq(digest(text), query=text))).json()["data"] == {"__typename": "Query"}
    assert codes(await client.post("/graphql", json=apq(digest(text)))) == ["PERSISTED_QUERY_NOT_SUPPORTED"]
