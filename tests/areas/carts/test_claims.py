"""Claims: a guest who signs in takes the cart along."""

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.carts.shopper import ADDRESS, Shopper, graphql, new_guest, shipping_method, succeed, variant
from tests.factories import Json, assert_problem, create, make_product, make_variant
from tests.users import create_user
from tradepost.areas.carts.models import CartRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

OTHER_ADDRESS = ADDRESS | {"name": "Sam Holm", "city": "Odense"}


async def claim(client: httpx.AsyncClient, guest: Shopper, door: str = "rest") -> httpx.Response:
    """Claim a guest's cart as a signed-in user who sends its secret."""
    headers = {"X-Cart-Token": guest.cart["token"]}
    if door == "rest":
        return await client.post(f"{guest.path}/claim", headers=headers)
    text = f'mutation {{ cartClaim(id: "{guest.cart["id"]}") {{ id }} }}'
    return await client.post("/graphql", json={"query": text}, headers=headers)


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_guests_cart_becomes_the_cart_of_a_user_without_one(
    app: "TradepostApp", staff: httpx.AsyncClient, door: str
) -> None:
    id, user = await variant(staff), await create_user(app)
    guest = await new_guest(app, note="Ring twice", shipping_address=ADDRESS, lines=[{"variant_id": id, "quantity": 2}])
    async with user.client() as client:
        answer = await claim(client, guest, door)
        assert answer.status_code == 200, answer.text
        [cart] = succeed(await client.get("/v1/carts", params={"status": "open", "fields": "id,note,email,lines"}))[
            "data"
        ]
    assert answer.json().get("id", answer.json().get("data", {}).get("cartClaim", {}).get("id")) == cart["id"]
    assert cart["id"] != guest.cart["id"]
    assert (cart["note"], cart["email"]) == ("Ring twice", user.email)
    assert [(line["variant_id"], line["quantity"]) for line in cart["lines"]] == [(id, 2)]
    assert_problem(await guest.client.get(guest.path), 404, "not_found")
    merged = succeed(await staff.get(guest.path))
    assert (merged["status"], merged["lines"]) == ("merged", [])
    async with app.state.database.session_factory() as session:
        row = await session.get(CartRow, guest.cart["id"])
    assert row is not None
    assert row.token_hash is None


async def test_quantities_add_up_to_the_maximum_and_what_was_reduced_is_a_notice(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    both, own_only, guest_only = [await variant(staff) for _ in range(3)]
    user = await create_user(app)
    guest = await new_guest(
        app, lines=[{"variant_id": both, "quantity": 60}, {"variant_id": guest_only, "quantity": 1}]
    )
    async with user.client() as client:
        lines = [{"variant_id": both, "quantity": 50}, {"variant_id": own_only, "quantity": 3}]
        shopper = Shopper(client, await create(client, "/v1/carts", {"lines": lines}))
        merged = succeed(await claim(client, guest))
        assert {line["variant_id"]: line["quantity"] for line in merged["lines"]} == {
            both: 99,
            own_only: 3,
            guest_only: 1,
        }
        [notice] = (await shopper.quote())["notices"]
        index = [line["variant_id"] for line in merged["lines"]].index(both)
        assert (notice["code"], notice["pointer"]) == ("quantity_capped", f"/lines/{index}/quantity")
        assert "from 110 to 99" in notice["detail"]
        await shopper.put(own_only, 4)
        assert (await shopper.quote())["notices"] == []


async def test_lines_that_do_not_fit_are_left_out(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product, user = await make_product(staff), await create_user(app)
    ids = [(await make_variant(staff, product["id"], track_inventory=False))["id"] for _ in range(100)]
    extra = await variant(staff)
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1} for id in (ids[0], extra)])
    async with user.client() as client:
        body = {"lines": [{"variant_id": id, "quantity": 1} for id in ids]}
        shopper = Shopper(client, await create(client, "/v1/carts", body))
        merged = succeed(await claim(client, guest))
        assert len(merged["lines"]) == 100
        assert merged["lines"][0]["quantity"] == 2
        [notice] = (await shopper.quote())["notices"]
        assert (notice["pointer"], notice["code"]) == ("/lines", "quantity_capped")
        assert "from 1 to 0" in notice["detail"]


