"""The app responds as its OpenAPI document says, to anonymous callers and to staff.

Requests use every parameter with its example, and every body in each media type. The status, media
type, problem code and headers of a response must be declared, and its body valid, without members
that the schema does not name.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from tests.app_client import AppClient
from tests.areas.orders.checkout import new_key
from tests.areas.orders.fulfilling import confirmed_order, fulfil
from tests.areas.orders.returning import give_back
from tests.areas.payments.refunding import paid_order, refund_units
from tests.factories import make_media, make_product, unique
from tests.users import create_user
from tradepost.app import TradepostApp, create_app
from tradepost.kit.resource.resource import ACTIONS
from tradepost.settings import Settings

from .openapi_document import Json, operations, parameters, resolve_reference
from .response_checker import ResponseChecker

WRITERS = {
    "application/msgpack": msgspec.msgpack.encode,
    "application/x-www-form-urlencoded": lambda value: urlencode(value).encode(),
}


@pytest.fixture(scope="module", autouse=True)
async def pictures(app: TradepostApp, staff: httpx.AsyncClient) -> None:
    """Add images to two products: the demo shop has none."""
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


@pytest.fixture(scope="module", autouse=True)
def kept_plans(app: TradepostApp) -> Iterator[None]:
    """Keep all plans of this module: the second version reads what the first one did."""
    plans = app.state.database.reads.plans
    usual, plans.max_bytes = plans.max_bytes, 128 * 1024 * 1024
    yield
    plans.max_bytes = usual


@pytest.fixture(scope="module")
async def member(app: TradepostApp, staff: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a session of a staff user who has an address and an API key.

    The shop has an order with a refunded payment, and another one with a fulfilment and a return.
    """
    _, order, payment = await paid_order(app, staff)
    await refund_units(staff, payment, order, 1)
    _, shipped = await confirmed_order(app, staff)
    await fulfil(staff, shipped, 1, shipped=True)
    await give_back(staff, shipped, 1)
    user = await create_user(app, "staff", username=unique("member"))
    await user.address()
    await user.key(scopes=["catalog:write"], points_per_minute=60)
    async with user.client() as client:
        yield client


async def paths_of(checker: ResponseChecker, path: str, client: httpx.AsyncClient) -> list[str]:
    """Return the path with keys of existing rows, and with its example, which does not exist."""
    if "{key}" not in path:
        return [path]
    example = next(
        p for p in parameters(checker.document, checker.document["paths"][path]["get"]) if p["in"] == "path"
    )["example"]
    head = path.partition("/{key}")[0]
    if head in checker.document["paths"]:
        rows = (await client.get(head, params={"limit": 2})).json()["data"]
    else:
        base, _, below = head.rpartition("/")
        products = (await client.get(f"{base}/products", params={"fields": f"{below}{{id}}", "limit": 100})).json()[
            "data"
        ]
        rows = [row for product in products for row in product[below]][:2]
    assert rows
    names = [name for row in rows for name in (row["id"], row.get("slug")) if name]
    return [_filled(path, name) for name in (*names, example)]


def queries(checker: ResponseChecker, operation: Json) -> Iterator[dict[str, Any]]:
    """Yield queries: empty, with one parameter (valid or not), and with several page parameters."""
    declared = [p for p in parameters(checker.document, operation) if p["in"] == "query"]
    yield {}
    yield {"unknown_name": "1"}
    for p in declared:
        yield {p["name"]: _text(p["example"])}
        yield {p["name"]: "\x00~"}
        for value in p["schema"].get("enum", ()):
            yield {p["name"]: _text(value)}
    named = {p["name"] for p in declared}
    if "limit" in named:
        yield {"limit": "1", "include": "total"}
        if "page" in named:
            yield {"page": "2", "page_size": "1"}
            yield {"page": "1", "cursor": "x"}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("role", ["client", "staff"])
