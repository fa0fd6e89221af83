"""The read cache at both doors: whatever is asked, and whatever was written before, a shop that keeps its reads answers as one that keeps none."""

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

from tests.conftest import HERE
from tests.factories import make_media, unique, variant_input
from tests.parity.harness import ApiClient, DualDoorApp, Json, hypothesis_settings
from tests.parity.query_rendering import camel
from tests.parity.sample_rows import SampleRows
from tests.parity.test_statements import LISTS, ONES
from tests.parity.write_cases import CHANGES, DoorWriter, complete_product
from tradepost.app import TradepostApp, create_app
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.settings import Settings

# What differs in any two answers: who was asked and when. What is left in a bucket and the price are looked at by a test of their own.
OWN = ("x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-cost")


@pytest.fixture(scope="module")
async def plain(settings: Settings, anyio_backend: str) -> AsyncIterator[TradepostApp]:
    """The same shop over the same rows, keeping nothing."""
    shop = create_app(msgspec.structs.replace(settings, read_cache=False))
    async with shop.lifespan():
        yield shop


@pytest.fixture
async def cache(harness: DualDoorApp) -> ReadCache:
    """What the shop keeps, empty. Between two tests no loop runs, so the file may not have been looked at for a while."""
    found: ReadCache = harness.app.state.cache
    for _ in range(100):
        if not found.suspended:
            break
        await asyncio.sleep(0.05)
    assert not found.suspended
    found.clear()
    return found


