"""Withdrawal from the contract: by customers, and by guests with a secret or a link."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.accounts.captured_mail import CapturedMail, token_in_email
from tests.areas.catalog.events import events_of
from tests.areas.inventory.stock import STOCKKEEPER, check_ledger, transaction
from tests.areas.orders.checkout import placed_order, stock_of, stocked_variant
from tests.areas.orders.fulfilling import confirmed_order, counters, fulfil, order_now, units
from tests.areas.orders.returning import (
    deliver,
    delivered_days_ago,
    give_back,
    lines,
    return_step,
    shipped_order,
    take_return_step,
    try_return,
)
from tests.areas.orders.shop_app import staff_client
from tests.areas.orders.test_access import with_token
from tests.factories import Json, assert_problem, faults, unique
from tests.users import create_user
from tradepost.areas.orders.service import lock_order, record_payment

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

WITHDRAWAL = {"kind": "withdrawal"}


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


async def capture(app: "TradepostApp", order_id: str) -> None:
    """Record that the whole order is paid."""
    async with transaction(app, STOCKKEEPER) as call:
        order = await lock_order(call, order_id)
        await record_payment(call, order, captured=order.grand_total_amount)


async def withdraw_by_graphql(client: httpx.AsyncClient, order: Json, **members: Any) -> Json:
    """Withdraw from a whole order through GraphQL, and return the return."""
    document = (
        "mutation ($id: ID!, $input: ReturnCreateInput!, $key: String!) { "
        "it: orderReturn(orderId: $id, input: $input) @idempotent(key: $key) { kind status lines { quantity } } }"
    )
    variables = {"id": order["id"], "input": {"kind": "WITHDRAWAL", **members}, "key": unique("withdrawal")}
    answer = await client.post("/graphql", json={"query": document, "variables": variables})
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]["it"]


async def test_a_guest_withdraws_by_the_secret_of_the_cart_through_both_doors(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 9)
    guest, pending = await placed_order(app, staff, (variant, 1))
    assert guest.headers["X-Cart-Token"].startswith("tpc_")
    assert (await give_back(guest, pending, **WITHDRAWAL))["status"] == "received"
    guest, pending = await placed_order(app, staff, (variant, 1))
    assert await withdraw_by_graphql(guest, pending) == {"kind": "WITHDRAWAL", "status": "RECEIVED", "lines": []}
    assert (await order_now(guest, pending))["status"] == "cancelled"
    for door in ("rest", "graphql"):
        guest, order = await shipped_order(app, staff, (variant, 2))
        withdraw = withdraw_by_graphql(guest, order) if door == "graphql" else give_back(guest, order, **WITHDRAWAL)
        assert (await withdraw)["status"].lower() == "requested"
        [row] = (await guest.get(f"/v1/orders/{order['id']}/returns")).json()["data"]
        assert (row["kind"], row["refunds_shipping"]) == ("withdrawal", True)
    assert await stock_of(app, variant) == (5, 0)


async def test_a_withdrawal_before_anything_ships_cancels_the_order(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order = await placed_order(app, staff, (variant, 2))
    await capture(app, order["id"])
    fulfilment = await fulfil(staff, order, 2)
    row = await give_back(client, order, **WITHDRAWAL, reason="Found it cheaper.")
    assert (row["kind"], row["status"], row["refunds_shipping"]) == ("withdrawal", "received", False)
    after = await order_now(client, order)
    assert (after["status"], after["cancel_reason"], counters(after)) == ("cancelled", "Found it cheaper.", [(0, 2)])
    assert after["cancelled_total"] == after["grand_total"]
    assert (await staff.get(f"/v1/fulfilments/{fulfilment['id']}")).json()["status"] == "cancelled"
    assert await stock_of(app, variant) == (5, 0)
    state = {"order_id": order["id"], "kind": "withdrawal"}
    assert [event for event in await events_of(app, row["id"]) if event[0].startswith("return")] == [
        ("return.requested", state | {"status": "requested"}),
        ("return.received", state | {"status": "received", "refund": False, "shipping": False}),
    ]
    assert_problem(await try_return(client, order, **WITHDRAWAL), 409, "invalid_transition")


async def test_what_has_shipped_is_sent_back_and_the_rest_is_cancelled(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    lamp, shade = await stocked_variant(app, staff, 5), await stocked_variant(app, staff, 5)
    client, order = await confirmed_order(app, staff, (lamp, 3), (shade, 1))
    await fulfil(staff, order, 1, 1, shipped=True)
    await fulfil(staff, order, 1, 0)
    row = await give_back(client, order, **WITHDRAWAL)
    assert (row["status"], row["refunds_shipping"]) == ("requested", True)
    shown = (await client.get(f"/v1/returns/{row['id']}", params={"fields": "lines{order_line_id,quantity}"})).json()
    assert shown["lines"] == units(order, 1, 1)
    after = await order_now(client, order)
    assert (after["status"], counters(after)) == ("confirmed", [(1, 2), (1, 0)])
    assert (await stock_of(app, lamp), await stock_of(app, shade)) == ((4, 0), (4, 0))
    await deliver(staff, order)
    assert (await order_now(client, order))["status"] == "completed"
    await return_step(staff, row, "receipt", {"refund": True})
    type, data = (await events_of(app, row["id"]))[-1]
    assert (type, data["refund"], data["shipping"]) == ("return.received", True, True)
    assert (await order_now(client, order))["fulfilment_status"] == "returned"
    assert (await stock_of(app, lamp), await stock_of(app, shade)) == ((5, 0), (5, 0))
    await check_ledger(app, lamp, shade)


async def test_units_that_have_not_shipped_are_withdrawn_first(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 9)
    client, order = await confirmed_order(app, staff, (variant, 5))
    await fulfil(staff, order, 2, shipped=True)
    packed = await fulfil(staff, order, 2)
    first = await give_back(client, order, 1, **WITHDRAWAL)
    assert (first["status"], first["refunds_shipping"]) == ("received", False)
    assert counters(await order_now(client, order)) == [(2, 1)]
    assert (await staff.get(f"/v1/fulfilments/{packed['id']}")).json()["status"] == "pending"
    # The packed units have to be unpacked.
    second = await give_back(client, order, 3, **WITHDRAWAL)
    assert (second["status"], second["refunds_shipping"]) == ("requested", False)
    assert counters(await order_now(client, order)) == [(2, 3)]
    assert (await staff.get(f"/v1/fulfilments/{packed['id']}")).json()["status"] == "cancelled"
    assert await stock_of(app, variant) == (7, 0)
    assert faults(await try_return(client, order, 2, **WITHDRAWAL)) == {("/lines/0/quantity", "out_of_range")}
    # The last unit makes it a withdrawal from the whole order.
    assert (await give_back(client, order, 1, **WITHDRAWAL))["refunds_shipping"] is True
    assert_problem(await try_return(client, order, **WITHDRAWAL), 409, "invalid_transition")


async def test_it_is_possible_until_14_days_after_the_delivery(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await shipped_order(app, staff, (await stocked_variant(app, staff), 3))
    await deliver(staff, order)
    await delivered_days_ago(app, order, 14)
    row = await give_back(client, order, 1, **WITHDRAWAL)
    await delivered_days_ago(app, order, 15)
    assert_problem(await try_return(client, order, 1, **WITHDRAWAL), 409, "invalid_transition")
    await give_back(client, order, 1)
    await return_step(client, row, "cancellation")
    assert_problem(await try_return(client, order, 1, **WITHDRAWAL), 409, "invalid_transition")
    await give_back(staff, order, 1, **WITHDRAWAL)


async def test_excluded_goods_are_refused_by_name(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    lamp = await stocked_variant(app, staff)
    suit = await stocked_variant(app, staff, withdrawal_excluded=True)
    client, order = await placed_order(app, staff, (lamp, 1), (suit, 2))
    await staff.patch(f"/v1/variants/{suit}", json={"withdrawal_excluded": False})
    await staff.patch(f"/v1/variants/{lamp}", json={"withdrawal_excluded": True})
    assert [line["withdrawal_excluded"] for line in order["lines"]] == [False, True]
    sku = order["lines"][1]["sku"]
    whole = await try_return(client, order, **WITHDRAWAL)
    assert faults(whole) == {("/lines", "withdrawal_excluded")}
    assert f"`{sku}`" in whole.json()["detail"]
    named = await try_return(client, order, 1, 1, **WITHDRAWAL)
    assert faults(named) == {("/lines/1/order_line_id", "withdrawal_excluded")}
    assert f"`{sku}`" in named.json()["detail"]
    await give_back(client, order, 1, 0, **WITHDRAWAL)
    assert counters(await order_now(client, order)) == [(0, 1), (0, 0)]


async def test_a_withdrawal_is_received_by_its_own_step(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order = await shipped_order(app, staff)
    refused = await try_return(staff, order, **WITHDRAWAL, received=True)
    assert faults(refused) == {("/received", "not_allowed")}


async def test_the_holder_of_a_link_withdraws_and_does_nothing_else(
    shop: "TradepostApp", shop_staff: httpx.AsyncClient
) -> None:
    email, user = f"{unique('kim')}@shop.example", await create_user(shop)
    client, order = await shipped_order(
        shop, shop_staff, (await stocked_variant(shop, shop_staff), 3), email=email, user=user
    )
    [message, *_] = await CapturedMail(shop).collect(email)
    holder = with_token(shop, token_in_email(message))
    own = await give_back(client, order, 1)
    refused = await try_return(holder, order, 1)
    assert "`orders:write`" in assert_problem(refused, 401, "unauthenticated")["detail"]
    refused = await take_return_step(holder, own, "cancellation")
    assert "`orders:write`" in assert_problem(refused, 401, "unauthenticated")["detail"]
    row = await give_back(holder, order, 1, **WITHDRAWAL)
    assert (await holder.get(f"/v1/returns/{row['id']}")).json()["status"] == "requested"
    entries = (await holder.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert (entries[-1]["type"], entries[-1]["actor"]) == ("return_requested", "customer")
    graphql = {
        "query": "mutation ($id: ID!, $input: ReturnCreateInput!) { it: orderReturn(orderId: $id, input: $input) "
        '@idempotent(key: "withdrawal-of-the-rest") { kind status lines { quantity } } }',
        "variables": {"id": order["id"], "input": {"kind": "WITHDRAWAL", "reason": "Too late."}},
    }
    answer = (await holder.post("/graphql", json=graphql)).json()
    assert answer["data"]["it"] == {"kind": "WITHDRAWAL", "status": "REQUESTED", "lines": [{"quantity": 1}]}
    # There are no units left: the refusal is that of the order, not of the caller.
    assert_problem(await try_return(holder, order, **WITHDRAWAL), 409, "invalid_transition")
    for row in (await shop_staff.get(f"/v1/orders/{order['id']}/returns")).json()["data"]:
        await return_step(shop_staff, row, "receipt")
    assert "return" not in (await order_now(holder, order))["links"]
    assert_problem(await try_return(holder, order, **WITHDRAWAL), 409, "invalid_transition")


async def test_the_page_of_the_link_reads_what_it_needs_to_offer_a_withdrawal(
    shop: "TradepostApp", shop_staff: httpx.AsyncClient
) -> None:
    email = f"{unique('kim')}@shop.example"
    _, order = await shipped_order(shop, shop_staff, (await stocked_variant(shop, shop_staff), 3), email=email)
    [message, *_] = await CapturedMail(shop).collect(email)
    holder = with_token(shop, token_in_email(message))
    script = (await holder.get("/order/order.js")).text
    # The words of article 11a of Directive 2011/83/EU.
    assert '"Withdraw from contract here"' in script
    assert '"Confirm withdrawal"' in script
    [fields] = re.findall(r"FIELDS = `([^`]*)`", script)
    query = {"limit": "1", "fields": fields}
    [shown] = (await holder.get("/v1/orders", params=query)).json()["data"]
    assert (shown["links"]["return"]["method"], shown["returns"]) == ("POST", [])
    [line] = shown["lines"]
    chosen = [{"order_line_id": line["id"], "quantity": line["quantity"] - line["cancelled"] - line["returned"]}]
    await give_back(holder, order, **WITHDRAWAL, lines=chosen)
    [shown] = (await holder.get("/v1/orders", params=query)).json()["data"]
    assert shown["returns"] == [{"status": "requested", "lines": chosen}]


@pytest.mark.parametrize(
    ("quantity", "receipt", "stored", "in_event"),
    [
        (2, {"refund": True}, True, True),
        (2, {}, True, False),
        (2, {"refund": True, "shipping": False}, False, False),
        (1, {"refund": True}, False, False),
        (1, {"refund": True, "shipping": True}, True, True),
        (1, {"shipping": False}, False, False),
    ],
)
async def test_shipping_is_refunded_if_the_whole_order_is_withdrawn_or_staff_say_so(
    app: "TradepostApp", staff: httpx.AsyncClient, quantity: int, receipt: Json, stored: bool, in_event: bool
) -> None:
    client, order = await shipped_order(app, staff, (await stocked_variant(app, staff), 2))
    row = await return_step(staff, await give_back(client, order, quantity, **WITHDRAWAL), "receipt", receipt)
    assert row["refunds_shipping"] is stored
    type, data = (await events_of(app, row["id"]))[-1]
    assert (type, data["refund"], data["shipping"]) == ("return.received", receipt.get("refund", False), in_event)


async def test_a_withdrawal_is_acknowledged_with_content_date_and_time(
    shop: "TradepostApp", shop_staff: httpx.AsyncClient
) -> None:
    email, mail = f"{unique('kim')}@shop.example", CapturedMail(shop)
    variant = await stocked_variant(shop, shop_staff, 9)
    client, order = await confirmed_order(shop, shop_staff, (variant, 3), email=email)
    await fulfil(shop_staff, order, 1, shipped=True)
    await mail.collect(email)
    mail.emails.clear()
    row = await give_back(client, order, 3, **WITHDRAWAL, reason="Too <small>.")
    [message] = await mail.collect(email)
    assert message.subject == f"Your order {order['number']}: we received your withdrawal"
    time = f"{datetime.fromisoformat(row['created_at']):%Y-%m-%d %H:%M UTC}"
    [line] = order["lines"]
    for text in (message.text, message.html):
        assert time in text
        assert order["number"] in text
        assert f"({line['sku']})" in text
        assert "back within 14 days" in text
        assert "/order#token=tpo_" in text
    assert f"3 x {line['product_name']}" in message.text
    assert "Your message: Too <small>." in message.text
    assert "Too &lt;small&gt;." in message.html
    content = message.text.splitlines()
    assert content[content.index("View your order:") - 1] == ""


async def test_an_email_says_that_the_whole_order_was_cancelled(
    shop: "TradepostApp", shop_staff: httpx.AsyncClient
) -> None:
    email, mail = f"{unique('kim')}@shop.example", CapturedMail(shop)
    client, order = await placed_order(shop, shop_staff, email=email)
    await mail.collect(email)
    mail.emails.clear()
    await give_back(client, order, 1, **WITHDRAWAL)
    await mail.collect(email)
    subjects = [message.subject for message in await mail.collect(email)]
    assert subjects == [f"Your order {order['number']}: we received your withdrawal"]
    mail.emails.clear()
    await give_back(client, order, **WITHDRAWAL, reason="Too late.")
    [withdrawal, cancellation] = sorted(await mail.collect(email), key=lambda message: len(message.subject))[::-1]
    assert "back within" not in withdrawal.text
    assert cancellation.subject == f"Your order {order['number']} was cancelled"
    for text in (cancellation.text, cancellation.html):
        assert "Reason: Too late." in text
        assert "/order#token=tpo_" in text


async def test_lines_with_a_location_need_the_permission(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await shipped_order(app, staff)
    body = {"lines": lines(order, 1, restock=True)}
    problem = assert_problem(await try_return(client, order, **WITHDRAWAL, **body), 401, "unauthenticated")
    assert "`stock:write`" in problem["detail"]