async def test_every_read_responds_as_declared(
    checker: ResponseChecker, role: str, client: httpx.AsyncClient, member: httpx.AsyncClient
) -> None:
    caller = {"client": client, "staff": member}[role]
    seen: set[int] = set()
    for path, method, operation in operations(checker.document):
        if method != "get":
            continue
        for index, url in enumerate(await paths_of(checker, path, member)):
            for query in queries(checker, operation) if index == 0 else [{}]:
                answer = await caller.get(url, params=query)
                checker.check(operation, answer)
                seen.add(answer.status_code)
            for headers in (
                {"Accept": "application/msgpack"},
                {"Accept": "application/graphql"},
                {"Accept": "image/png"},
                {"X-API-Key": "tp_bad"},
                {"X-API-Version": "7"},
            ):
                answer = await caller.get(url, headers=headers)
                checker.check(operation, answer)
                seen.add(answer.status_code)
            if "304" in operation["responses"]:
                answer = await caller.get(url, headers={"If-None-Match": "*"})
                checker.check(operation, answer)
                seen.add(answer.status_code)
    assert {200, 304, 400, 401, 404, 406} <= seen


async def test_a_trusted_document_responds_as_declared(
    checker: ResponseChecker, settings: Settings, tmp_path: Path
) -> None:
    text = (
        "query Listing($first: Int!, $all: Boolean = false) "
        "{ products(first: $first) { nodes { id } } audit @include(if: $all) { nodes { id } } }"
    )
    (tmp_path / "Listing.graphql").write_text(text)
    shop = create_app(msgspec.structs.replace(settings, documents=str(tmp_path)))
    prefix = f"/v{checker.document['info']['version']}"
    operation, seen = checker.document["paths"][f"{prefix}/documents/{{name}}"]["get"], set[int]()
    async with (
        shop.lifespan(),
        AppClient(shop) as caller,
    ):
        for query in (
            {"first": 1},
            {"first": 0},
            {"first": 1, "all": True},
            {},
            {"unknown_name": 1},
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
                    f"{prefix}/documents/Listing", params={n: str(v).lower() for n, v in query.items()}, headers=headers
                )
                checker.check(operation, answer)
                seen.add(answer.status_code)
        checker.check(operation, await caller.get(f"{prefix}/documents/Unknown"))
    assert seen == {200, 304, 400, 401, 406}


async def test_every_page_of_a_list_responds_as_declared(checker: ResponseChecker, client: httpx.AsyncClient) -> None:
    operation = next(o for _, _, o in operations(checker.document) if o["operationId"] == "product_list")
    href: str | None = f"/v{checker.document['info']['version']}/products?limit=25&include=total&sort=name"
    pages = 0
    while href:
        answer = await client.get(href)
        checker.check(operation, answer)
        href, pages = answer.json()["links"].get("next"), pages + 1
    assert pages > 1


async def test_the_relations_that_fields_selects_are_as_declared(
    checker: ResponseChecker, member: httpx.AsyncClient, app: TradepostApp
) -> None:
    shown: dict[str, bool] = defaultdict(bool)
    for resource in app.state.registry.node_resources:
        name = app.state.registry.getter(resource).name
        path, operation = next((p, o) for p, _, o in operations(checker.document) if o["operationId"] == name)
        for url in await paths_of(checker, path, member):
            for relation in resource.relations.values():
                fields = f"links,{relation.name}" + ("(total: true)" if relation.paged else "")
                checker.check(operation, await member.get(url, params={"fields": fields}))
                if relation.target not in app.state.registry.node_resources:
                    names = {"links", *relation.target.members, *relation.target.relations} - {ACTIONS}
                    fields += f"{{{','.join(sorted(names))}}}"
                    answer = await member.get(url, params={"fields": fields})
                    checker.check(operation, answer)
                    shown[relation.target.name] |= has_rows(answer, relation.name)
    assert shown == dict.fromkeys(
        ["CartLine", "OrderLine", "OrderEvent", "FulfilmentLine", "ReturnLine", "RefundLine", "StockMovement"], True
    )


def has_rows(answer: httpx.Response, relation: str) -> bool:
    """Whether the answer has rows of a relation."""
    rows = answer.json().get(relation, [])
    return bool(rows["data"] if isinstance(rows, dict) else rows)


