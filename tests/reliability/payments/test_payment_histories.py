"""Histories of payments that end as SELLING.md says, through the server and the provider."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.figures import IS_TORTURE
from tests.reliability.payments.books import Books, check_purchase
from tests.reliability.payments.killing import wait_until
from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.purchase import STOCK, Purchase
from tests.reliability.shoppers import Json, expect_row
from tradepost.areas.orders.models import OrderRow
from tradepost.areas.payments.models import PaymentRow
from tradepost.kit.clock import now

DECLINED, VISA = "pm_card_visa_chargeDeclined", "pm_card_visa"
TRANSFER = {"provider": "manual", "method": "bank_transfer"}

# Both doors by `just torture`; tests/areas/payments has most of these rules through REST.
pytestmark = [pytest.mark.timeout(600), pytest.mark.parametrize("door", [0, 1] if IS_TORTURE else [1])]


@pytest.fixture(scope="module")
def shop_settings() -> Mapping[str, str]:
    """Staff capture."""
    return {"CAPTURE": "manual"}


def euros(amount: int) -> Json:
    """Return the input of a capture or a refund."""
    return {"amount": {"amount": amount, "currency": "EUR"}}


async def read(purchase: Purchase) -> PaymentRow:
    """Read the payment from the provider, and return it."""
    await purchase.shop.read_from_provider(purchase.payment)
    [payment] = (await Books.read(purchase.shop, purchase.order)).payments
    return payment


async def paid(shop: PaidShop, door: int) -> Purchase:
    """Return a purchase whose payment is captured."""
    purchase = await Purchase.prepare(shop, door=door)
    await purchase.pay(door)
    expect_row(await purchase.staff(door).capture_amount(purchase.payment, {}))
    return purchase


async def transfer(shop: PaidShop, door: int) -> Purchase:
    """Return a purchase whose money is to come by bank transfer."""
    purchase = await Purchase.prepare(shop, door=door)
    path = f"/v1/orders/{purchase.order}/payments"
    payment = await purchase.payer().rest("POST", path, TRANSFER, key=purchase.cart.id)
    purchase.payment = expect_row(payment)["id"]
    return purchase


async def expire(purchase: Purchase) -> None:
    """Let the time to pay pass."""
    async with purchase.shop.worker.state.database.transaction() as session:
        due = update(OrderRow).where(OrderRow.id == purchase.order)
        await session.execute(due.values(expires_at=now() - timedelta(seconds=1)))
    await purchase.shop.expire()


async def test_a_decline_is_followed_by_success_on_one_intent(shop: PaidShop, door: int) -> None:
    purchase = await Purchase.prepare(shop, door=door)
    declined = expect_row(await purchase.pay(door, DECLINED))
    assert declined["status"].lower() == "requires_action"
    assert (await read(purchase)).failure_code == "card_declined"
    await shop.browser.confirm(purchase.secret, VISA)
    assert expect_row(await purchase.payer(door).complete(purchase.payment))["status"].lower() == "authorized"
    books = await check_purchase(purchase)
    [payment], [order] = books.payments, books.orders
    assert (payment.failure_code, order.status, order.payment_status) == (None, "confirmed", "authorized")
    assert [event.type for event in books.events] == ["placed", "payment_created", "payment_authorized", "confirmed"]


async def test_a_webhook_that_comes_before_the_answer_is_not_undone_by_it(shop: PaidShop, door: int) -> None:
    purchase = await Purchase.prepare(shop, door=door)
    await shop.provider.fault("hold_after", seconds=8, method="POST", path="/payment_intents$", times=1)
    call = asyncio.create_task(purchase.payer(door).pay(purchase.order))
    await wait_until(lambda: has_intent(purchase))
    async with shop.simulator.client() as client:
        intent = await client.v1.payment_intents.retrieve_async(await reference_at_provider(purchase))
    await shop.browser.confirm(intent.client_secret or "")
    await wait_until(lambda: is_confirmed(purchase))
    assert not call.done(), "the webhook comes first"
    assert expect_row(await call)["status"].lower() == "authorized"
    books = await check_purchase(purchase)
    assert [event.type for event in books.events] == ["placed", "payment_created", "payment_authorized", "confirmed"]


async def reference_at_provider(purchase: Purchase) -> str:
    """Return the id of the order's payment intent; empty if there is none yet."""
    intents = (await purchase.shop.provider.ledger())["payment_intents"]
    return next((i["id"] for i in intents if i["metadata"]["order_id"] == purchase.order), "")


async def has_intent(purchase: Purchase) -> bool:
    """Whether the provider has a payment of the order."""
    return await reference_at_provider(purchase) != ""


async def is_confirmed(purchase: Purchase) -> bool:
    """Whether the order is confirmed."""
    return (await purchase.shop.read(f"/v1/orders/{purchase.order}"))["status"] == "confirmed"


async def test_money_for_an_expired_order_confirms_it_if_its_stock_is_free(shop: PaidShop, door: int) -> None:
    purchase = await transfer(shop, door)
    await expire(purchase)
    expect_row(await purchase.staff(door).capture_amount(purchase.payment, {}))
    [order] = (await check_purchase(purchase)).orders
    assert (order.status, order.payment_status) == ("confirmed", "paid")


