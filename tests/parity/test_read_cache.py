"""The read cache at both doors: an app with the cache answers as an app without one."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.areas.catalog.case.products import complete_product
from tests.conftest import HERE
from tests.factories import make_media, variant_input
from tests.parity.case import CaseContext, new_mark
from tests.parity.cases import INPUTS, READS, REGISTRY, WriteInput
from tests.parity.door_writer import DoorWriter
from tests.parity.fields import graphql_fields
from tests.parity.harness import ApiClient, DualDoorApp, Json, hypothesis_settings
from tests.parity.prepared_writes import prepare, resolve_body
from tests.parity.sample_rows import SampleRows
from tradepost.app import TradepostApp, create_app
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.settings import Settings

# Headers that differ between any two answers. The price and the rest of the bucket have a test.
VARYING = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-cost")
DOORS = pytest.mark.parametrize("door", ["rest", "graphql"])
NO_SUCH_THING = "no-such-thing"


@pytest.fixture(scope="module")
async def uncached(settings: Settings, anyio_backend: str) -> AsyncIterator[TradepostApp]:
    """A second app over the same rows, without a read cache."""
    app = create_app(msgspec.structs.replace(settings, read_cache=False))
    async with app.lifespan():
        yield app


@pytest.fixture
async def cache(harness: DualDoorApp) -> ReadCache:
    """The app's read cache, empty.

    It is suspended if the database file has not been checked for a while, as no event loop runs
    between two tests.
    """
    cache: ReadCache = harness.app.state.cache
    for _ in range(100):
        if not cache.suspended:
            break
        await asyncio.sleep(0.05)
    assert not cache.suspended
    cache.clear()
    return cache


@dataclass(frozen=True)
class Get:
    """A GET with its headers."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    async def answer(self, app: TradepostApp, caller: ApiClient) -> tuple[int, bytes, Json]:
        """Return an app's answer to a caller: status, bytes, and the headers that do not vary."""
        credentials = {n: v for n, v in caller.client.headers.items() if n in ("x-api-key", "authorization")}
        headers = {"x-request-id": "one"} | credentials | dict(self.headers)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as client:
            answer = await client.get(self.path, params=dict(self.params), headers=headers)
        return answer.status_code, answer.content, {n: v for n, v in answer.headers.items() if n not in VARYING}

    async def cost(self, app: TradepostApp, caller: ApiClient) -> str:
        """Return the points that it costs."""
        transport, headers = httpx.ASGITransport(app=app), caller.client.headers
        async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers) as client:
            answer = await client.get(self.path, params=dict(self.params), headers=dict(self.headers))
        return answer.headers["x-request-cost"]


def graphql_get(text: str) -> Get:
    """Return the GET of a document."""
    return Get("/graphql", (("query", text),))


async def node_reads(harness: DualDoorApp) -> list[Get]:
    """Return cacheable reads of visible rows by `node` and `nodes`, which only GraphQL has."""
    found = await harness.anonymous.data(
        "{ products(first: 5, sort: [CREATED_AT_ASC]) { nodes { id category { id } variants { id } } } tags { nodes { id } } }"
    )
    product = next(p for p in found["products"]["nodes"] if p["category"] and p["variants"])
    ids = [product["id"], product["category"]["id"], product["variants"][0]["id"], found["tags"]["nodes"][0]["id"]]
    fields = (
        "__typename id ... on Product { name category { name } variants { sku product { name } } }"
        " ... on Category { name products { nodes { name } } }"
    )
    texts = [f'{{ r: node(id: "{id}") {{ {fields} }} }}' for id in ids]
    return [graphql_get(text) for text in (*texts, f"{{ r: nodes(ids: {json.dumps(ids)}) {{ {fields} }} }}")]


def read_by_both_doors(harness: DualDoorApp, operation: str, key: str, fields: str) -> list[Get]:
    """Return the same read as a REST request and as a document."""
    declaration, root = harness.operation(operation), harness.root(operation)
    by_slug = "slug" in root.parameters and "-" in key and len(key) < 36
    argument = f'({"slug" if by_slug else next(iter(root.parameters))}: "{key}")' if key else ""
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
            keys = [k for k in sample_rows.keys[declaration.path_resource.name] if k != NO_SUCH_THING][-2:]
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