@pytest.mark.parametrize(
    ("members", "shipping", "billing"),
    [
        ({}, "Sam Holm", "Sam Holm"),
        ({"shipping_address": ADDRESS}, "Kim Larsen", None),
        ({"billing_address": ADDRESS}, "Sam Holm", "Kim Larsen"),
    ],
)
async def test_what_the_user_has_is_kept(
    app: "TradepostApp", staff: httpx.AsyncClient, members: Json, shipping: str, billing: str | None
) -> None:
    methods = [await shipping_method(staff) for _ in range(2)]
    user = await create_user(app)
    guest = await new_guest(
        app,
        email="guest@shop.example",
        shipping_address=OTHER_ADDRESS,
        billing_address=OTHER_ADDRESS,
        shipping_method_id=methods[0],
        note="From the guest",
    )
    async with user.client() as client:
        body = {"email": "own@shop.example", "shipping_method_id": methods[1], **members}
        await create(client, "/v1/carts", body)
        merged = succeed(await claim(client, guest))
    assert (merged["email"], merged["shipping_method_id"]) == ("own@shop.example", methods[1])
    assert merged["shipping_address"]["name"] == shipping
    assert (merged["billing_address"] or {}).get("name") == billing
    assert merged["note"] == "From the guest"


async def test_the_guests_email_address_is_never_taken(app: "TradepostApp") -> None:
    """The creator of a cart must not get the e-mails about the order: their link opens it."""
    user, guest = await create_user(app), await new_guest(app, email="guest@shop.example")
    async with user.client() as client:
        own = await create(client, "/v1/carts", {})
        succeed(await client.patch(f"/v1/carts/{own['id']}", json={"email": None}))
        merged = succeed(await claim(client, guest))
    assert (merged["id"], merged["email"]) == (own["id"], user.email)


async def test_a_claim_needs_a_user_and_the_secret(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    guest, user = await new_guest(app), await create_user(app)
    assert_problem(await guest.client.post(f"{guest.path}/claim"), 401, "unauthenticated")
    async with user.client() as client:
        assert_problem(await client.post(f"{guest.path}/claim"), 404, "not_found")
        own = await create(client, "/v1/carts", {})
        assert_problem(await client.post(f"/v1/carts/{own['id']}/claim"), 409, "invalid_transition")
    # Staff sees the cart, but does not have its secret; a key without an owner is no user.
    assert_problem(await staff.post(f"{guest.path}/claim"), 403, "forbidden")
    member = await create_user(app, role="staff")
    async with member.client() as client:
        assert_problem(await client.post(f"{guest.path}/claim"), 403, "forbidden")


async def test_a_cart_is_claimed_once(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    id = await variant(staff)
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1}])
    users = [await create_user(app) for _ in range(4)]
    clients = [user.client() for user in users]
    answers = await asyncio.gather(*[claim(client, guest) for client in clients])
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200
    assert set(codes[1:]) <= {404, 409}
    carts = [succeed(await client.get("/v1/carts", params={"fields": "lines"}))["data"] for client in clients]
    assert sum([len(cart["lines"]) for rows in carts for cart in rows]) == 1


async def test_two_claims_of_one_user_without_a_cart_give_one_cart(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    ids, user = [await variant(staff) for _ in range(2)], await create_user(app)
    guests = [await new_guest(app, lines=[{"variant_id": id, "quantity": 1}]) for id in ids]
    async with user.client() as client:
        answers = await asyncio.gather(*[claim(client, guest) for guest in guests])
        assert [answer.status_code for answer in answers] == [200, 200], [a.text for a in answers]
        [cart] = succeed(await client.get("/v1/carts", params={"status": "open"}))["data"]
    assert {line["variant_id"] for line in cart["lines"]} == set(ids)


async def test_the_secret_serves_its_cart_beside_a_signed_in_user(app: "TradepostApp") -> None:
    guest, user = await new_guest(app), await create_user(app)
    async with user.client() as client:
        client.headers["X-Cart-Token"] = guest.cart["token"]
        text = "query ($id: ID!) { cart(id: $id) { id customerId } me { id } }"
        data = await graphql(client, text, id=guest.cart["id"])
    assert data == {"cart": {"id": guest.cart["id"], "customerId": None}, "me": {"id": user.id}}