@dataclass(frozen=True)
class Get:
    """A GET with its headers."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    async def of(self, app: TradepostApp, visitor: ApiClient) -> tuple[int, bytes, Json]:
        """The answer of a shop to a visitor: status, bytes, and headers but for those of this very answer."""
        given = {"x-request-id": "one"} | {
            name: value for name, value in visitor.client.headers.items() if name in ("x-api-key", "authorization")
        }
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as client:
            answer = await client.get(self.path, params=dict(self.params), headers=given | dict(self.headers))
        return answer.status_code, answer.content, {n: v for n, v in answer.headers.items() if n not in OWN}

    async def cost(self, app: TradepostApp, visitor: ApiClient) -> str:
        """The points that it costs."""
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url=HERE, headers=visitor.client.headers
        ) as client:
            answer = await client.get(self.path, params=dict(self.params), headers=dict(self.headers))
        return answer.headers["x-request-cost"]


async def by_ids(harness: DualDoorApp) -> list[Get]:
    """Rows that anyone may see by their ids, of which GraphQL alone asks so; each read is one that may be kept."""
    found = await harness.anonymous.data(
        "{ products(first: 5, sort: [CREATED_AT_ASC]) { nodes { id category { id } variants { id } } } tags { nodes { id } } }"
    )
    product = next(p for p in found["products"]["nodes"] if p["category"] and p["variants"])
    ids = [product["id"], product["category"]["id"], product["variants"][0]["id"], found["tags"]["nodes"][0]["id"]]
    inner = "__typename id ... on Product { name category { name } variants { sku product { name } } } ... on Category { name products { nodes { name } } }"
    texts = [f'{{ r: node(id: "{id}") {{ {inner} }} }}' for id in ids]
    return [
        Get("/graphql", (("query", text),))
        for text in (*texts, f"{{ r: nodes(ids: {json.dumps(ids)}) {{ {inner} }} }}")
    ]


def public(harness: DualDoorApp) -> set[str]:
    return {n for n, o in harness.registry.operations.items() if o.public}


def asked(harness: DualDoorApp, known: SampleRows, *, full: bool = True) -> dict[str, list[Get]]:
    """Reads of every public operation through both doors, by operation; each is one that may be kept."""
    found: dict[str, list[Get]] = {}
    shown = {
        "Product": [k for k in known.keys["Product"] if k != "no-such-thing"],
        "Category": [k for k in known.keys["Category"] if k != "no-such-thing"],
    }
    for operation, fields, body, _ in [*LISTS, *ONES]:
        of = harness.operation(operation)
        if not of.public:
            continue
        keys, root = [""], harness.root(operation)
        if "key" in of.signature.parameters:
            kind = of.path_resource.name
            keys = shown.get(kind, known.keys[kind])[-2:]
        for key in keys:
            path = f"/v1{harness.path(operation, key)}"
            name = next(
                (n for n in root.parameters if n == "slug" and "-" in key and len(key) < 36),
                next(iter(root.parameters), ""),
            )
            text = f"{{ r: {camel(root.name)}{f'''({name}: "{key}")''' if key else ''} {{ {body} }} }}"
            reads = [Get(path, (("fields", fields),)), Get("/graphql", (("query", text),))]
            if full:
                reads += [
                    Get(path), Get(path.replace("/v1", "/v2")), Get(path, (), (("accept", "application/msgpack"),)), Get(path, (), (("x-cart-token", "t"),)),
                    Get(path, (("fields", fields),), (("accept", "application/graphql"),)), Get(path, (("fields", fields),), (("accept-encoding", "gzip"),)),
                ]  # fmt: skip
            if full and of.kind == "list":
                reads += [
                    Get(path, (("limit", "1"), ("include", "total"))),
                    Get(path, (("page", "2"), ("page_size", "1"))),
                ]
            found.setdefault(operation, []).extend(reads)
    return found


async def test_a_hit_is_a_miss_to_the_byte_for_every_public_read(
    harness: DualDoorApp, known: SampleRows, plain: TradepostApp, visitor: ApiClient, cache: ReadCache
) -> None:
    reads = asked(harness, known)
    assert reads.keys() == public(harness)
    for operation, gets in (reads | {"node": await by_ids(harness)}).items():
        for get in gets:
            cache.clear()
            misses, hits = cache.misses, cache.hits
            first = await get.of(harness.app, visitor)
            again = await get.of(harness.app, visitor)
            assert first == again == await get.of(plain, visitor), (operation, get)
            if first[0] == 200 and b'{"r":null}' not in first[1]:
                for _ in range(20):
                    # On SQLite a write of the other shop, which notes when a key was used, drops everything; on a busy machine Redis may seem gone.
                    if (cache.misses - misses, cache.hits - hits) == (1, 1):
                        break
                    await asyncio.sleep(0.1 if cache.suspended else 0)
                    misses, hits = cache.misses, cache.hits
                    cache.clear()
                    assert await get.of(harness.app, visitor) == await get.of(harness.app, visitor) == first
                else:
                    raise AssertionError((operation, get))
                etag = first[2]["etag"]
                known_already = Get(get.path, get.params, (*get.headers, ("if-none-match", etag)))
                assert (await known_already.of(harness.app, visitor))[:2] == (304, b"")
            else:
                assert (cache.hits - hits, cache.entries) == (0, {}), "what is missing is not kept"


async def test_a_hit_costs_what_a_miss_costs(
    harness: DualDoorApp, known: SampleRows, visitor: ApiClient, cache: ReadCache
) -> None:
    for gets in (*asked(harness, known).values(), await by_ids(harness)):
        for get in gets:
            await get.of(harness.app, visitor)  # what is compiled is paid for once
            cache.clear()
            assert await get.cost(harness.app, visitor) == await get.cost(harness.app, visitor), get


async def test_kinds_of_callers_do_not_share(
    harness: DualDoorApp, known: SampleRows, plain: TradepostApp, cache: ReadCache
) -> None:
    for gets in (*asked(harness, known, full=False).values(), await by_ids(harness)):
        for get in gets:
            for visitor in (*harness.visitors.values(), *reversed(harness.visitors.values())):
                assert await get.of(harness.app, visitor) == await get.of(plain, visitor), (visitor.name, get)


async def test_nothing_but_public_reads_is_kept(harness: DualDoorApp, known: SampleRows, cache: ReadCache) -> None:
    assert harness.customer.person is not None
    keys = {kind: keys[0] for kind, keys in known.keys.items()} | {"User": harness.customer.person.id}
    keys["AuditEntry"] = (await harness.staff.rest("GET", "/audit", params={"limit": "1", "fields": "id"})).json()[
        "data"
    ][0]["id"]
    before = cache.hits, cache.misses
    for operation, fields, body, _ in [*LISTS, *ONES]:
        of = harness.operation(operation)
        if of.public:
            continue
        for visitor in harness.visitors.values():
            key = keys[of.path_resource.name] if "key" in of.signature.parameters else ""
            given = f'({next(iter(harness.root(operation).parameters))}: "{key}")' if key else ""
            for _ in range(2):
                await visitor.rest("GET", harness.path(operation, key), params={"fields": fields})
                await visitor.post(f"{{ {harness.root(operation).name}{given} {{ {body} }} }}")
    for kind in ("User", "AuditEntry"):
        for visitor in harness.visitors.values():
            for text in (
                f'{{ node(id: "{keys[kind]}") {{ id }} }}',
                f'{{ nodes(ids: ["{keys[kind]}", "{keys["Product"]}"]) {{ id }} }}',
            ):
                await visitor.post(text)
    assert (cache.hits, cache.misses) == before, "it is not even asked"
    assert (cache.entries, cache.bytes) == ({}, 0)


class Scene:
    """A product with all that belongs to it, and every read that may show any of it."""

    def __init__(
        self, harness: DualDoorApp, plain: TradepostApp, made: Json, category: Json, parent: Json, media: str
    ) -> None:
        self.harness, self.plain, self.made, self.category, self.parent = harness, plain, made, category, parent
        variant, tag = made["variants"][0]["id"], made["tags"][0]
        id, slug, inside = made["id"], made["slug"], category["id"]
        every = (
            "id,name,version,tags,category{name,parent{name}},categories{name},variants{sku,product{name}},media{id}"
        )
        paths = [
            f"/products/{id}", f"/products/{slug}", f"/products/{id}/variants", f"/products/{id}/media", f"/products?category={category['slug']}",
            f"/products?tag={tag}", f"/products?slug={slug}", "/products?q=whole&include=total&limit=5", "/products?limit=5", f"/variants/{variant}",
            f"/media/{media}?fields=id,product{{name}}", f"/categories/{inside}?fields=name,version,parent{{name}},products{{name,variants{{sku}}}}",
            f"/categories/{category['slug']}", f"/categories/{parent['id']}/children", f"/categories/{inside}/products", "/categories?limit=100",
            f"/tags/{tag}?fields=slug,product_count", f"/tags/{tag}/products", "/tags?fields=slug,product_count&limit=100", f"/products/{id}?fields={every}",
        ]  # fmt: skip
        fields = f"""
          a: product(id: "{id}") {{ name version tags category {{ name parent {{ name }} }} categories {{ name }} variants {{ sku }} media {{ id }} }}
          b: product(slug: "{slug}") {{ name status }} c: products(first: 5, filter: {{ category: "{category["slug"]}" }}) {{ nodes {{ name }} totalCount }}
          d: variant(id: "{variant}") {{ sku product {{ name priceFrom {{ amount }} }} }} e: productVariants(productId: "{id}") {{ nodes {{ sku version }} }}
          f: category(id: "{inside}") {{ name version parent {{ name }} products {{ nodes {{ name variants {{ sku }} }} }} }}
          g: categoryChildren(categoryId: "{parent["id"]}") {{ nodes {{ name }} }} h: tag(slug: "{tag}") {{ productCount products {{ nodes {{ name }} }} }}
          i: media(id: "{media}") {{ product {{ name }} }}
          l: node(id: "{id}") {{ ... on Product {{ name status category {{ name }} variants {{ sku }} }} }}
          m: nodes(ids: ["{variant}", "{inside}", "{media}"]) {{
            ... on Variant {{ version product {{ name }} }} ... on Category {{ version products {{ nodes {{ name }} }} }} ... on Media {{ product {{ name }} }}
          }}
          n: nodes(ids: ["{id}", "{parent["id"]}"]) {{ ... on Product {{ version tags }} ... on Category {{ name children {{ nodes {{ name }} }} }} }}
          j: tags(first: 100) {{ nodes {{ slug productCount }} }} k: categories(first: 100) {{ nodes {{ name }} }}
        """
        self.reads = [*[Get(f"/v1{path}") for path in paths], Get("/graphql", (("query", f"{{ {fields} }}"),))]

    @classmethod
    async def of(cls, harness: DualDoorApp, plain: TradepostApp) -> "Scene":
        """A new one, which no other test knows."""
        own, staff = unique("s").replace("-", ""), harness.staff
        parent = (await staff.rest("POST", "/categories", json={"name": f"Parent {own}"})).json()
        category = (
            await staff.rest("POST", "/categories", json={"name": f"Inner {own}", "parent_id": parent["id"]})
        ).json()
        body = complete_product(own) | {"category_id": category["id"], "tags": [f"t-{own}", "shared"]}
        made = (await staff.rest("POST", "/products", json=body, params={"fields": "id,slug,tags,variants{id}"})).json()
        media = await make_media(harness.app, made["id"])
        return cls(harness, plain, made, category, parent, media["id"])

    async def is_fresh(self) -> None:
        """Asks everything of both shops, whose answers must be equal; all of it is kept then, where it is there."""
        for visitor in (self.harness.anonymous, self.harness.staff):
            for get in self.reads:
                assert await get.of(self.harness.app, visitor) == await get.of(self.plain, visitor), (visitor.name, get)


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_after_every_write_through_either_door_both_doors_show_what_is(
    harness: DualDoorApp, plain: TradepostApp, cache: ReadCache, door: str
) -> None:
    writes = {
        n
        for n, o in harness.registry.operations.items()
        if o.is_write and o.result.name in ("Product", "Variant", "Category")
    }
    assert {name for name, *_ in CHANGES} | {"product_batch"} == writes
    found = 0
    for operation, kind, body in CHANGES:
        scene, of = await Scene.of(harness, plain), DoorWriter(harness, harness.staff, operation)
        key = {
            "Product": scene.made["id"],
            "Variant": scene.made["variants"][0]["id"],
            "Category": scene.category["id"],
            "": "",
        }[kind]
        if operation == "category_delete":
            await harness.staff.rest("DELETE", f"/products/{scene.made['id']}")
        await scene.is_fresh()
        hits = cache.hits
        await scene.is_fresh()
        found += cache.hits - hits
        given: Json = body(unique("m").replace("-", ""))
        steps = given.pop("steps", None)
        write: Any = of.rest if door == "rest" else of.graphql
        done = await write("id", key, None if of.of.kind == "delete" or steps else given, steps=steps)
        assert not isinstance(done, tuple), (operation, done)
        await scene.is_fresh()
    assert found > 30 * len(CHANGES), "it is the cache that answers"


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_after_a_move_a_new_name_or_a_batch_both_doors_show_what_is(
    harness: DualDoorApp, plain: TradepostApp, cache: ReadCache, door: str
) -> None:
    scene = await Scene.of(harness, plain)
    id, category, own = scene.made["id"], scene.category["id"], unique("w").replace("-", "")
    batch: Json = {"items": [
        {"op": "create", "input": {"name": f"Whole B {own}", "status": "active", "category_id": category, "tags": ["shared"]}},
        {"op": "update", "id": id, "patch": {"name": f"Whole C {own}"}},
        {"op": "upsert", "input": {"external_reference": own, "name": f"Whole D {own}", "category_id": category, "tags": [scene.made["tags"][0]]}},
    ]}  # fmt: skip
    steps: list[tuple[str, str, Json]] = [
        ("product_update", id, {"slug": f"new-{own}"}), ("product_update", id, {"slug": scene.made["slug"]}),
        ("product_update", id, {"category_id": scene.parent["id"], "category_ids": [scene.parent["id"]]}),
        ("product_update", id, {"category_id": category}), ("category_update", category, {"parent_id": None}),
        ("category_update", category, {"parent_id": scene.parent["id"]}), ("category_update", scene.parent["id"], {"name": f"Other {own}"}),
        ("product_update", id, {"tags": ["shared", f"n-{own}"]}), ("product_update", id, {"status": "draft"}), ("product_update", id, {"status": "active"}),
        ("product_batch", "", batch), ("product_delete", id, {}),
    ]  # fmt: skip
    for operation, key, body in steps:
        await scene.is_fresh()
        of = DoorWriter(harness, harness.staff, operation)
        write: Any = of.rest if door == "rest" else of.graphql
        wants = ("results { status }" if door == "graphql" else "id") if operation == "product_batch" else "id"
        done = await write(wants, key, None if of.of.kind == "delete" else body)
        assert not isinstance(done, tuple), (operation, done)
        await scene.is_fresh()


DEEDS = ("name", "slug", "status", "tags", "variant", "price", "move", "category", "gone")


@hypothesis_settings(12)
@given(steps=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 3)), max_size=8))
async def test_whatever_is_written_and_read_in_any_order_the_cache_never_tells(
    harness: DualDoorApp, known: SampleRows, plain: TradepostApp, steps: list[tuple[str, int]]
) -> None:
    scene, own = await Scene.of(harness, plain), unique("h").replace("-", "")
    product, variant, category, staff = (
        scene.made["id"],
        scene.made["variants"][0]["id"],
        scene.category["id"],
        harness.staff,
    )
    for number, (what, choice) in enumerate(steps):
        path, body = {
            "name": (f"/products/{product}", {"name": f"Whole {choice}"}), "slug": (f"/products/{product}", {"slug": f"s{choice}-{own}"}),
            "status": (f"/products/{product}", {"status": ["draft", "active", "archived", "active"][choice]}),
            "tags": (f"/products/{product}", {"tags": [f"x{choice}", scene.made["tags"][0]][: choice + 1]}),
            "move": (f"/products/{product}", {"category_id": [category, scene.parent["id"], None, category][choice]}),
            "variant": (f"/products/{product}/variants", variant_input(choice + 1)), "price": (f"/variants/{variant}", {"price": {"amount": choice + 1}}),
            "category": (f"/categories/{category}", {"name": f"Inner {choice}", "position": choice}), "gone": (f"/variants/{variant}", None),
        }[what]  # fmt: skip
        method = "DELETE" if body is None else "POST" if what == "variant" else "PATCH"
        await staff.rest(method, path, json=body)
        reads = scene.reads if number % 2 else scene.reads[choice::4]
        for get in reads:
            assert await get.of(harness.app, harness.anonymous) == await get.of(plain, harness.anonymous), get


async def test_200_who_ask_at_once_are_one_statement(harness: DualDoorApp, known: SampleRows) -> None:
    key = (await harness.anonymous.rest("GET", "/products", params={"limit": "1"})).json()["data"][0]["id"]
    for path, params in (
        (f"/v1/products/{key}", {"fields": "id,name"}),
        ("/graphql", {"query": "{ products { nodes { id } } }"}),
    ):
        answers, kept = await harness.recorded(
            asyncio.gather(*[harness.anonymous.client.get(path, params=params) for _ in range(200)])
        )
        assert len(kept) == 1
        assert {(a.status_code, a.content) for a in answers} == {(200, answers[0].content)}


async def test_a_shop_that_keeps_nothing_has_no_cache(
    plain: TradepostApp, harness: DualDoorApp, known: SampleRows
) -> None:
    assert plain.state.cache is None
    assert plain.state.database.invalidation is None
    get = Get("/v1/products")
    count = plain.state.database.reader.statement_count
    for _ in range(3):
        await get.of(plain, harness.anonymous)
    assert plain.state.database.reader.statement_count == count + 3
