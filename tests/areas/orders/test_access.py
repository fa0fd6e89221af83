"""Guests read an order by the secret of its cart or by a link; other callers do not see it."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tests.areas.accounts.captured_mail import CapturedMail, token_in_email
from tests.areas.catalog.events import events_of
from tests.areas.orders.checkout import placed_order, post, stocked_variant
from tests.areas.orders.shop_app import staff_client
from tests.areas.orders.statements import counted
from tests.conftest import HERE
from tests.factories import Json, assert_problem, unique
from tests.users import create_user, http_client
from tradepost.areas.accounts.email_limits import EmailLimits
from tradepost.areas.accounts.service.email_tokens import VERIFY_EMAIL
from tradepost.areas.orders.service import OrderSettings
from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.clock import now
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(fresh_settings: "Callable[[], Settings]", anyio_backend: object) -> AsyncIterator["TradepostApp"]:
    """A shop with its own database, so that no other test reads its outbox."""
    from tradepost.app import create_app

    app = create_app(fresh_settings())
    async with app.lifespan():
        yield app


@pytest.fixture
async def shop_staff(shop: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client with a staff API key of the shop."""
    async with staff_client(shop) as client:
        yield client


def with_token(app: "TradepostApp", token: str) -> httpx.AsyncClient:
    """Return a client that sends the token of a link."""
    client = http_client(app)
    client.headers["X-Cart-Token"] = token
    return client


async def test_the_confirmation_has_a_link_that_only_reads_the_order(
    shop: "TradepostApp", shop_staff: httpx.AsyncClient
) -> None:
    email = f"{unique('kim')}@shop.example"
    _, order = await placed_order(shop, shop_staff, email=email)
    _, other = await placed_order(shop, shop_staff)
    mail = CapturedMail(shop)
    [message] = await mail.collect(email)
    assert message.subject == f"Your order {order['number']}"
    for text in (message.text, message.html):
        assert order["number"] in text
        assert "2" in text
        assert "€24.90" in text
    assert f"{HERE}/order#token=tpo_" in message.text
    guest = with_token(shop, token_in_email(message))
    assert (await guest.get(f"/v1/orders/{order['id']}")).json()["number"] == order["number"]
    assert [row["id"] for row in (await guest.get("/v1/orders")).json()["data"]] == [order["id"]]
    assert_problem(await guest.get(f"/v1/orders/{other['id']}"), 404, "not_found")
    choice = {"provider": "manual", "method": "bank_transfer"}
    for path, body, permission in (("cancellation", {}, "orders:write"), ("payments", choice, "payments:write")):
        refused = await post(guest, f"/v1/orders/{order['id']}/{path}", body)
        assert f"`{permission}`" in assert_problem(refused, 401, "unauthenticated")["detail"]
    page = await guest.get("/order")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    [script] = re.findall(r'<script defer src="(/order/order[.]js[?]v=\w+)"></script>', page.text)
    [stylesheet] = re.findall(r'<link rel="stylesheet" href="(.*?)">', page.text)
    assert [(await guest.get(path)).status_code for path in (script, stylesheet)] == [200, 200]


