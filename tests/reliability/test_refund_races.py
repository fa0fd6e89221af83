"""Parallel refunds of one payment through both APIs: no more is refunded than was captured."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from tests.figures import RecordFigure, scaled
from tests.reliability.shop import Shop
from tests.reliability.shop_server import ShopServer
from tests.reliability.shoppers import Json, Outcome, Shopper, camel, expect_row

RACERS = scaled(200)
REPEATS = 20
REFUND = (
    "mutation($id: ID!, $input: RefundInput!, $key: String!) "
    "{ refundCreate(paymentId: $id, input: $input) @idempotent(key: $key) { id status } }"
)
REFUSALS = {"validation", "invalid_transition"}
"""More than what is left, and nothing left."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
async def shop(server: ShopServer) -> AsyncIterator[Shop]:
    """The shop behind that server."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    headers = {"X-API-Key": server.key}
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=120) as client,
        httpx.AsyncClient(base_url=server.url, timeout=120, headers=headers, limits=limits) as staff,
    ):
        methods = (await staff.get("/v1/shipping-methods?code=standard")).json()["data"]
        yield Shop(staff, [Shopper(client, "rest"), Shopper(client, "graphql")], methods[0]["id"])


async def captured_payment(shop: Shop) -> tuple[Json, str]:
    """Place an order of one unit as a guest and capture its payment. Return it and the order."""
    variant, guest = await shop.variant((5, None)), shop.guests[0]
    cart = await guest.fill_cart(shop.shipping_method_id, (variant, 1))
    order = expect_row(await guest.place(cart))["id"]
    choice = {"provider": "manual", "method": "bank_transfer"}
    payment = expect_row(await guest.rest("POST", f"/v1/orders/{order}/payments", choice, cart.token, key=cart.id))
    return await shop.create(f"/v1/payments/{payment['id']}/capture", {}), order


async def refund(staff: Shopper, payment_id: str, body: Json) -> Outcome:
    """Refund a payment at the caller's API. A refusal for the time being is repeated."""
    key, repeats = str(uuid4()), REPEATS
    while True:
        if staff.door == "rest":
            outcome = await staff.rest("POST", f"/v1/payments/{payment_id}/refunds", body, key=key)
        else:
            outcome = await staff.graphql(REFUND, {"id": payment_id, "input": camel(body), "key": key})
        if not outcome.is_repeatable or not repeats:
            return outcome
        repeats -= 1


async def test_racing_refunds_never_exceed_what_was_captured(shop: Shop, record_figure: RecordFigure) -> None:
    payment, order = await captured_payment(shop)
    captured = payment["captured"]["amount"]
    amount = captured // (RACERS * 3 // 8)  # a payment has at most 100 refunds
    winners = captured // amount
    body = {"amount": {"amount": amount, "currency": "EUR"}}
    doors = [Shopper(shop.staff, door) for door in ("rest", "graphql")]
    outcomes = await asyncio.gather(*[refund(doors[n % 2], payment["id"], body) for n in range(RACERS)])
    counts = Counter(outcome.code or "refunded" for outcome in outcomes)
    record_figure(f"{RACERS} refunds of {amount} of {captured}: {dict(counts)}")
    assert [outcome for outcome in outcomes if outcome.status >= 500] == []
    assert counts["refunded"] == winners
    assert counts.keys() <= {"refunded", *REFUSALS}
    after = await shop.read(f"/v1/payments/{payment['id']}?fields=refunded,refunds{{amount,status}}")
    assert after["refunded"]["amount"] == winners * amount <= captured
    assert [made["amount"]["amount"] for made in after["refunds"]] == [amount] * winners
    assert (await shop.read(f"/v1/orders/{order}"))["refunded"]["amount"] == winners * amount


async def test_racing_refunds_of_a_unit_pay_it_back_once(shop: Shop) -> None:
    payment, order = await captured_payment(shop)
    [line] = (await shop.read(f"/v1/orders/{order}/lines"))["data"]
    body = {"lines": [{"order_line_id": line["id"], "quantity": 1}]}
    doors = [Shopper(shop.staff, door) for door in ("rest", "graphql")]
    outcomes = await asyncio.gather(*[refund(doors[n % 2], payment["id"], body) for n in range(scaled(100))])
    counts = Counter(outcome.code or "refunded" for outcome in outcomes)
    assert counts == {"refunded": 1, "validation": scaled(100) - 1}
    assert (await shop.read(f"/v1/payments/{payment['id']}"))["refunded"] == line["total"]