async def test_a_hit_equals_a_miss_to_the_byte_for_every_public_read(
    harness: DualDoorApp, sample_rows: SampleRows, uncached: TradepostApp, caller: ApiClient, cache: ReadCache
) -> None:
    reads = public_reads(harness, sample_rows) | {"node": await node_reads(harness)}
    for operation, gets in reads.items():
        for get in gets:
            cache.clear()
            misses, hits = cache.misses, cache.hits
            first = await get.answer(harness.app, caller)
            second = await get.answer(harness.app, caller)
            assert first == second == await get.answer(uncached, caller), (operation, get)
            if first[0] != 200 or b'{"r":null}' in first[1]:
                assert (cache.hits - hits, cache.entries) == (0, {}), "a missing row is not cached"
                continue
            for _ in range(20):
                # On SQLite a write of the other app, which stores when a key was used, empties the
                # cache; on a busy machine the connection to Redis may be lost for a moment.
                if (cache.misses - misses, cache.hits - hits) == (1, 1):
                    break
                await asyncio.sleep(0.1 if cache.suspended else 0)
                misses, hits = cache.misses, cache.hits
                cache.clear()
                assert await get.answer(harness.app, caller) == await get.answer(harness.app, caller) == first
            else:
                raise AssertionError((operation, get))
            conditional = Get(get.path, get.params, (*get.headers, ("if-none-match", first[2]["etag"])))
            assert (await conditional.answer(harness.app, caller))[:2] == (304, b"")


async def test_a_hit_costs_what_a_miss_costs(
    harness: DualDoorApp, sample_rows: SampleRows, caller: ApiClient, cache: ReadCache
) -> None:
    for gets in (*public_reads(harness, sample_rows).values(), await node_reads(harness)):
        for get in gets:
            await get.answer(harness.app, caller)  # compiling is charged once
            cache.clear()
            assert await get.cost(harness.app, caller) == await get.cost(harness.app, caller), get


async def test_kinds_of_callers_do_not_share_entries(
    harness: DualDoorApp, sample_rows: SampleRows, uncached: TradepostApp, cache: ReadCache
) -> None:
    callers = list(harness.callers.values())
    for gets in (*public_reads(harness, sample_rows, full=False).values(), await node_reads(harness)):
        for get in gets:
            for caller in (*callers, *reversed(callers)):
                assert await get.answer(harness.app, caller) == await get.answer(uncached, caller), (caller.name, get)


async def test_only_public_reads_are_cached(harness: DualDoorApp, sample_rows: SampleRows, cache: ReadCache) -> None:
    keys = {name: keys[0] for name, keys in sample_rows.keys.items()} | {"User": harness.customer.user.id}
    before = cache.hits, cache.misses
    private = [n for n in READS if not harness.operation(n).public and harness.operation(n).kind != "query"]
    for operation in private:
        key = keys[harness.operation(operation).path_resource.name] if has_key(operation) else ""
        for fields in READS[operation].statements:
            rest, graphql = read_by_both_doors(harness, operation, key, fields)
            for caller in harness.callers.values():
                for _ in range(2):
                    await rest.answer(harness.app, caller)
                    await graphql.answer(harness.app, caller)
    for resource in ("User", "AuditEntry"):
        for caller in harness.callers.values():
            await caller.post(f'{{ node(id: "{keys[resource]}") {{ id }} }}')
            await caller.post(f'{{ nodes(ids: ["{keys[resource]}", "{keys["Product"]}"]) {{ id }} }}')
    assert (cache.hits, cache.misses) == before, "the cache is not even looked up"
    assert (cache.entries, cache.bytes) == ({}, 0)


def has_key(operation: str) -> bool:
    return "key" in REGISTRY.operations[operation].signature.parameters



PUBLIC_RESULTS = {operation.result.name for operation in REGISTRY.operations.values() if operation.public}
CACHED_INPUTS = [valid for valid in INPUTS if valid.operation.result.name in PUBLIC_RESULTS]


