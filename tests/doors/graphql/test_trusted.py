"""Trusted documents: registered in a folder and called by name, by hash or by text; and documents that are persisted by their hash as they come (APQ)."""

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

from tests.budgets import spent, steady
from tests.conftest import HERE
from tests.doors.graphql.house import Json
from tests.factories import make_product
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings, SettingsError

GRAPHQL = "application/graphql-response+json"
CARD = """# What a card shows.
query Card($slug: String!) {
  product(slug: $slug) { ...Card }
}

fragment Card on Product { id name slug variants(first: 2) { sku } }
"""
SHELF = """query Shelf($first: Int = 3, $filter: ProductFilter, $sort: [ProductSort!], $ids: [ID!] = [], $total: Boolean = false) {
  products(first: $first, filter: $filter, sort: $sort) { nodes { id name } totalCount @include(if: $total) }
  nodes(ids: $ids) { __typename id }
}
"""
FIRST = "query First { products(first: 1) { nodes { id name } } }\n"
FOLDER = {
    "Card": CARD,
    "Shelf": SHELF,
    "First": FIRST,
    "One": "query One($id: ID!) { node(id: $id) { __typename id ... on Product { name } } }",
}
FOLDER |= {"Audit": "query Audit { audit(first: 3) { nodes { id } } }"}


def digest(text: str) -> str:
    """How a client names a text."""
    return sha256(text.encode()).hexdigest()


def apq(hash: str, **more: Any) -> Json:
    """What Apollo's clients put into a request."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}, **more}


def params(body: Json) -> dict[str, str]:
    """The same request as the parameters of a GET."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}


