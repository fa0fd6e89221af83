"""A guest is identified by `X-Cart-Token`, alike at both doors."""

import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import or_, select

from tests.conftest import HERE
from tests.factories import make_category, make_product, unique
from tests.guests import KnownCarts
from tradepost.app import TradepostApp, create_app
from tradepost.areas.catalog.models import CategoryRow
from tradepost.areas.catalog.resource import categories
from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.clock import now
from tradepost.kit.operations.idempotency.records import IdempotencyRecord
from tradepost.settings import Settings

PRIVATE = "private, no-cache"
PASSWORD = "seven grey herons asleep"


class GuestShop:
    """An app, and the guests who call it."""

    def __init__(self, app: TradepostApp) -> None:
        self.app, self.tokens = app, app.state.dependencies.require(GuestTokens)
        identity = app.pipeline.cart_identity
        assert identity is not None
        self.carts = identity.carts = KnownCarts(others=identity.carts)

    def client(self, token: str = "", address: str = "127.0.0.1") -> httpx.AsyncClient:
        """Return a client that sends a token."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 4711))
        headers = {"x-cart-token": token} if token else {}
        return httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers, trust_env=False)

    def guest_of(self, cart_id: str) -> httpx.AsyncClient:
        """Return a guest with this cart."""
        return self.client(self.carts.open_cart(self.tokens, cart_id))

    def reader_of(self, order_id: str) -> httpx.AsyncClient:
        """Return a client with a link to this order."""
        return self.client(self.tokens.order_token(order_id, now() + timedelta(hours=24)))


@pytest.fixture
async def shop(app: TradepostApp) -> AsyncIterator[GuestShop]:
    """The app, which knows some carts more while a test runs."""
    shop = GuestShop(app)
    yield shop
    assert app.pipeline.cart_identity is not None
    app.pipeline.cart_identity.carts = shop.carts.others


@pytest.fixture(scope="module")
async def ids(staff: httpx.AsyncClient) -> list[str]:
    """The ids of three categories."""
    return [(await make_category(staff))["id"] for _ in range(3)]


@pytest.fixture
async def own_categories(
    settings: Settings, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[GuestShop]:
    """An app in which callers see only the category that has the id of their cart or order."""
    monkeypatch.setattr(
        categories, "visible", lambda viewer: or_(CategoryRow.id == viewer.cart, CategoryRow.id == viewer.order)
    )
    app = create_app(settings)
    async with app.lifespan():
        yield GuestShop(app)


def reads(ids: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Return reads of categories at both doors: lists, totals, single rows and nodes."""
    texts = ["{ categories { nodes { id } totalCount } }", f"{{ nodes(ids: {json.dumps(ids)}) {{ id }} }}"]
    texts += [f'{{ category(id: "{id}") {{ id name }} node(id: "{id}") {{ id }} }}' for id in ids]
    return [
        ("/v1/categories", {"fields": "id", "include": "total"}),
        ("/v1/categories", {"fields": "name,id"}),
        *[(f"/v1/categories/{id}", {"fields": "id"}) for id in ids],
        *[("/graphql", {"query": text}) for text in texts],
    ]


def ids_in(value: Any) -> set[str]:
    """Return all ids in an answer."""
    if isinstance(value, list):
        return set[str]().union(*map(ids_in, value))
    if not isinstance(value, dict):
        return set()
    return set[str]().union(*[{v} if name == "id" else ids_in(v) for name, v in value.items()])


async def test_each_guest_sees_only_the_rows_of_its_own_token(own_categories: GuestShop, ids: list[str]) -> None:
    guests = [*map(own_categories.guest_of, ids[:2]), own_categories.reader_of(ids[2])]
    tags: dict[tuple[str, str], set[str]] = {}
    for _ in range(3):
        for id, caller in (*zip(ids, guests, strict=True), ("", own_categories.client())):
            for path, params in reads(ids):
                answer = await caller.get(path, params=params)
                is_other = path.startswith("/v1/categories/") and not path.endswith(id or "none")
                assert answer.status_code == (404 if is_other else 200), path
                text = params.get("query", f"{path} {params}")
                if not is_other:
                    asked = [i for i in ids if i in text]
                    expected = {id} if id and (id in asked or not asked) else set[str]()
                    assert ids_in(answer.json()) == expected, text
                    assert (answer.headers["cache-control"] == PRIVATE) == bool(id), text
                    tags.setdefault((text, id), set()).add(answer.headers["etag"])
    assert {len(own) for own in tags.values()} == {1}, "the answer to a caller changed"