@DOORS
@pytest.mark.parametrize("valid", CACHED_INPUTS, ids=str)
async def test_after_a_write_both_doors_return_what_is_stored(
    harness: DualDoorApp, uncached: TradepostApp, cache: ReadCache, valid: WriteInput, door: str
) -> None:
    """Each write of a public resource, on a row whose reads are in the cache."""
    prepared, operation = await prepare(harness, valid), valid.operation
    gets: list[Get] = []
    for name in [n for n in public_operations(harness) if harness.operation(n).result is operation.result]:
        keyed = has_key(name)
        if not keyed or (prepared.key and harness.operation(name).path_resource is operation.path_resource):
            for fields in READS[name].statements:
                gets += read_by_both_doors(harness, name, prepared.key if keyed else "", fields)
    await assert_fresh(harness, uncached, gets)
    outcome = await DoorWriter(harness, prepared.caller, operation.name).write(door, "id", **prepared.arguments)
    assert not isinstance(outcome, tuple), outcome
    await assert_fresh(harness, uncached, gets)


async def assert_fresh(harness: DualDoorApp, uncached: TradepostApp, gets: list[Get]) -> None:
    """Assert that both apps answer alike. Cacheable answers are in the cache afterwards."""
    for caller in (harness.anonymous, harness.staff):
        for get in gets:
            assert await get.answer(harness.app, caller) == await get.answer(uncached, caller), (caller.name, get)


class Scene:
    """A product with everything that belongs to it, and every read that may return any of it."""

    def __init__(
        self, harness: DualDoorApp, product: Json, category: Json, parent: Json, brand: Json, media: str
    ) -> None:
        self.harness, self.product, self.category, self.parent = harness, product, category, parent
        self.keys = {
            "Product": product["id"],
            "Variant": product["variants"][0]["id"],
            "Category": category["id"],
            "Brand": brand["id"],
        }
        self.media, self.tag = media, product["tags"][0]
        self.reads = [*[Get(f"/v1{path}") for path in self.paths()], graphql_get(f"{{ {self.document()} }}")]

    def paths(self) -> list[str]:
        """Return REST reads of the product and of everything around it."""
        id, slug, category, parent = self.product["id"], self.product["slug"], self.category["id"], self.parent["id"]
        relations = (
            "category{name,parent{name}},brand{name},categories{name},variants{sku,product{name}},media{id}"
        )
        return [
            f"/products/{id}",
            f"/products/{slug}",
            f"/products/{id}/variants",
            f"/products/{id}/media",
            f"/products?category={self.category['slug']}",
            f"/products?tag={self.tag}",
            f"/products?slug={slug}",
            "/products?q=whole&include=total&limit=5",
            "/products?limit=5",
            f"/variants/{self.keys['Variant']}",
            f"/media/{self.media}?fields=id,product{{name}}",
            f"/categories/{category}?fields=name,version,parent{{name}},products{{name,variants{{sku}}}}",
            f"/categories/{self.category['slug']}",
            f"/categories/{parent}/children",
            f"/categories/{category}/products",
            "/categories?limit=100",
            f"/brands/{self.keys['Brand']}?fields=name,version,products{{name}}",
            f"/brands/{self.keys['Brand']}/products",
            f"/tags/{self.tag}?fields=slug,product_count",
            f"/tags/{self.tag}/products",
            "/tags?fields=slug,product_count&limit=100",
            f"/products/{id}?fields=id,name,version,tags,{relations}",
        ]

    def document(self) -> str:
        """Return the same reads as GraphQL fields."""
        id, slug, category, parent = self.product["id"], self.product["slug"], self.category["id"], self.parent["id"]
        return f"""
          a: product(id: "{id}") {{
            name version tags category {{ name parent {{ name }} }} brand {{ name }} categories {{ name }}
            variants {{ sku }} media {{ id }}
          }}
          b: product(slug: "{slug}") {{ name status }}
          c: products(first: 5, filter: {{ category: "{self.category["slug"]}" }}) {{ nodes {{ name }} totalCount }}
          d: variant(id: "{self.keys["Variant"]}") {{ sku product {{ name priceFrom {{ amount }} }} }}
          e: productVariants(productId: "{id}") {{ nodes {{ sku version }} }}
          f: category(id: "{category}") {{
            name version parent {{ name }} products {{ nodes {{ name variants {{ sku }} }} }}
          }}
          g: categoryChildren(categoryId: "{parent}") {{ nodes {{ name }} }}
          h: tag(slug: "{self.tag}") {{ productCount products {{ nodes {{ name }} }} }}
          i: media(id: "{self.media}") {{ product {{ name }} }}
          j: tags(first: 100) {{ nodes {{ slug productCount }} }}
          k: categories(first: 100) {{ nodes {{ name }} }}
          l: node(id: "{id}") {{
            ... on Product {{ name status category {{ name }} variants {{ sku }} }}
          }}
          m: nodes(ids: ["{self.keys["Variant"]}", "{category}", "{self.media}"]) {{
            ... on Variant {{ version product {{ name }} }}
            ... on Category {{ version products {{ nodes {{ name }} }} }}
            ... on Media {{ product {{ name }} }}
          }}
          n: nodes(ids: ["{id}", "{parent}"]) {{
            ... on Product {{ version tags }}
            ... on Category {{ name children {{ nodes {{ name }} }} }}
          }}
          o: brand(id: "{self.keys["Brand"]}") {{ name version products {{ nodes {{ name }} }} }}
        """

    @classmethod
    async def create(cls, harness: DualDoorApp) -> "Scene":
        """Create a scene of its own for a test."""
        mark, context = new_mark(), CaseContext(harness.app, harness.staff, harness.customer.user)
        parent = await context.create("/categories", {"name": f"Parent {mark}"})
        category = await context.create("/categories", {"name": f"Inner {mark}", "parent_id": parent["id"]})
        brand = await context.create("/brands", {"name": f"Brand {mark}"})
        body = complete_product(mark) | {
            "category_id": category["id"],
            "brand_id": brand["id"],
            "tags": [f"t-{mark}", "shared"],
        }
        product = await context.create("/products", body, fields="id,slug,tags,variants{id}")
        media = await make_media(harness.app, product["id"])
        return cls(harness, product, category, parent, brand, media["id"])