def codes(answer: httpx.Response) -> list[str]:
    """The codes of an answer's errors."""
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of good documents."""
    made = tmp_path_factory.mktemp("documents")
    for name, text in FOLDER.items():
        (made / f"{name}.graphql").write_text(text)
    (made / "notes.txt").write_text("These are no documents.")
    return made


@asynccontextmanager
async def opened(settings: Settings, **changed: Any) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """A shop of its own over the same database, with a visitor."""
    shop = create_app(msgspec.structs.replace(settings, **changed))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as visitor:
        yield shop, visitor


@pytest.fixture(scope="module")
async def shop(
    app: TradepostApp, settings: Settings, folder: Path
) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """A shop that has registered the folder."""
    async with opened(settings, documents=str(folder)) as found:
        yield found


@pytest.fixture
def visitor(shop: tuple[TradepostApp, httpx.AsyncClient]) -> httpx.AsyncClient:
    """A visitor of that shop."""
    return shop[1]


@pytest.fixture(scope="module")
async def slug(shop: tuple[TradepostApp, httpx.AsyncClient]) -> str:
    """A product that is there."""
    return (await shop[1].get("/v1/products", params={"limit": 1})).json()["data"][0]["slug"]


# Registered documents


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_a_call_by_name_is_a_graphql_get_in_bytes_headers_and_cost(
    visitor: httpx.AsyncClient, slug: str, staff_key: str, accept: str
) -> None:
    for name, variables in [
        ("Card", {"slug": slug}),
        ("Card", {"slug": "there-is-none"}),
        ("Shelf", {"first": 2, "filter": {"q": "oak"}}),
        ("First", {}),
    ]:
        for credential in ({}, {"X-API-Key": staff_key}):
            headers = {"Accept": accept, "X-Request-ID": "the-same", **credential}
            given = {n: v if isinstance(v, str) else json.dumps(v) for n, v in variables.items()}
            asked = params({"query": FOLDER[name], "variables": variables})
            by_name, by_text = [
                await visitor.get(p, params=q, headers=headers)
                for _ in range(2)
                for p, q in ((f"/documents/{name}", given), ("/graphql", asked))
            ][2:]
            assert by_name.status_code == 200
            assert "errors" not in by_name.json()
            assert by_name.content == by_text.content
            assert steady(by_name) == steady(by_text)
            assert spent(by_name) == spent(by_text) > 0
            versioned = await visitor.get(f"/v1/documents/{name}", params=given, headers=headers)
            assert versioned.content == by_name.content
            assert versioned.headers["etag"] == by_name.headers["etag"]
            assert "X-API-Version" not in versioned.headers["vary"]


async def test_what_visitors_get_is_public_and_what_is_known_is_304(
    visitor: httpx.AsyncClient, slug: str, staff_key: str
) -> None:
    first = await visitor.get("/v1/documents/Card", params={"slug": slug})
    assert first.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=300"
    known = {"If-None-Match": first.headers["etag"]}
    again = await visitor.get("/v1/documents/Card", params={"slug": slug}, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert (await visitor.get("/v1/documents/Card", params={"slug": slug}, headers={"X-API-Key": staff_key})).headers[
        "cache-control"
    ] == "private, no-cache"
    head = await visitor.head("/v1/documents/Card", params={"slug": slug})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])
    refused = await visitor.post("/v1/documents/Card", params={"slug": slug})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert (
        await visitor.get("/v1/documents/Card", params={"slug": slug}, headers={"Accept": "image/png"})
    ).status_code == 406


async def test_the_fast_lane_and_litestars_route_answer_alike(
    settings: Settings, folder: Path, visitor: httpx.AsyncClient, slug: str
) -> None:
    async with opened(settings, documents=str(folder), fast_lane=False) as (_, slow):
        for path in (
            f"/v1/documents/Card?slug={slug}",
            "/v2/documents/Shelf?first=x",
            "/documents/Nobody",
            "/v1/documents/Card",
        ):
            fast, routed = [await c.get(path, headers={"X-Request-ID": "the-same"}) for c in (visitor, slow)]
            assert (fast.status_code, fast.content) == (routed.status_code, routed.content)
            assert steady(fast) == steady(routed)


async def test_every_kind_of_variable_is_read_by_its_type(visitor: httpx.AsyncClient) -> None:
    given = {"first": "2", "filter": '{"status": "ACTIVE"}', "sort": '["NAME_DESC"]', "total": "true"}
    found = (await visitor.get("/v1/documents/Shelf", params=given)).json()["data"]
    names = [n["name"] for n in found["products"]["nodes"]]
    assert len(names) == 2
    assert names == sorted(names, reverse=True)
    assert found["products"]["totalCount"] >= 2
    ids = json.dumps([n["id"] for n in found["products"]["nodes"]])
    assert [
        n["__typename"] for n in (await visitor.get("/v1/documents/Shelf", params={"ids": ids})).json()["data"]["nodes"]
    ] == ["Product"] * 2


@pytest.mark.parametrize(
    ("query", "blamed", "said"),
    [
        ("Card", "slug", "`slug` is missing."),
        ("Card?slug=a&slug=b", "slug", "`slug` is given twice."),
        ("Card?slag=a", "slag", "`slag` is no parameter here. Allowed: slug."),
        ("First?x=1", "x", "`x` is no parameter here; this document has none."),
        ("Shelf?first=two", "first", "`first` is not a whole number."),
        ("Shelf?first=2.0", "first", "`first` is not a whole number."),
        ("Shelf?first=", "first", "`first` is not a whole number."),
        ("Shelf?first=99999999999", "first", None),
        ("Shelf?total=1", "total", "`total` is neither `true` nor `false`."),
        ("Shelf?filter=oak", "filter", None),
        ('Shelf?filter={"nobody":1}', "filter", None),
        ('Shelf?sort=["UPSIDE_DOWN"]', "sort", None),
        ("Shelf?filter=" + "[" * 5000, "filter", None),
    ],
)
async def test_a_parameter_that_cannot_be_used_is_named(
    visitor: httpx.AsyncClient, query: str, blamed: str, said: str | None
) -> None:
    answer = await visitor.get(f"/v1/documents/{query}")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "invalid_parameter"), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert {fault["parameter"] for fault in body["errors"]} == {blamed}
    if said is not None:
        assert body["detail"] == said
    assert spent(answer) == 1


async def test_a_name_that_is_not_registered_is_404_and_names_are_listed_to_those_who_may_see_them(
    settings: Settings, folder: Path, staff_key: str
) -> None:
    async with opened(settings, documents=str(folder), introspection=False) as (_, visitor):
        for headers, listed in (({}, False), ({"X-API-Key": staff_key}, True)):
            answer = await visitor.get("/v1/documents/Carb", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert ("`Card`" in answer.text) is listed
            assert (
                "slug" in (await visitor.get("/v1/documents/Card?slag=1", headers=headers)).json()["detail"]
            ) is listed


async def test_without_a_folder_nothing_is_registered(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/documents/Card")).json()["code"] == "not_found"


async def test_a_registered_document_is_known_by_the_hashes_that_clients_make_of_it(
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
            asked = body | {"variables": {"slug": slug}}
            by_post, by_get = (
                await visitor.post("/graphql", json=asked),
                await visitor.get("/graphql", params=params(asked)),
            )
            assert by_post.json()["data"] == by_get.json()["data"] == expected["data"]


async def test_a_registered_document_costs_nothing_for_being_compiled(
    settings: Settings, folder: Path, slug: str
) -> None:
    async with opened(settings, documents=str(folder)) as (fresh, visitor):
        answers = [await visitor.get("/v1/documents/Card", params={"slug": slug}) for _ in range(2)]
        assert spent(answers[0]) == spent(answers[1])
        answers = [await visitor.post("/graphql", json=apq(digest(SHELF))) for _ in range(2)]
        assert spent(answers[0]) == spent(answers[1])
        assert fresh.state.graphql.executor.documents.made == 0
        other = await visitor.get("/graphql", params={"query": CARD + "#", "variables": json.dumps({"slug": slug})})
        assert spent(other) == spent(await visitor.get("/v1/documents/Card", params={"slug": slug})) + 10


async def test_registered_documents_are_compiled_at_start_and_never_forgotten(
    shop: tuple[TradepostApp, httpx.AsyncClient], slug: str
) -> None:
    registered = shop[0].state.graphql.executor.registered
    assert {name for name, document in registered.by_name.items() if document.only.plans} >= {"Card", "First", "One"}
    for at in range(1100):
        shop[0].state.graphql.executor.documents.get(f"{{ __typename }} # {at}", lambda: registered.by_name["First"])
    assert (await shop[1].post("/graphql", json=apq(digest(CARD), variables={"slug": slug}))).json()["data"]["product"][
        "slug"
    ] == slug
    shop[0].state.graphql.executor.documents.kept.clear()


async def test_who_may_not_may_not_through_a_registered_document_either(
    visitor: httpx.AsyncClient, client: httpx.AsyncClient, staff_key: str
) -> None:
    refused = await visitor.get("/v1/documents/Audit")
    assert codes(refused) == ["unauthenticated"]
    assert refused.headers["cache-control"] == "no-store"
    assert "errors" not in (await visitor.get("/v1/documents/Audit", headers={"X-API-Key": staff_key})).json()
    assert (await visitor.get("/v1/documents/Audit", headers={"X-API-Key": "tp_nothing_good"})).status_code == 401


async def test_a_hidden_row_is_hidden_by_name_and_by_node(
    visitor: httpx.AsyncClient, staff: httpx.AsyncClient, staff_key: str
) -> None:
    hidden = await make_product(staff, status="draft")
    for path, where in (
        (f"/v1/documents/One?id={hidden['id']}", "node"),
        (f"/v1/documents/Card?slug={hidden['slug']}", "product"),
    ):
        assert (await visitor.get(path)).json()["data"] == {where: None}
        assert (await visitor.get(path, headers={"X-API-Key": staff_key})).json()["data"][where]["id"] == hidden["id"]


async def test_an_empty_budget_and_a_price_over_the_ceiling_are_problems(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "Wide.graphql").write_text(
        "query Wide($n: Int!) { products(first: $n) { nodes { variants(first: $n) { id } } } }"
    )
    async with opened(settings, documents=str(tmp_path), budget_anonymous=500, redis_url=None) as (_, visitor):
        dear = await visitor.get("/v1/documents/Wide?n=100")
        assert (dear.status_code, dear.json()["code"]) == (400, "too_expensive")
        for _ in range(100):
            answer = await visitor.get("/v1/documents/Wide?n=50")
            if answer.status_code != 200:
                break
        assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "retry-after" in answer.headers


async def test_a_hash_that_is_no_hash_of_ours_is_told_in_the_way_that_apollos_clients_know(
    visitor: httpx.AsyncClient,
) -> None:
    unknown = apq(digest("query Nobody { __typename }"))
    for ask in (
        lambda **h: visitor.post("/graphql", json=unknown, headers=h),
        lambda **h: visitor.get("/graphql", params=params(unknown), headers=h),
    ):
        answer = await ask()
        assert (answer.status_code, codes(answer)) == (200, ["PERSISTED_QUERY_NOT_SUPPORTED"])
        assert answer.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
        assert answer.headers["cache-control"] == "no-store"
        assert (await ask(Accept=GRAPHQL)).status_code == 400


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
async def test_a_reference_that_cannot_be_read_is_400(visitor: httpx.AsyncClient, body: Json) -> None:
    for answer in (await visitor.post("/graphql", json=body), await visitor.get("/graphql", params=params(body))):
        assert (answer.status_code, codes(answer)) == (400, ["invalid_parameter"])


async def test_a_text_under_the_hash_of_a_registered_one_is_refused(visitor: httpx.AsyncClient, slug: str) -> None:
    answer = await visitor.post("/graphql", json=apq(digest(CARD), query="{ __typename }", variables={"slug": slug}))
    assert (answer.status_code, codes(answer)) == (400, ["persisted_query_mismatch"])


# A folder that cannot be used stops the start

FAULTS = [
    ("query Card {", "line 1"),
    ("query Card {\n  nothing\n}", "line 2: Cannot query field 'nothing' on type 'Query'"),
    ("query Kard { products { nodes { id } } }", "line 1: the query is called `Kard` and has to be called `Card`"),
    ("\n{ products { nodes { id } } }", "line 2: the query is called nothing and has to be called `Card`"),
    ("query Card { __typename }\nquery B { __typename }", "line 2: there have to be one query and its fragments"),
    ("fragment F on Product { id }", "line 1: "),
    ("mutation Card { productDelete(id: 1) { id } }", "line 1: only queries can be registered, and this is a mutation"),
    ("query Card { __schema { types { name } } }", "line 1: a registered document cannot ask for the schema"),
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


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_a_faulty_file_stops_the_start_with_one_line(
    settings: Settings, tmp_path: Path, text: str | bytes | None, said: str
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
    assert said in line
    assert "\n" not in line


def test_a_folder_that_is_not_there_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^DOCUMENTS: `.*/nowhere` cannot be read: No such file or directory\.$"):
        create_app(msgspec.structs.replace(settings, documents=str(tmp_path / "nowhere")))


# No others


async def test_where_only_registered_documents_are_run_all_else_is_403_for_everybody(
    settings: Settings, folder: Path, slug: str, staff_key: str
) -> None:
    async with opened(settings, documents=str(folder), documents_only=True, apq=True) as (locked, visitor):
        refused = [
            {"query": "{ __typename }"},
            {"query": "{ nonsense"},
            {"query": "{ __schema { types { name } } }"},
            {},
            apq(digest("{ __typename }")),
        ]
        refused += [
            apq(digest("{ __typename }"), query="{ __typename }"),
            {"documentId": f"sha256:{'0' * 64}"},
            {"query": CARD + " "},
        ]
        refused += [{"query": 'mutation { productDelete(id: "x") { id } }'}]
        for headers in ({}, {"X-API-Key": staff_key}, {"Accept": GRAPHQL}):
            for body in refused:
                for answer in (
                    await visitor.post("/graphql", json=body, headers=headers),
                    await visitor.get("/graphql", params=params(body), headers=headers),
                ):
                    assert (answer.status_code, codes(answer)) == (403, ["document_not_trusted"]), body
                    assert spent(answer) == 1
        for accept in ("text/html", "text/html,*/*;q=0.8"):
            page = await visitor.get("/graphql", headers={"Accept": accept})
            assert (page.status_code, page.json()["code"]) == (403, "document_not_trusted")
        assert locked.state.graphql.executor.documents.made == 0
        for body in (apq(digest(CARD)), {"query": CARD}, apq(digest(CARD), query=CARD)):
            asked = body | {"variables": {"slug": slug}}
            for answer in (
                await visitor.post("/graphql", json=asked),
                await visitor.get("/graphql", params=params(asked)),
            ):
                assert answer.json()["data"]["product"]["slug"] == slug
        assert (await visitor.get("/v1/documents/Card", params={"slug": slug})).status_code == 200
        assert (await visitor.get("/v1/products", params={"limit": 1})).status_code == 200


async def test_where_only_registered_documents_are_run_no_others_are_quoted(settings: Settings, folder: Path) -> None:
    async with opened(settings, documents=str(folder), documents_only=True) as (locked, visitor):
        quoted = await visitor.post("/v1/price", json={"document": FIRST})
        assert quoted.status_code == 200, quoted.text
        refused = await visitor.post("/v1/price", json={"document": "{ nobody }"})
        assert (refused.status_code, [e["code"] for e in refused.json()["errors"]]) == (422, ["document_not_trusted"])
        assert locked.state.graphql.executor.documents.made == 0


# Automatic persisted queries


@pytest.fixture
async def learning(app: TradepostApp, settings: Settings) -> AsyncIterator[tuple[TradepostApp, httpx.AsyncClient]]:
    """A shop that persists what it is sent."""
    async with opened(settings, apq=True) as found:
        yield found


def text_of(mark: object) -> str:
    """A document that nobody has sent yet."""
    return f"query Q($first: Int!) {{ products(first: $first) {{ nodes {{ id }} }} }} # {mark}"


async def test_an_apollo_client_sends_the_hash_then_the_text_then_the_hash(
    learning: tuple[TradepostApp, httpx.AsyncClient], request: pytest.FixtureRequest
) -> None:
    text, visitor = text_of(f"{request.node.name} {id(learning)}"), learning[1]
    asked = apq(digest(text), variables={"first": 2}, operationName="Q")
    first = await visitor.get("/graphql", params=params(asked))
    assert (first.status_code, first.json()["errors"][0]["message"], codes(first)) == (
        200,
        "PersistedQueryNotFound",
        ["PERSISTED_QUERY_NOT_FOUND"],
    )
    assert first.headers["cache-control"] == "no-store"
    assert (await visitor.post("/graphql", json=asked, headers={"Accept": GRAPHQL})).status_code == 404
    registering = await visitor.post("/graphql", json=asked | {"query": text})
    assert len(registering.json()["data"]["products"]["nodes"]) == 2
    for _ in range(2):
        by_get, by_post = (
            await visitor.get("/graphql", params=params(asked)),
            await visitor.post("/graphql", json=asked),
        )
        assert by_get.json()["data"] == by_post.json()["data"] == registering.json()["data"]
        assert "etag" in by_get.headers
        assert spent(by_get) == spent(by_post) == spent(registering) - 10
    assert (await visitor.post("/graphql", json=apq(digest(text), query=text, variables={"first": 2}))).json()[
        "data"
    ] == registering.json()["data"]


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
async def test_what_is_refused_is_not_kept(
    learning: tuple[TradepostApp, httpx.AsyncClient], query: str, variables: Json
) -> None:
    shop, visitor = learning
    answer = await visitor.post("/graphql", json=apq(digest(query), query=query, variables=variables))
    assert "errors" in answer.json()
    assert len(shop.state.graphql.persisted.own.kept) == 0
    assert codes(await visitor.post("/graphql", json=apq(digest(query), variables=variables))) == [
        "PERSISTED_QUERY_NOT_FOUND"
    ]


async def test_a_text_under_a_wrong_hash_is_refused_and_not_kept(
    learning: tuple[TradepostApp, httpx.AsyncClient],
) -> None:
    shop, visitor = learning
    answer = await visitor.post("/graphql", json=apq("0" * 64, query="{ __typename }"))
    assert (answer.status_code, codes(answer)) == (400, ["persisted_query_mismatch"])
    assert len(shop.state.graphql.persisted.own.kept) == 0
    assert "0" * 64 not in shop.state.graphql.executor.documents


async def test_a_mutation_is_never_run_by_get_nor_kept_from_one(
    learning: tuple[TradepostApp, httpx.AsyncClient], staff_key: str
) -> None:
    shop, visitor = learning
    text = 'mutation { productCreate(input: {name: "By Hash"}) { id } }'
    headers = {"X-API-Key": staff_key}
    assert (
        await visitor.get("/graphql", params=params(apq(digest(text), query=text)), headers=headers)
    ).status_code == 405
    assert len(shop.state.graphql.persisted.own.kept) == 0
    made = await visitor.post(
        "/graphql", json=apq(digest(text), query=text), headers={**headers, "Idempotency-Key": "by-hash"}
    )
    assert "errors" not in made.json()
    again = await visitor.post("/graphql", json=apq(digest(text)), headers={**headers, "Idempotency-Key": "by-hash"})
    assert again.json()["data"] == made.json()["data"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (await visitor.get("/graphql", params=params(apq(digest(text))), headers=headers)).status_code == 405


async def test_the_store_is_bounded_and_forgets_what_was_used_longest_ago(settings: Settings) -> None:
    async with opened(settings, apq=True, redis_url=None) as (shop, visitor):
        texts = [f"{{ __typename }} # {n}" for n in range(4)]
        shop.state.graphql.persisted.own.most = 3
        for text in texts[:3]:
            await visitor.post("/graphql", json=apq(digest(text), query=text))
        await visitor.post("/graphql", json=apq(digest(texts[0])))
        await visitor.post("/graphql", json=apq(digest(texts[3]), query=texts[3]))
        known = ["data" in (await visitor.post("/graphql", json=apq(digest(text)))).json() for text in texts]
        assert known == [True, False, True, True]


async def test_without_apq_a_text_with_its_hash_is_run_and_not_kept(client: httpx.AsyncClient) -> None:
    text = "{ __typename } # with a hash"
    assert (await client.post("/graphql", json=apq(digest(text), query=text))).json()["data"] == {"__typename": "Query"}
    assert codes(await client.post("/graphql", json=apq(digest(text)))) == ["PERSISTED_QUERY_NOT_SUPPORTED"]