async def test_an_etag_of_another_guest_is_no_match(own_categories: GuestShop, ids: list[str]) -> None:
    ann, bob = [own_categories.guest_of(id) for id in ids[:2]]
    for path, params in (("/v1/categories", {}), ("/graphql", {"query": "{ categories { nodes { id name } } }"})):
        etag = (await ann.get(path, params=params)).headers["etag"]
        assert (await ann.get(path, params=params, headers={"if-none-match": etag})).status_code == 304
        assert (await bob.get(path, params=params, headers={"if-none-match": etag})).status_code == 200


async def test_a_document_has_the_identity_of_its_request(own_categories: GuestShop, ids: list[str]) -> None:
    text = f"{{ a: categories {{ nodes {{ id }} }} b: nodes(ids: {json.dumps(ids)}) {{ id }} }}"
    for id in (*ids, *ids):
        data = (await own_categories.guest_of(id).post("/graphql", json={"query": text})).json()["data"]
        assert data["a"]["nodes"] == [{"id": id}]
        assert [node and node["id"] for node in data["b"]] == [id if id == other else None for other in ids]


async def test_the_catalogue_is_the_same_for_a_guest_and_is_not_shared(
    shop: GuestShop, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    guests = [shop.guest_of(product["id"]), shop.reader_of(product["id"]), shop.client("tpc_unknown")]
    document = f'{{ product(id: "{product["id"]}") {{ name variants {{ sku }} }} }}'
    for path, params in (
        (f"/v1/products/{product['id']}", {}),
        ("/v1/products", {"q": product["name"]}),
        ("/v1", {}),
        ("/graphql", {"query": document}),
    ):
        public = await shop.client().get(path, params=params)
        assert public.headers["cache-control"].startswith("public")
        for client in (*guests, *guests, shop.client()):
            answer = await client.get(path, params=params)
            is_public = "x-cart-token" not in client.headers
            assert (answer.status_code, answer.content) == (200, public.content)
            assert (answer.headers["cache-control"] == PRIVATE) != is_public
            assert "X-Cart-Token" in answer.headers["vary"].split(", ")
            assert answer.headers["etag"] == public.headers["etag"]
        unchanged = await guests[0].get(path, params=params, headers={"if-none-match": public.headers["etag"]})
        assert (unchanged.status_code, unchanged.headers["cache-control"]) == (304, PRIVATE)


async def test_personal_answers_to_a_guest_are_not_stored(shop: GuestShop) -> None:
    for client in (shop.guest_of(unique()), shop.client()):
        for path, params in (("/v1/rate-limit", {}), ("/graphql", {"query": "{ rateLimit { limit } }"})):
            answer = await client.get(path, params=params)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        answer = await client.post("/graphql", json={"query": "{ products { nodes { id } } }"})
        assert answer.headers["cache-control"] == "no-store"


async def register(client: httpx.AsyncClient, door: str, key: str, email: str) -> tuple[int, str, bool]:
    """Register an address with a key. Return status, code, and whether it was replayed."""
    body, headers = {"email": email, "password": PASSWORD}, {"Idempotency-Key": key}
    if door == "rest":
        answer = await client.post("/v1/auth/register", json=body, headers=headers)
        return answer.status_code, answer.json().get("code", ""), "idempotent-replayed" in answer.headers
    text = "mutation($input: RegisterInput!) { register(input: $input) { status } }"
    request = {"query": text, "variables": {"input": body}}
    answer = await client.post("/graphql", json=request, headers=headers)
    [error] = answer.json().get("errors", [None])
    problem: Any = error["extensions"] if error else {"status": 202, "code": ""}
    return problem["status"], problem["code"], "idempotent-replayed" in answer.headers


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_the_idempotency_keys_of_a_guest_belong_to_its_token(shop: GuestShop, door: str) -> None:
    other_door = "graphql" if door == "rest" else "rest"
    key, emails = unique("key"), [f"{unique('guest')}@shop.example" for _ in range(4)]
    ann, bob, link = shop.guest_of(unique()), shop.guest_of(unique()), shop.reader_of("0192" * 8)
    # At one address, with one key and different bodies.
    for client, email in zip((ann, bob, link, shop.client()), emails, strict=True):
        assert await register(client, door, key, email) == (202, "", False)
        assert await register(client, other_door, key, email) == (202, "", True)
    assert await register(ann, door, key, emails[1]) == (422, "idempotency_key_reused", False)
    # An unknown token counts as none.
    assert await register(shop.client("tpc_unknown"), door, key, emails[3]) == (202, "", True)
    # The token is the same guest at another address.
    moved = shop.client(ann.headers["x-cart-token"], address="198.51.100.7")
    assert await register(moved, door, key, emails[0]) == (202, "", True)
    async with shop.app.state.database.session_factory() as session:
        principals = set(await session.scalars(select(IdempotencyRecord.principal).where(IdempotencyRecord.key == key)))
    tokens = [client.headers["x-cart-token"] for client in (ann, bob, link)]
    assert principals == {*[f"cart {shop.tokens.token_hash(token)}" for token in tokens], "address 127.0.0.1"}


@pytest.fixture
async def strict_shop(settings: Settings) -> AsyncIterator[GuestShop]:
    """An app with the default limit on wrong tokens."""
    app = create_app(msgspec.structs.replace(settings, budget_cart_tokens=20))
    async with app.lifespan():
        yield GuestShop(app)


async def test_both_doors_count_wrong_tokens_together(strict_shop: GuestShop) -> None:
    address, document = "203.0.113.77", {"query": "{ categories { nodes { id } } }"}
    wrong = strict_shop.client("tpc_wrong", address)
    for _ in range(5):
        assert (await wrong.get("/v1/categories")).status_code == 200
        assert (await wrong.post("/graphql", json=document)).status_code == 200
        assert (await wrong.get("/graphql", params=document)).status_code == 200
        assert (await wrong.post("/v1/categories", json={"name": "x"})).status_code == 401
    refused = await wrong.get("/v1/categories")
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert refused.json()["violated-policies"] == ["cart-token"]
    for answer in (await wrong.post("/graphql", json=document), await wrong.get("/graphql", params=document)):
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        [error] = answer.json()["errors"]
        assert error["extensions"]["code"] == "quota_exceeded"
        assert error["extensions"]["violated-policies"] == ["cart-token"]
        assert "data" not in answer.json()
    right = strict_shop.client(strict_shop.carts.open_cart(strict_shop.tokens, "a cart"), address)
    assert (await right.get("/v1/categories")).status_code == 200
    assert (await right.post("/graphql", json=document)).status_code == 200


async def test_a_token_is_in_no_log_line_and_no_answer(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    app = create_app(msgspec.structs.replace(settings, access_log=True, budget_cart_tokens=2))
    async with app.lifespan():
        shop = GuestShop(app)
        tokens = [shop.carts.open_cart(shop.tokens, unique()), shop.tokens.new_cart_token()]
        for token in tokens:
            for _ in range(4):
                answer = await shop.client(token).get("/v1/products", params={"fields": "nothing"})
                document = {"query": "{ nothing { id } }"}
                texts = [answer.text, (await shop.client(token).post("/graphql", json=document)).text]
                assert not any(token in text for text in (*texts, str(answer.headers)))
    output = capfd.readouterr()
    written = caplog.text + output.out + output.err
    assert "/v1/products" in written
    for token in tokens:
        assert token not in written
        assert shop.tokens.token_hash(token) not in written


async def test_the_cart_of_a_guest_is_its_own_at_both_doors_and_is_not_stored(shop: GuestShop) -> None:
    carts = [(await shop.client().post("/v1/carts", json={"note": unique()})).json() for _ in range(2)]
    guests = [shop.client(cart["token"]) for cart in carts]
    ids = [cart["id"] for cart in carts]
    for guest, own in [*zip(guests, carts, strict=True)] * 2:
        for id in ids:
            fields = ('cart(id: "%") { note }', 'cartQuote(cartId: "%") { taxEstimated }', 'node(id: "%") { id }')
            text = f"{{ {' '.join(fields)} }}".replace("%", id)
            paths = (f"/v1/carts/{id}", f"/v1/carts/{id}/quote")
            answers = [*[await guest.get(path) for path in paths], await guest.get("/graphql", params={"query": text})]
            assert [a.status_code for a in answers] == ([200] * 3 if id == own["id"] else [404, 404, 200])
            assert {a.headers["cache-control"] for a in answers} == {"no-store"}
            values = answers[2].json()["data"].values()
            assert {value is not None for value in values} == {id == own["id"]}
            assert (own["note"] in answers[2].text) == (id == own["id"])
            assert not any(cart["token"] in a.text for cart in carts for a in answers)
        listed = await guest.get("/v1/carts", params={"include": "total"})
        assert ([cart["id"] for cart in listed.json()["data"]], listed.json()["total"]) == ([own["id"]], 1)
        assert listed.headers["cache-control"] == "no-store"
