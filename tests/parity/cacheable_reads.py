"""Requests that the read cache may answer, and the comparison with an app that has none."""

import json
from dataclasses import dataclass
from functools import lru_cache

from tests.app_client import AppClient
from tests.parity.cases import READS, REGISTRY
from tests.parity.fields import graphql_fields
from tests.parity.harness import UNKNOWN_SLUG, ApiClient, DualDoorApp, Json
from tests.parity.sample_rows import SampleRows
from tradepost.app import TradepostApp

type Answer = tuple[int, bytes, Json]

# Headers that differ between any two answers. The price and the rest of the bucket have a test.
VARYING = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-cost")


@dataclass(frozen=True)
class Get:
    """A GET with its headers."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> Json | None:
        """The parameters as httpx takes them. An empty dict would drop the query in the path."""
        return dict(self.params) or None

    async def answer(self, app: TradepostApp, caller: ApiClient) -> Answer:
        """Return an app's answer to a caller: status, bytes, and the headers that do not vary."""
        sent = caller.client.headers
        credentials = {name: sent[name] for name in ("x-api-key", "authorization") if name in sent}
        headers = {"x-request-id": "one"} | credentials | dict(self.headers)
        answer = await client_of(app).get(self.path, params=self.query, headers=headers)
        return answer.status_code, answer.content, {n: v for n, v in answer.headers.items() if n not in VARYING}

    async def cost(self, app: TradepostApp, caller: ApiClient) -> str:
        """Return the points that it costs."""
        async with AppClient(app, headers=caller.client.headers) as client:
            answer = await client.get(self.path, params=self.query, headers=dict(self.headers))
        return answer.headers["x-request-cost"]


@lru_cache(4)
def client_of(app: TradepostApp) -> AppClient:
    """Return the client of an app, without a credential. Creating one takes as long as a read."""
    return AppClient(app)


def graphql_get(text: str) -> Get:
    """Return the GET of a document."""
    return Get("/graphql", (("query", text),))


async def node_reads(harness: DualDoorApp) -> list[Get]:
    """Return cacheable reads of visible rows by `node` and `nodes`, which only GraphQL has."""
    data = await harness.anonymous.data(
        "{ products(first: 5, sort: [CREATED_AT_ASC]) { nodes { id category { id } variants { id } } }"
        " tags { nodes { id } } }"
    )
    product = next(p for p in data["products"]["nodes"] if p["category"] and p["variants"])
    ids = [product["id"], product["category"]["id"], product["variants"][0]["id"], data["tags"]["nodes"][0]["id"]]
    fields = (
        "__typename id ... on Product { name category { name } variants { sku product { name } } }"
        " ... on Category { name products { nodes { name } } }"
    )
    texts = [f'{{ r: node(id: "{id}") {{ {fields} }} }}' for id in ids]
    return [graphql_get(text) for text in (*texts, f"{{ r: nodes(ids: {json.dumps(ids)}) {{ {fields} }} }}")]


def read_by_both_doors(harness: DualDoorApp, operation: str, key: str, fields: str) -> list[Get]:
    """Return the same read as a REST request and as a document."""
    declaration, root = harness.operation(operation), harness.root(operation)
    arguments = [f'{name}: "{value}"' for name, value in harness.key_arguments(operation, key).items()]
    argument = f"({', '.join(arguments)})" if arguments else ""
    selection = graphql_fields(declaration.result, fields)
    body = f"nodes {{ {selection} }}" if declaration.kind == "list" else selection
    path = f"/v1{harness.path(operation, key)}"
    return [Get(path, (("fields", fields),)), graphql_get(f"{{ r: {root.name}{argument} {{ {body} }} }}")]


def public_reads(harness: DualDoorApp, sample_rows: SampleRows, *, full: bool = True) -> dict[str, list[Get]]:
    """Return cacheable reads of every public operation by both doors.

    full: with variations of each: versions, media types, headers, totals and pages.
    """
    reads: dict[str, list[Get]] = {}
    for operation in public_operations(harness):
        declaration, keys = harness.operation(operation), [""]
        if "key" in declaration.signature.parameters:
            keys = [k for k in sample_rows.keys[declaration.path_resource.name] if k != UNKNOWN_SLUG][-2:]
        for key in keys:
            for fields in READS[operation].statements:
                gets = read_by_both_doors(harness, operation, key, fields)
                if full:
                    gets += variations(gets[0], is_list=declaration.kind == "list")
                reads.setdefault(operation, []).extend(gets)
    return reads


def variations(get: Get, is_list: bool) -> list[Get]:
    """Return other requests for the same rows by REST."""
    gets = [
        Get(get.path),
        Get(get.path.replace("/v1", "/v2")),
        Get(get.path, (), (("accept", "application/msgpack"),)),
        Get(get.path, (), (("x-cart-token", "t"),)),
        Get(get.path, get.params, (("accept", "application/graphql"),)),
        Get(get.path, get.params, (("accept-encoding", "gzip"),)),
    ]
    if is_list:
        gets += [
            Get(get.path, (("limit", "1"), ("include", "total"))),
            Get(get.path, (("page", "2"), ("page_size", "1"))),
        ]
    return gets


def public_operations(harness: DualDoorApp) -> list[str]:
    return [name for name, operation in harness.registry.operations.items() if operation.public]


def has_key(operation: str) -> bool:
    return "key" in REGISTRY.operations[operation].signature.parameters


async def assert_fresh(harness: DualDoorApp, uncached: TradepostApp, gets: list[Get]) -> list[Answer]:
    """Assert that both apps answer alike, and return their answers, of each kind of caller.

    Cacheable answers are in the cache afterwards.
    """
    requests = [(caller, get) for caller in readers(harness) for get in gets]
    answers = [await get.answer(uncached, caller) for caller, get in requests]
    await assert_answers(harness, gets, answers)
    return answers


async def assert_answers(harness: DualDoorApp, gets: list[Get], answers: list[Answer]) -> None:
    """Assert that the app with the cache gives these answers."""
    requests = [(caller, get) for caller in readers(harness) for get in gets]
    for (caller, get), expected in zip(requests, answers, strict=True):
        assert await get.answer(harness.app, caller) == expected, (caller.name, get)


def readers(harness: DualDoorApp) -> tuple[ApiClient, ...]:
    """Return a caller whose reads are cached, and one whose reads are not."""
    return harness.anonymous, harness.staff