async def test_every_write_responds_as_declared(
    checker: ResponseChecker, fresh_settings: Callable[[], Settings]
) -> None:
    shop = create_app(fresh_settings())
    async with (
        shop.lifespan(),
        AppClient(shop) as caller,
    ):
        assert {200, 201, 204, 400, 401, 404, 406, 409, 412, 415, 422} <= {
            status async for status in writes(checker, caller, shop)
        }


async def test_every_outcome_of_a_batch_is_as_declared(checker: ResponseChecker, staff: httpx.AsyncClient) -> None:
    operation = next(o for _, _, o in operations(checker.document) if o["operationId"] == "product_batch")
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
            f"/v{checker.document['info']['version']}/products/batch", params={"atomic": atomic}, json={"items": chosen}
        )
        checker.check(operation, answer)
        seen += [outcome["status"] for outcome in answer.json().get("results", ())] or [answer.status_code]
    assert seen == [200, 200, 412, 409, 422, 200, 204, 404, 404, 404, 404, 201, 422, 200, 404, 404]


async def writes(checker: ResponseChecker, caller: httpx.AsyncClient, shop: TradepostApp) -> AsyncIterator[int]:
    """Call every write and yield the statuses.

    In the order of the document, but deletions last: with the examples, with invalid bodies,
    without a credential, and without an idempotency key. Each path has its own admin, because some
    writes end the session or close the account.
    """
    declared = [(p, m, o) for p, m, o in operations(checker.document) if m != "get"]
    for path, method, operation in sorted(declared, key=lambda item: item[1] == "delete"):
        bodies = _bodies(checker, operation)
        admin = await create_user(shop, "admin")
        await admin.address()
        await admin.key()
        staff = {"Authorization": f"Bearer {admin.token}"}
        for url in await _write_paths(checker, path, caller, staff):
            for headers, body in [
                (staff | {"If-Match": '"99.x"'}, bodies[0]),
                (staff | {"Accept": "image/png"}, bodies[0]),
                ({}, bodies[0]),
                *((staff | new_key(), b) for b in bodies),
            ]:
                media, content = body
                answer = await caller.request(
                    method, url, headers=headers | ({"Content-Type": media} if media else {}), content=content
                )
                if answer.status_code != 412 or "412" in operation["responses"]:
                    checker.check(operation, answer)
                yield answer.status_code


def _bodies(checker: ResponseChecker, operation: Json) -> list[tuple[str, bytes]]:
    """Return the examples in every media type, and invalid bodies."""
    bodies: list[tuple[str, bytes]] = []
    contents = operation.get("requestBody", {}).get("content", {})
    for media, content in contents.items():
        encode = WRITERS.get(media, msgspec.json.encode)
        examples = (content.get("examples") or contents["application/json"]["examples"]).values()
        values = [resolve_reference(checker.document, example)["value"] for example in examples]
        bodies += [(media, encode(value)) for value in (*values, {"unknown_name": 1})]
        bodies += [(media, b"{"), ("text/plain", b"{}")]
    return list(dict.fromkeys(bodies)) or [("", b"")]


async def _write_paths(
    checker: ResponseChecker, path: str, caller: httpx.AsyncClient, staff: dict[str, str]
) -> list[str]:
    """Return the path with the ids of existing rows, and with an id that does not exist.

    Users are listed from the newest, so the caller itself is the first.
    """
    if "{key}" not in path:
        return [path.replace("{provider}", "fake")]
    head = path.partition("/{key}")[0]
    if head in checker.document["paths"]:
        rows = (await caller.get(head, params={"limit": 2}, headers=staff)).json()["data"]
    else:
        products = (
            await caller.get(head.replace("variants", "products"), params={"fields": "variants{id}", "limit": 1})
        ).json()["data"]
        rows = products[0]["variants"][:1]
    return [_filled(path, name) for name in (*[row["id"] for row in rows], "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2eff")]


def _filled(path: str, key: str) -> str:
    """Return a path with a key; further ids in it are those of no row."""
    return re.sub(r"{[^}]+}", "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2eff", path.replace("{key}", key))