async def test_an_email_states_times_in_the_time_zone_of_the_shop(
    shop: "TradepostApp", shop_staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: OrderSettings = shop.state.dependencies.require(OrderSettings)
    assert settings.timezone is UTC
    zone = ZoneInfo("Asia/Kathmandu")  # 5 hours and 45 minutes before UTC
    monkeypatch.setitem(shop.state.dependencies.instances, OrderSettings, replace(settings, timezone=zone))
    email = f"{unique('kim')}@shop.example"
    _, order = await placed_order(shop, shop_staff, email=email)
    [message] = await CapturedMail(shop).collect(email)
    expires_at = datetime.fromisoformat(order["expires_at"]) + timedelta(hours=5, minutes=45)
    for text in (message.text, message.html):
        assert f"it expires on {expires_at:%Y-%m-%d %H:%M} +0545." in text


async def test_a_link_is_sent_only_to_the_address_of_the_order(
    shop: "TradepostApp", shop_staff: httpx.AsyncClient
) -> None:
    email, unknown = f"{unique('kim')}@shop.example", f"{unique('mallory')}@shop.example"
    _, order = await placed_order(shop, shop_staff, email=email)
    mail, client = CapturedMail(shop), http_client(shop)
    await mail.collect(email)
    mail.emails.clear()
    for address in (email.upper(), unknown):
        answer = await post(client, "/v1/orders/access", {"number": order["number"], "email": address})
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    [message] = await mail.collect(email)
    assert await mail.collect(unknown) == []
    assert "24 hours" in message.text
    guest = with_token(shop, token_in_email(message))
    assert (await guest.get(f"/v1/orders/{order['number']}")).status_code == 200


async def test_five_links_an_hour_are_sent_to_an_address(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state.dependencies.require(EmailLimits).emails, "per_hour", 5)
    email, client = f"{unique('kim')}@shop.example", http_client(app)
    orders = [(await placed_order(app, staff, email=email))[1] for _ in range(2)]
    text = "mutation($input: OrderAccessInput!) { orderAccess(input: $input) { status } }"

    async def request(door: str, number: str, address: str) -> Json | None:
        """Return the problem, or None."""
        input = {"number": number, "email": address}
        if door == "rest":
            answer = await post(client, "/v1/orders/access", input)
            return None if answer.status_code == 202 else answer.json()
        body = (await client.post("/graphql", json={"query": text, "variables": {"input": input}})).json()
        return body["errors"][0]["extensions"] if "errors" in body else None

    numbers = [order["number"] for order in orders]
    for n in range(5):
        assert await request(("rest", "graphql")[n % 2], numbers[n % 2], (email, email.upper())[n % 2]) is None
    for door in ("rest", "graphql"):
        problem = await request(door, numbers[1], email)
        assert problem is not None
        assert (problem["code"], problem["violated-policies"]) == ("quota_exceeded", ["emails"])
        assert await request(door, numbers[1], f"{unique('lee')}@shop.example") is None
    async with app.state.database.session_factory() as session:
        queued = select(OutboxEvent.data).where(OutboxEvent.type == "mail.order_access")
        addresses = [data["email"] for data in await session.scalars(queued)]
    assert addresses.count(email) == 5


async def test_an_expired_link_opens_nothing(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order = await placed_order(app, staff)
    tokens: GuestTokens = app.state.dependencies.require(GuestTokens)
    for seconds, status in ((60, 200), (-60, 404)):
        guest = with_token(app, tokens.order_token(order["id"], now() + timedelta(seconds=seconds)))
        assert (await guest.get(f"/v1/orders/{order['id']}")).status_code == status


async def test_an_order_of_somebody_else_is_found_by_no_path(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    owner, other = await create_user(app), await create_user(app)
    client, order = await placed_order(app, staff, user=owner)
    [line] = (await client.get(f"/v1/orders/{order['id']}/lines")).json()["data"]
    id, number = order["id"], order["number"]
    for caller in (other.client(), http_client(app)):
        for path in (f"/v1/orders/{id}", f"/v1/orders/{number}", f"/v1/orders/{id}/lines", f"/v1/orders/{id}/events"):
            assert_problem(await caller.get(path), 404, "not_found")
        for params in ({"number": number}, {"email": order["email"]}, {"q": number}, {"include": "total"}):
            page = (await caller.get("/v1/orders", params=params)).json()
            assert (page["data"], page.get("total", 0)) == ([], 0)
        nodes = f'a: node(id: "{id}") {{ id }} b: node(id: "{line["id"]}") {{ id }}'
        answer = await caller.post("/graphql", json={"query": f'{{ {nodes} c: order(number: "{number}") {{ id }} }}'})
        assert answer.json()["data"] == dict.fromkeys("abc")
    assert_problem(await other.client().get(f"/v1/users/{owner.id}/orders"), 404, "not_found")
    mine = (await client.get(f"/v1/users/{owner.id}/orders")).json()["data"]
    assert [row["id"] for row in mine] == [id]


async def test_a_reader_of_an_order_is_told_which_permission_a_change_needs(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    owner, employee = await create_user(app), await create_user(app, "staff")
    _, order = await placed_order(app, staff, user=owner)
    path, choice = f"/v1/orders/{order['id']}", {"provider": "manual", "method": "bank_transfer"}
    own_key = (await owner.key(scopes=["account:read"]))["secret"]
    staff_key = (await employee.key(scopes=["orders:read"]))["secret"]
    for key, missing in (
        (own_key, ("account:write", "account:write")),
        (staff_key, ("orders:write", "payments:write")),
    ):
        async with http_client(app, key) as reader:
            assert (await reader.get(path)).status_code == 200
            for step, body, permission in zip(("cancellation", "payments"), ({}, choice), missing, strict=True):
                problem = assert_problem(await post(reader, f"{path}/{step}", body), 403, "forbidden")
                assert problem["detail"] == f"The permission `{permission}` is required."
            text = "mutation ($id: ID!) { orderCancel(id: $id, input: {}) @idempotent(key: %s) { id } }"
            body = {"query": text % f'"{unique("key")}"', "variables": {"id": order["id"]}}
            [error] = (await reader.post("/graphql", json=body)).json()["errors"]
            assert (error["extensions"]["code"], error["message"]) == (
                "forbidden",
                f"The permission `{missing[0]}` is required.",
            )


async def test_customers_do_not_see_notes_of_staff(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    assert_problem(await post(client, f"{path}/notes", {"text": "Mine"}), 401, "unauthenticated")
    assert (await post(staff, f"{path}/notes", {"text": "Call first."})).status_code == 200
    types = {}
    for name, caller in (("customer", client), ("staff", staff)):
        types[name] = [event["type"] for event in (await caller.get(f"{path}/events")).json()["data"]]
    assert types == {"customer": ["placed"], "staff": ["placed", "note"]}


async def test_verifying_an_address_attaches_the_orders_of_the_guest(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    user = await create_user(app)
    client, order = await placed_order(app, staff, email=user.email)
    _, second = await placed_order(app, staff, email=user.email)
    _, other = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    assert_problem(await user.client().get(path), 404, "not_found")
    token = await user.email_token(VERIFY_EMAIL)
    with counted(app) as statements:
        answer = await user.client().post("/v1/auth/email-verification", json={"token": token})
    assert answer.status_code < 300, answer.text
    assert len([sql for sql in statements if '"order"' in sql and not sql.startswith("INSERT")]) == 1
    for id in (order["id"], second["id"]):
        type, data = (await events_of(app, id))[-1]
        assert (type, data["changed"], data["number"]) == ("order.updated", ["customer_id"], data["number"])
    attached = (await user.client().get(path)).json()
    assert (attached["customer_id"], attached["version"]) == (user.id, order["version"] + 1)
    assert (await client.get(path)).status_code == 200
    assert (await staff.get(f"/v1/orders/{other['id']}")).json()["customer_id"] is None
    assert (await user.client().get("/v1/users/me/addresses")).json()["data"] == []


async def test_an_ordered_variant_is_not_deleted(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 0, track_inventory=False)
    await placed_order(app, staff, (variant, 1))
    assert_problem(await staff.delete(f"/v1/variants/{variant}"), 409, "has_history")
