"""The shop answers as its OpenAPI document says: every parameter with its example, every body, in both formats, by visitors and by staff.

Statuses, media types, problem codes and headers must be declared, bodies valid, and no member may come that the document does not name.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from tests.factories import make_media, make_product, unique
from tests.people import somebody
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

from .promise import Promise
from .reading import Json, operations, parameters, resolved

WRITERS = {
    "application/msgpack": msgspec.msgpack.encode,
    "application/x-www-form-urlencoded": lambda value: urlencode(value).encode(),
}
BOTH = ["openapi.json", "openapi.v2.json"]


@pytest.fixture(scope="session", params=BOTH)
def promise(request: pytest.FixtureRequest, contract: Any) -> Promise:
    """What the document of a version promises."""
    return Promise(msgspec.json.decode(contract[request.param]))


@pytest.fixture(scope="module", autouse=True)
async def pictures(app: TradepostApp, staff: httpx.AsyncClient) -> None:
    """The demo shop has no pictures: two products get some."""
    for _ in range(2):
        product = await make_product(staff)
        await make_media(app, product["id"], alt="The front")
        await make_media(
            app,
            product["id"],
            status="stored",
            mime="image/png",
            sha256="0" * 64,
            bytes=2**40,
            width=1,
            height=2,
            source_url=None,
        )


@pytest.fixture(scope="module")
async def member(app: TradepostApp) -> AsyncIterator[httpx.AsyncClient]:
    """A member of the staff who has logged in, with an address and an API key."""
    person = await somebody(app, "staff", username=unique("member"))
    await person.address()
    await person.key(scopes=["catalog:write"], points_per_minute=60)
    async with person.client() as client:
        yield client


async def paths_of(promise: Promise, path: str, client: httpx.AsyncClient) -> list[str]:
    """The path with names of rows that there are, and with its example, which there is not."""
    if "{key}" not in path:
        return [path]
    example = next(
        p for p in parameters(promise.document, promise.document["paths"][path]["get"]) if p["in"] == "path"
    )["example"]
    head = path.partition("/{key}")[0]
    if head in promise.document["paths"]:
        rows = (await client.get(head, params={"limit": 2})).json()["data"]
    else:
        base, _, below = head.rpartition("/")
        products = (await client.get(f"{base}/products", params={"fields": f"{below}{{id}}", "limit": 100})).json()[
            "data"
        ]
        rows = [row for product in products for row in product[below]][:2]
    assert rows
    names = [name for row in rows for name in (row["id"], row.get("slug")) if name]
    return [path.replace("{key}", name) for name in (*names, example)]


def queries(promise: Promise, operation: Json) -> Iterator[dict[str, Any]]:
    """No parameter, each by itself, those of a page with each other, and each with a value that cannot be meant."""
    known = [p for p in parameters(promise.document, operation) if p["in"] == "query"]
    yield {}
    yield {"nobody_knows_this": "1"}
    for p in known:
        yield {p["name"]: _text(p["example"])}
        yield {p["name"]: "\x00~"}
        for value in p["schema"].get("enum", ()):
            yield {p["name"]: _text(value)}
    named = {p["name"] for p in known}
    if "limit" in named:
        yield {"limit": "1", "include": "total"}
        if "page" in named:
            yield {"page": "2", "page_size": "1"}
            yield {"page": "1", "cursor": "x"}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("who", ["client", "staff"])
async def test_every_read_answers_as_the_document_says(
    promise: Promise, who: str, client: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    caller = {"client": client, "staff": member}[who]
    seen: set[int] = set()
    for path, method, operation in operations(promise.document):
        if method != "get":
            continue
        for at, called in enumerate(await paths_of(promise, path, member)):
            for query in queries(promise, operation) if at == 0 else [{}]:
                answer = await caller.get(called, params=query)
                promise.check(operation, answer)
                seen.add(answer.status_code)
            for headers in (
                {"Accept": "application/msgpack"},
                {"Accept": "application/graphql"},
                {"Accept": "image/png"},
                {"X-API-Key": "tp_bad"},
                {"X-API-Version": "7"},
            ):
                answer = await caller.get(called, headers=headers)
                promise.check(operation, answer)
                seen.add(answer.status_code)
            if "304" in operation["responses"]:
                answer = await caller.get(called, headers={"If-None-Match": "*"})
                promise.check(operation, answer)
                seen.add(answer.status_code)
    assert {200, 304, 400, 401, 404, 406} <= seen


async def test_a_registered_document_answers_as_the_document_says(
    promise: Promise, settings: Settings, tmp_path: Path
) -> None:
    text = "query Shelf($first: Int!, $all: Boolean = false) { products(first: $first) { nodes { id } } audit @include(if: $all) { nodes { id } } }"
    (tmp_path / "Shelf.graphql").write_text(text)
    shop, prefix = (
        create_app(msgspec.structs.replace(settings, documents=str(tmp_path))),
        f"/v{promise.document['info']['version']}",
    )
    operation, seen = promise.document["paths"][f"{prefix}/documents/{{name}}"]["get"], set[int]()
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as caller,
    ):
        for query in (
            {"first": 1},
            {"first": 0},
            {"first": 1, "all": True},
            {},
            {"nobody_knows_this": 1},
            {"first": "x"},
        ):
            for headers in (
                {},
                {"Accept": "application/graphql-response+json"},
                {"Accept": "image/png"},
                {"If-None-Match": "*"},
                {"X-API-Key": "tp_bad"},
            ):
                answer = await caller.get(
                    f"{prefix}/documents/Shelf", params={n: str(v).lower() for n, v in query.items()}, headers=headers
                )
                promise.check(operation, answer)
                seen.add(answer.status_code)
        promise.check(operation, await caller.get(f"{prefix}/documents/Nobody"))
    assert seen == {200, 304, 400, 401, 406}


async def test_the_pages_that_follow_are_as_the_document_says(promise: Promise, client: httpx.AsyncClient) -> None:
    operation = next(o for _, _, o in operations(promise.document) if o["operationId"] == "product_list")
    href: str | None = f"/v{promise.document['info']['version']}/products?limit=25&include=total&sort=name"
    pages = 0
    while href:
        answer = await client.get(href)
        promise.check(operation, answer)
        href, pages = answer.json()["links"].get("next"), pages + 1
    assert pages > 1


async def test_the_members_that_fields_bring_are_as_the_document_says(
    promise: Promise, member: httpx.AsyncClient, app: TradepostApp
) -> None:
    for of in app.state.registry.resources.values():
        operation = next(
            o for _, _, o in operations(promise.document) if o["operationId"] == app.state.registry.getter(of).name
        )
        for path in await paths_of(
            promise, next(p for p, _, o in operations(promise.document) if o is operation), member
        ):
            for relation in of.relations.values():
                promise.check(
                    operation,
                    await member.get(
                        path, params={"fields": f"links,{relation.name}" + ("(total: true)" if relation.paged else "")}
                    ),
                )


async def test_every_write_answers_as_the_document_says(
    promise: Promise, fresh_settings: Callable[[], Settings]
) -> None:
    shop = create_app(fresh_settings())
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as caller,
    ):
        assert {200, 201, 204, 400, 401, 404, 406, 409, 412, 415, 422} <= {
            status async for status in writes(promise, caller, shop)
        }


async def test_every_outcome_of_a_batch_is_as_the_document_says(promise: Promise, staff: httpx.AsyncClient) -> None:
    operation = next(o for _, _, o in operations(promise.document) if o["operationId"] == "product_batch")
    product = await make_product(staff)
    items = [
        {"op": "update", "id": product["id"], "patch": {"description": "New."}},
        {"op": "update", "id": product["id"], "patch": {"description": "New."}},
        {"op": "update", "id": product["id"], "patch": {}, "expected_version": 99},
        {"op": "create", "input": {"name": "Lamp", "slug": product["slug"]}},
        {"op": "create", "input": {}},
        {"op": "upsert", "input": {"name": "Lamp", "slug": product["slug"]}},
        {"op": "delete", "id": product["id"]},
        {"op": "delete", "id": product["id"]},
    ]
    seen: list[int] = []
    for chosen, atomic in [(items, "false"), *(([item], "true") for item in items)]:
        answer = await staff.post(
            f"/v{promise.document['info']['version']}/products/batch", params={"atomic": atomic}, json={"items": chosen}
        )
        promise.check(operation, answer)
        seen += [outcome["status"] for outcome in answer.json().get("results", ())] or [answer.status_code]
    assert seen == [200, 200, 412, 409, 422, 200, 204, 404, 404, 404, 404, 201, 422, 200, 404, 404]


async def writes(promise: Promise, caller: httpx.AsyncClient, shop: TradepostApp) -> Any:
    """The statuses of all writes, in the order of the document but deletions last: with the examples, with nonsense, and without a credential.

    Each path has an admin of its own, because there are writes that end its session, or its account.
    """
    found = [(p, m, o) for p, m, o in operations(promise.document) if m != "get"]
    for path, method, operation in sorted(found, key=lambda f: f[1] == "delete"):
        bodies = _bodies(promise, operation)
        admin = await somebody(shop, "admin")
        await admin.address()
        await admin.key()
        staff = {"Authorization": f"Bearer {admin.token}"}
        for called in await _called(promise, path, caller, staff):
            for headers, body in [
                (staff | {"If-Match": '"99.x"'}, bodies[0]),
                (staff | {"Accept": "image/png"}, bodies[0]),
                ({}, bodies[0]),
                *((staff, b) for b in bodies),
            ]:
                media, content = body
                answer = await caller.request(
                    method, called, headers=headers | ({"Content-Type": media} if media else {}), content=content
                )
                if answer.status_code != 412 or "412" in operation["responses"]:
                    promise.check(operation, answer)
                yield answer.status_code


def _bodies(promise: Promise, operation: Json) -> list[tuple[str, bytes]]:
    """The examples in every media type, and what is no body at all."""
    made: list[tuple[str, bytes]] = []
    for media, said in operation.get("requestBody", {}).get("content", {}).items():
        shown = said.get("examples") or operation["requestBody"]["content"]["application/json"]["examples"]
        for example in shown.values():
            value = resolved(promise.document, example)["value"]
            made.append((media, WRITERS.get(media, msgspec.json.encode)(value)))
        made.append((media, WRITERS.get(media, msgspec.json.encode)({"nobody_knows_this": 1})))
        made += [(media, b"{"), ("text/plain", b"{}")]
    return made or [("", b"")]


async def _called(promise: Promise, path: str, caller: httpx.AsyncClient, staff: dict[str, str]) -> list[str]:
    """The path with the names of rows that there are (the newest user is who calls), and of one that there is not."""
    if "{key}" not in path:
        return [path]
    head = path.partition("/{key}")[0]
    if head in promise.document["paths"]:
        rows = (await caller.get(head, params={"limit": 2}, headers=staff)).json()["data"]
    else:
        products = (
            await caller.get(head.replace("variants", "products"), params={"fields": "variants{id}", "limit": 1})
        ).json()["data"]
        rows = products[0]["variants"][:1]
    return [
        path.replace("{key}", name) for name in (*[row["id"] for row in rows], "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2eff")
    ]