SCENE_INPUTS = [i for i in INPUTS if i.operation.result.name in ("Product", "Variant", "Category", "Brand")]


@DOORS
async def test_after_every_write_of_the_catalogue_all_reads_around_it_return_what_is_stored(
    harness: DualDoorApp, uncached: TradepostApp, cache: ReadCache, door: str
) -> None:
    hits = 0
    for valid in SCENE_INPUTS:
        scene, operation = await Scene.create(harness), valid.operation
        if operation.name in ("category_delete", "brand_delete"):
            await harness.staff.rest("DELETE", f"/products/{scene.product['id']}")
        await assert_fresh(harness, uncached, scene.reads)
        before = cache.hits
        await assert_fresh(harness, uncached, scene.reads)
        hits += cache.hits - before
        key = scene.keys[operation.path_resource.name] if has_key(operation.name) else ""
        body = await resolve_body(valid.body, CaseContext(harness.app, harness.staff, harness.customer.user))
        writer = DoorWriter(harness, harness.staff, operation.name)
        outcome = await writer.write(door, "id", key, body, json_patch=valid.json_patch)
        assert not isinstance(outcome, tuple), (valid, outcome)
        await assert_fresh(harness, uncached, scene.reads)
    assert hits > 30 * len(SCENE_INPUTS), "the cache must have answered"


