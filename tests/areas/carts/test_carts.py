"""Carts: who sees them, and what can be changed."""

from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import select, update

from tests.areas.carts.shopper import ADDRESS, Shopper, graphql, new_guest, succeed, variant
from tests.factories import assert_problem, create, faults, make_product, make_variant, unique
from tests.users import PASSWORD, create_user, http_client
from tradepost.areas.carts.models import CartRow
from tradepost.areas.catalog.models import VariantRow
from tradepost.kit.ids import new_id
from tradepost.kit.operations.idempotency.records import RECORDS
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8014"


async def test_a_guest_reads_the_cart_with_its_secret_only(
    app: "TradepostApp", staff: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    guest, id = await new_guest(app), await variant(staff)
    assert guest.cart["token"].startswith("tpc_")
    assert (await guest.put(id, 2))["lines"][0]["quantity"] == 2
    assert (await guest.read())["token"] is None
    assert_problem(await client.get(guest.path), 404, "not_found")
    other = await new_guest(app)
    assert_problem(await other.client.get(guest.path), 404, "not_found")
    assert succeed(await other.client.get("/v1/carts"))["data"][0]["id"] == other.cart["id"]
    assert succeed(await client.get("/v1/carts"))["data"] == []
    assert succeed(await staff.get(guest.path))["id"] == guest.cart["id"]


async def test_the_secret_is_stored_as_a_hash(app: "TradepostApp") -> None:
    guest = await new_guest(app)
    async with app.state.database.session_factory() as session:
        row = await session.get(CartRow, guest.cart["id"])
    assert row is not None
    assert row.token_hash is not None
    assert guest.cart["token"] not in row.token_hash


async def test_a_user_has_one_open_cart_without_a_secret(app: "TradepostApp") -> None:
    user = await create_user(app)
    async with user.client() as client:
        cart = await create(client, "/v1/carts", {})
        assert (cart["token"], cart["customer_id"], cart["email"]) == (None, user.id, user.email)
        refused = await client.post("/v1/carts", json={})
        assert_problem(refused, 409, "already_exists")
        assert f"`{cart['id']}`" in refused.json()["detail"]
        found = succeed(await client.get("/v1/carts", params={"status": "open"}))["data"]
        assert [row["id"] for row in found] == [cart["id"]]


async def test_a_key_that_is_not_for_the_account_of_its_owner_creates_a_guests_cart(app: "TradepostApp") -> None:
    user = await create_user(app)
    key = await user.key(scopes=[])
    async with http_client(app, key["secret"]) as client:
        cart = await create(client, "/v1/carts", {})
        assert cart["customer_id"] is None
        assert cart["token"]
        assert_problem(await client.get(f"/v1/carts/{cart['id']}"), 404, "not_found")


async def test_staff_make_and_change_a_cart_for_a_customer(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    user, id = await create_user(app), await variant(staff)
    body = {"customer_id": user.id, "lines": [{"variant_id": id, "quantity": 3}]}
    cart = await create(staff, "/v1/carts", body)
    assert (cart["customer_id"], cart["email"], cart["token"]) == (user.id, user.email, None)
    assert succeed(await staff.patch(f"/v1/carts/{cart['id']}", json={"note": "By phone"}))["note"] == "By phone"
    async with user.client() as client:
        assert (await client.get(f"/v1/carts/{cart['id']}")).json()["lines"][0]["quantity"] == 3
        other = await create_user(app)
        refused = await client.post("/v1/carts", json={"customer_id": other.id})
        assert_problem(refused, 403, "forbidden")
    unknown = await staff.post("/v1/carts", json={"customer_id": UNKNOWN})
    assert faults(unknown) == {("/customer_id", "not_found")}


async def test_who_reads_all_carts_but_may_not_write_orders_is_refused_a_change(app: "TradepostApp") -> None:
    user, guest = await create_user(app, role="staff"), await new_guest(app)
    key = await user.key(scopes=["orders:read"])
    async with http_client(app, key["secret"]) as client:
        assert (await client.get(guest.path)).status_code == 200
        assert_problem(await client.patch(guest.path, json={"note": "x"}), 403, "forbidden")


async def test_members_are_changed_and_removed_and_all_faults_are_reported(app: "TradepostApp") -> None:
    guest = await new_guest(app, email="Kim@Shop.Example", shipping_address=ADDRESS)
    assert guest.cart["email"] == "kim@shop.example"
    assert guest.cart["shipping_address"] == ADDRESS | {"company": "", "region": None, "phone": None}
    assert guest.cart["billing_address"] is None
    moved = await guest.change(shipping_address={"city": "Odense"}, attributes={"gift": True}, locale="de-AT")
    assert (moved["shipping_address"]["city"], moved["shipping_address"]["name"]) == ("Odense", "Kim Larsen")
    assert (moved["attributes"], moved["locale"], moved["version"]) == ({"gift": True}, "de-AT", 2)
    assert (await guest.change(shipping_address=None, email=None))["shipping_address"] is None
    body = {
        "email": "kim@",
        "shipping_address": ADDRESS | {"country": "XX"},
        "billing_address": ADDRESS | {"country": "YY"},
    }
    refused = await guest.client.patch(guest.path, json=body)
    assert faults(refused) == {
        ("/email", "invalid_format"),
        ("/shipping_address/country", "not_allowed"),
        ("/billing_address/country", "not_allowed"),
    }
    refused = await guest.client.patch(guest.path, json={"attributes": {"text": "x" * 4096}})
    assert faults(refused) == {("/attributes", "too_large")}
    for path, member in (("customer_id", UNKNOWN), ("shipping_method_id", UNKNOWN), ("status", "completed")):
        assert (await guest.client.patch(guest.path, json={path: member})).status_code == 422, path


async def test_a_line_is_set_and_removed_and_answers_the_cart(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    guest, id = await new_guest(app), await variant(staff, 1250)
    cart = await guest.put(id, 2)
    [line] = cart["lines"]
    assert (line["unit_price"], line["added_price"]) == ({"amount": 1250, "currency": "EUR"},) * 2
    assert (line["total"]["amount"], line["product_name"], line["variant_id"]) == (2500, "Lamp", id)
    assert cart["version"] == 2
    assert (await guest.put(id, 2))["version"] == 2
    assert (await guest.put(id, 5))["lines"][0]["quantity"] == 5
    for quantity, code in ((0, "out_of_range"), (100, "out_of_range"), (10_000, "out_of_range"), ("1", "invalid_type")):
        refused = await guest.client.put(f"{guest.path}/lines/{id}", json={"quantity": quantity})
        assert faults(refused) == {("/quantity", code)}, quantity
    removed = await guest.client.delete(f"{guest.path}/lines/{id}")
    assert (removed.status_code, removed.json()["lines"]) == (200, [])
    assert_problem(await guest.client.delete(f"{guest.path}/lines/{id}"), 404, "not_found")
    for unknown in (UNKNOWN, "nothing"):
        assert_problem(await guest.client.put(f"{guest.path}/lines/{unknown}", json={"quantity": 1}), 404, "not_found")


async def test_a_cart_has_at_most_100_lines(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    ids = [(await make_variant(staff, product["id"], track_inventory=False))["id"] for _ in range(100)]
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 1} for id in ids])
    assert len(guest.cart["lines"]) == 100
    refused = await guest.client.put(f"{guest.path}/lines/{await variant(staff)}", json={"quantity": 1})
    assert_problem(refused, 422, "validation")
    assert faults(refused) == {("", "too_many")}
    assert (await guest.put(ids[50], 7))["lines"][50]["quantity"] == 7


async def test_all_faults_of_the_lines_of_a_new_cart_are_reported(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    id = await variant(staff)
    lines = [(id, 1), (UNKNOWN, 1), (id, 100)]
    body = {"lines": [{"variant_id": variant_id, "quantity": quantity} for variant_id, quantity in lines]}
    assert faults(await client.post("/v1/carts", json=body)) == {
        ("/lines/1/variant_id", "not_found"),
        ("/lines/2/variant_id", "duplicate"),
        ("/lines/2/quantity", "out_of_range"),
    }


async def test_a_line_whose_variant_is_hidden_keeps_its_last_names_and_has_no_price(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, name="Oak chair")
    first, second = [await make_variant(staff, product["id"], 1500, track_inventory=False) for _ in range(2)]
    guest = await new_guest(app)
    await guest.put(first["id"])
    await guest.put(second["id"])
    assert (await staff.delete(f"/v1/variants/{first['id']}")).status_code == 204
    assert (await staff.patch(f"/v1/products/{product['id']}", json={"status": "archived"})).status_code == 200
    # Staff sees the archived product, yet the cart is the same for every caller.
    for caller in (guest.client, staff):
        lines = succeed(await caller.get(guest.path))["lines"]
        assert [line["product_name"] for line in lines] == ["Oak chair", "Oak chair"]
        assert [line["sku"] for line in lines] == [first["sku"], second["sku"]]
        assert [(line["unit_price"], line["total"], line["availability"]) for line in lines] == [
            (None, None, "not_available")
        ] * 2
    assert_problem(await guest.client.put(f"{guest.path}/lines/{second['id']}", json={"quantity": 2}), 404, "not_found")
    removed = succeed(await guest.client.delete(f"{guest.path}/lines/{second['id']}"))
    assert [line["variant_id"] for line in removed["lines"]] == [first["id"]]


async def test_a_variant_is_not_sold_at_a_price_whose_totals_would_not_fit(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    id = await variant(staff, 4_000_000_000)
    guest = await new_guest(app, lines=[{"variant_id": id, "quantity": 99}])
    assert (await guest.quote())["grand_total"]["amount"] == 396_000_000_000
    for price in (4_000_000_001, 2**53 - 1):  # from before the limit of prices
        async with app.state.database.transaction() as session:
            await session.execute(update(VariantRow).where(VariantRow.id == id).values(price_amount=price))
        [line] = (await guest.read())["lines"]
        assert (line["unit_price"], line["availability"]) == (None, "not_available")
        assert (await guest.quote())["grand_total"]["amount"] == 0
        refused = await guest.client.put(f"{guest.path}/lines/{id}", json={"quantity": 1})
        assert_problem(refused, 404, "not_found")


async def test_names_and_prices_are_those_of_now(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff, name="Oak chair")
    item = await make_variant(staff, product["id"], 1500, track_inventory=False)
    guest = await new_guest(app, lines=[{"variant_id": item["id"], "quantity": 2}])
    await staff.patch(f"/v1/products/{product['id']}", json={"name": "Ash chair"})
    await staff.patch(f"/v1/variants/{item['id']}", json={"price": {"amount": 1600}})
    [line] = (await guest.read())["lines"]
    assert (line["product_name"], line["unit_price"]["amount"], line["added_price"]["amount"]) == (
        "Ash chair",
        1600,
        1500,
    )
    assert line["total"]["amount"] == 3200


@pytest.mark.parametrize("status", ["completed", "expired", "merged"])
async def test_a_cart_that_is_not_open_cannot_be_changed(
    app: "TradepostApp", staff: httpx.AsyncClient, status: str
) -> None:
    guest, id, order_id = await new_guest(app), await variant(staff), new_id(40)
    await guest.put(id)
    async with app.state.database.transaction() as session:
        row = await session.get(CartRow, guest.cart["id"])
        assert row is not None
        row.status = status
        if status == "completed":
            row.order_id, row.completed_at = order_id, row.created_at
    line = f"{guest.path}/lines/{id}"
    answers = [
        await staff.patch(guest.path, json={"note": "x"}),
        await staff.put(line, json={"quantity": 2}),
        await staff.delete(line),
    ]
    for answer in answers:
        assert_problem(answer, 409, "invalid_transition")
        assert answer.json().get("order_id") == (order_id if status == "completed" else None)
    document = f'mutation {{ cartUpdate(id: "{guest.cart["id"]}", patch: {{note: "x"}}) {{ id }} }}'
    [error] = (await staff.post("/graphql", json={"query": document})).json()["errors"]
    assert error["extensions"]["code"] == "invalid_transition"


async def test_the_secret_of_a_completed_cart_opens_it_for_90_days_and_others_not_at_all(app: "TradepostApp") -> None:
    from datetime import timedelta

    for status, age, seen in (
        ("open", 0, True),
        ("completed", 89, True),
        ("completed", 91, False),
        ("expired", 0, False),
        ("merged", 0, False),
    ):
        guest = await new_guest(app)
        async with app.state.database.transaction() as session:
            row = await session.get(CartRow, guest.cart["id"])
            assert row is not None
            row.status = status
            if status == "completed":
                row.order_id, row.completed_at = new_id(40), row.created_at - timedelta(days=age)
        assert (await guest.client.get(guest.path)).status_code == (200 if seen else 404), (status, age)


async def test_changes_write_neither_event_nor_audit_entry(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    guest, id, request_id = await new_guest(app), await variant(staff), unique("quiet")
    guest.client.headers["X-Request-ID"] = request_id
    await guest.put(id)
    await guest.change(note="Ring twice", email="kim@shop.example")
    await guest.client.delete(f"{guest.path}/lines/{id}")
    async with app.state.database.session_factory() as session:
        events = (await session.scalars(select(OutboxEvent).where(OutboxEvent.request_id == request_id))).all()
    assert events == []
    entries = succeed(await staff.get("/v1/audit", params={"subject": guest.cart["id"]}))["data"]
    assert entries == []


@pytest.mark.parametrize("doors", [("rest", "rest"), ("rest", "graphql"), ("graphql", "rest")])
async def test_a_repeated_create_returns_the_same_cart_with_its_secret_and_lines(
    app: "TradepostApp", staff: httpx.AsyncClient, doors: tuple[str, str]
) -> None:
    key, id = unique("a-key-of-a-guest"), await variant(staff)
    text = "mutation ($lines: [CartLineInput!]!) { cartCreate(input: {lines: $lines}) "
    text += "{ id token lines { variantId } } }"
    carts: list[tuple[str, str, list[str]]] = []
    async with http_client(app) as client:
        client.headers["Idempotency-Key"] = key
        for door in doors:
            if door == "rest":
                answer = await client.post("/v1/carts", json={"lines": [{"variant_id": id, "quantity": 2}]})
                cart, name = succeed(answer), "variant_id"
            else:
                lines = [{"variantId": id, "quantity": 2}]
                cart, name = (await graphql(client, text, lines=lines))["cartCreate"], "variantId"
            carts.append((cart["id"], cart["token"], [line[name] for line in cart["lines"]]))
    assert carts[0] == carts[1]
    assert carts[0][1].startswith("tpc_")
    assert carts[0][2] == [id]
    async with app.state.database.engine.connect() as connection:
        [stored] = (await connection.execute(select(RECORDS).where(RECORDS.c.key == key))).all()
    assert carts[0][1] not in str(tuple(stored))


async def test_the_carts_of_a_closed_account_are_deleted(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    user = await create_user(app)
    async with user.client() as client:
        cart = await create(client, "/v1/carts", {"shipping_address": ADDRESS})
        closed = await client.post("/v1/users/me/closure", json={"password": PASSWORD})
        assert closed.status_code == 204, closed.text
    assert_problem(await staff.get(f"/v1/carts/{cart['id']}"), 404, "not_found")


async def test_a_lost_precondition_is_refused(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    guest, first, second = await new_guest(app), await variant(staff), await variant(staff)
    tag = (await guest.client.get(guest.path)).headers["etag"]
    cart, line = await guest.put(first), f"{guest.path}/lines/{second}"
    for method, path, body in (("PATCH", guest.path, {"note": "x"}), ("PUT", line, {"quantity": 2})):
        refused = await guest.client.request(method, path, json=body, headers={"If-Match": tag})
        assert_problem(refused, 412, "precondition_failed")
    refused = await guest.client.delete(f"{guest.path}/lines/{first}", headers={"If-Match": tag})
    assert_problem(refused, 412, "precondition_failed")
    text = """mutation ($cart: ID!, $one: ID!, $other: ID!, $version: Int) {
      cartLineRemove(cartId: $cart, variantId: $one, expectedVersion: $version) { version }
      cartLineSet(cartId: $cart, variantId: $other, input: {quantity: 2}, expectedVersion: $version) { version }
    }"""
    variables = {"cart": cart["id"], "one": first, "other": second, "version": cart["version"] - 1}
    answer = (await guest.client.post("/graphql", json={"query": text, "variables": variables})).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["precondition_failed"] * 2
    assert await guest.read() == cart


async def test_a_line_is_changed_if_the_version_is_that_of_the_cart(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    guest, id = await new_guest(app), await variant(staff)
    line, tag = f"{guest.path}/lines/{id}", (await guest.client.get(guest.path)).headers["etag"]
    answer = await guest.client.put(line, json={"quantity": 2}, headers={"If-Match": tag})
    assert succeed(answer)["lines"][0]["quantity"] == 2
    answer = await guest.client.delete(line, headers={"If-Match": answer.headers["etag"]})
    assert succeed(answer)["lines"] == []


async def test_both_doors_change_one_cart(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    id = await variant(staff, 700)
    text = """mutation ($input: CartCreateInput!) {
      cartCreate(input: $input) { id token status lines { variantId quantity total { amount } } }
    }"""
    client = http_client(app)
    created = (await graphql(client, text, input={"lines": [{"variantId": id, "quantity": 2}]}))["cartCreate"]
    assert created["lines"] == [{"variantId": id, "quantity": 2, "total": {"amount": 1400}}]
    client.headers["X-Cart-Token"] = created["token"]
    guest = Shopper(client, created)
    assert (await guest.put(id, 3))["lines"][0]["quantity"] == 3
    text = """mutation ($cart: ID!, $variant: ID!) {
      cartLineSet(cartId: $cart, variantId: $variant, input: {quantity: 4}) { lines { quantity availability } }
    }"""
    changed = await graphql(client, text, cart=created["id"], variant=id)
    assert changed["cartLineSet"]["lines"] == [{"quantity": 4, "availability": "IN_STOCK"}]
    text = "mutation ($cart: ID!, $variant: ID!) { cartLineRemove(cartId: $cart, variantId: $variant) { version } }"
    assert (await graphql(client, text, cart=created["id"], variant=id))["cartLineRemove"] == {"version": 4}
    assert (await graphql(client, "query ($id: ID!) { cart(id: $id) { lines { id } } }", id=created["id"])) == {
        "cart": {"lines": []}
    }
    assert (await graphql(http_client(app), "query ($id: ID!) { cart(id: $id) { id } }", id=created["id"])) == {
        "cart": None
    }


@pytest.mark.parametrize("region", ["US-NY", "ny"])
async def test_a_region_is_the_second_part_of_its_code(app: "TradepostApp", region: str) -> None:
    guest = await new_guest(app)
    body = {"shipping_address": ADDRESS | {"country": "US", "region": region}}
    refused = await guest.client.patch(guest.path, json=body)
    assert ("/shipping_address/region", "invalid_format") in faults(refused)