async def test_money_for_an_expired_order_is_refunded_if_its_stock_is_gone(shop: PaidShop, door: int) -> None:
    purchase = await transfer(shop, door)
    await expire(purchase)
    other = await shop.guest(door).fill_cart(shop.shipping_method_id, (purchase.variant, STOCK))
    expect_row(await shop.guest(door).place(other))
    expect_row(await purchase.staff(door).capture_amount(purchase.payment, {}))
    await shop.settle(purchase.order)
    books = await Books.read(shop, purchase.order)
    [order], [refund] = books.orders, books.refunds
    assert (order.status, order.payment_status) == ("expired", "refunded")
    assert (refund.amount_amount, refund.status, refund.reason) == (purchase.total, "pending", "order_closed")
    assert await shop.levels(purchase.variant) == [(STOCK, STOCK)]


async def test_money_for_a_cancelled_order_is_refunded(shop: PaidShop, door: int) -> None:
    """It is captured at the provider's own pages before the cancellation gets there."""
    purchase = await Purchase.prepare(shop, door=door)
    await purchase.pay(door)
    await shop.provider.fault("hold_before", seconds=3, path="/cancel$", times=1)
    expect_row(await purchase.cancel(door))
    await shop.provider.capture(purchase.reference)
    books = await check_purchase(purchase)
    [payment], [order], [refund] = books.payments, books.orders, books.refunds
    assert (order.status, payment.status) == ("cancelled", "refunded")
    assert (refund.amount_amount, refund.status, refund.actor) == (purchase.total, "succeeded", "system")


async def test_two_tabs_share_one_payment(shop: PaidShop, door: int) -> None:
    purchase = await Purchase.prepare(shop, door=door)
    await shop.provider.fault("delay", seconds=1, path="/payment_intents$", times=1)
    outcomes = await asyncio.gather(*[purchase.payer(n).pay(purchase.order) for n in (door, 1 - door)])
    # The later tab is refused while the first one's call is made; after it, it gets the same one.
    assert {outcome.code for outcome in outcomes if not outcome.row} <= {"payment_in_progress"}
    await purchase.create_payment(1 - door)
    assert {outcome.row["id"] for outcome in outcomes if outcome.row} == {purchase.payment}
    await asyncio.gather(*[shop.browser.confirm(purchase.secret) for _ in range(2)])
    expect_row(await purchase.payer(door).complete(purchase.payment))
    assert len((await check_purchase(purchase)).payments) == 1


async def test_a_refund_that_fails_after_it_succeeded_is_given_back(shop: PaidShop, door: int) -> None:
    purchase = await paid(shop, door)
    refund = expect_row(await purchase.staff(door).refund(purchase.payment, euros(1000)))
    assert refund["status"].lower() == "succeeded"
    [made] = (await check_purchase(purchase)).refunds
    await shop.provider.fail_refund(made.reference or "")
    await read(purchase)
    books = await check_purchase(purchase)
    [payment], [order], [failed] = books.payments, books.orders, books.refunds
    assert (failed.status, payment.status, payment.refunded_amount) == ("failed", "captured", 0)
    assert (order.refunded_amount, order.payment_status) == (0, "paid")
    expect_row(await purchase.staff(door).refund(purchase.payment, {}))
    assert (await check_purchase(purchase)).payments[0].status == "refunded"


async def test_a_refund_made_at_the_provider_becomes_a_row(shop: PaidShop, door: int) -> None:
    purchase = await paid(shop, door)
    await shop.provider.refund(purchase.reference, 500)
    assert (await read(purchase)).refunded_amount == 500
    books = await check_purchase(purchase)
    [refund], [order] = books.refunds, books.orders
    assert (refund.actor, refund.status, refund.amount_amount) == ("provider", "succeeded", 500)
    assert (order.refunded_amount, order.payment_status) == (500, "partially_refunded")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_payment_unknown_for_25_hours_is_looked_up(shop: PaidShop, door: int, fault: str) -> None:
    purchase = await Purchase.prepare(shop, door=door)
    await shop.provider.webhooks("suppress")  # one could come before the call is given up
    await shop.provider.fault(fault, method="POST", path="/payment_intents$", times=1)
    payment = expect_row(await purchase.payer(door).pay(purchase.order))
    assert payment["status"].lower() == "unknown"
    await shop.provider.fault("error_before", method="POST", path="/payment_intents$")
    await shop.reconcile(hours=25)
    await shop.provider.clear_faults()
    books = await check_purchase(purchase)
    [row], [order] = books.payments, books.orders
    was_made = fault == "drop_after"
    assert row.status == ("requires_action" if was_made else "failed")
    assert (order.status, row.failure_code) == ("pending", None if was_made else "not_created")
    await purchase.create_payment(door)
    assert (purchase.payment == payment["id"]) is was_made


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_refund_unknown_for_25_hours_is_looked_up(shop: PaidShop, door: int, fault: str) -> None:
    purchase = await paid(shop, door)
    await shop.provider.webhooks("suppress")  # one could come before the call is given up
    await shop.provider.fault(fault, method="POST", path="/refunds$", times=1)
    refund = expect_row(await purchase.staff(door).refund(purchase.payment, euros(700)))
    assert refund["status"].lower() == "unknown"
    await shop.provider.fault("error_before", method="POST", path="/refunds$")
    await shop.reconcile(hours=25)
    await shop.provider.clear_faults()
    [row] = (await check_purchase(purchase)).refunds
    assert row.status == ("succeeded" if fault == "drop_after" else "failed")