@DOORS
async def test_after_a_move_a_new_name_or_a_batch_both_doors_return_what_is_stored(
    harness: DualDoorApp, uncached: TradepostApp, cache: ReadCache, door: str
) -> None:
    scene, mark = await Scene.create(harness), new_mark()
    id, category, parent = scene.product["id"], scene.category["id"], scene.parent["id"]
    created = {"name": f"Whole B {mark}", "status": "active", "category_id": category, "tags": ["shared"]}
    upserted = {"external_reference": mark, "name": f"Whole D {mark}", "category_id": category, "tags": [scene.tag]}
    batch: Json = {
        "items": [
            {"op": "create", "input": created},
            {"op": "update", "id": id, "patch": {"name": f"Whole C {mark}"}},
            {"op": "upsert", "input": upserted},
        ]
    }
    steps: list[tuple[str, str, Json | None]] = [
        ("product_update", id, {"slug": f"new-{mark}"}),
        ("product_update", id, {"slug": scene.product["slug"]}),
        ("product_update", id, {"category_id": parent, "category_ids": [parent]}),
        ("product_update", id, {"category_id": category}),
        ("product_update", id, {"brand_id": None}),
        ("product_update", id, {"brand_id": scene.keys["Brand"]}),
        ("category_update", category, {"parent_id": None}),
        ("category_update", category, {"parent_id": parent}),
        ("category_update", parent, {"name": f"Other {mark}"}),
        ("product_update", id, {"tags": ["shared", f"n-{mark}"]}),
        ("product_update", id, {"status": "draft"}),
        ("product_update", id, {"status": "active"}),
        ("product_batch", "", batch),
        ("product_delete", id, None),
    ]
    for operation, key, body in steps:
        await assert_fresh(harness, uncached, scene.reads)
        outcome = await DoorWriter(harness, harness.staff, operation).write(door, "id", key, body)
        assert not isinstance(outcome, tuple), (operation, outcome)
        await assert_fresh(harness, uncached, scene.reads)


CHANGES = ("name", "slug", "status", "tags", "variant", "price", "move", "category", "delete")


def drawn_change(scene: Scene, change: str, choice: int, mark: str) -> tuple[str, str, Json | None]:
    """Return the request of a drawn change."""
    product, category, parent = f"/products/{scene.product['id']}", scene.category["id"], scene.parent["id"]
    variant = f"/variants/{scene.keys['Variant']}"
    match change:
        case "name":
            return "PATCH", product, {"name": f"Whole {choice}"}
        case "slug":
            return "PATCH", product, {"slug": f"s{choice}-{mark}"}
        case "status":
            return "PATCH", product, {"status": ["draft", "active", "archived", "active"][choice]}
        case "tags":
            return "PATCH", product, {"tags": [f"x{choice}", scene.tag][: choice + 1]}
        case "move":
            return "PATCH", product, {"category_id": [category, parent, None, category][choice]}
        case "variant":
            return "POST", f"{product}/variants", variant_input(choice + 1)
        case "price":
            return "PATCH", variant, {"price": {"amount": choice + 1}}
        case "category":
            return "PATCH", f"/categories/{category}", {"name": f"Inner {choice}", "position": choice}
        case _:
            return "DELETE", variant, None


@hypothesis_settings(12)
@given(steps=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 3)), max_size=8))
async def test_after_any_sequence_of_writes_and_reads_the_cache_is_fresh(
    harness: DualDoorApp, uncached: TradepostApp, steps: list[tuple[str, int]]
) -> None:
    scene, mark, caller = await Scene.create(harness), new_mark(), harness.anonymous
    for number, (change, choice) in enumerate(steps):
        method, path, body = drawn_change(scene, change, choice, mark)
        await harness.staff.rest(method, path, json=body)
        for get in scene.reads if number % 2 else scene.reads[choice::4]:
            assert await get.answer(harness.app, caller) == await get.answer(uncached, caller), get


async def test_200_concurrent_requests_for_one_row_take_one_statement(
    harness: DualDoorApp, sample_rows: SampleRows
) -> None:
    key = (await harness.anonymous.rest("GET", "/products", params={"limit": "1"})).json()["data"][0]["id"]
    for path, params in (
        (f"/v1/products/{key}", {"fields": "id,name"}),
        ("/graphql", {"query": "{ products { nodes { id } } }"}),
    ):
        requests = [harness.anonymous.client.get(path, params=params) for _ in range(200)]
        answers, statements = await harness.record(asyncio.gather(*requests))
        assert len(statements) == 1
        assert {(a.status_code, a.content) for a in answers} == {(200, answers[0].content)}


async def test_an_app_without_a_read_cache_reads_each_time(harness: DualDoorApp, uncached: TradepostApp) -> None:
    assert uncached.state.cache is None
    assert uncached.state.database.invalidation is None
    get, count = Get("/v1/products"), uncached.state.database.reader.statement_count
    for _ in range(3):
        await get.answer(uncached, harness.anonymous)
    assert uncached.state.database.reader.statement_count == count + 3
