"""The buyer pays while others complete, cancel, expire and refund; the provider has it first."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.figures import RecordFigure, scaled
from tests.reliability.payments.books import Books, check_purchase
from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.purchase import Purchase
from tests.reliability.payments.race import HEAD_STARTS, Step, cancel, complete, race, read, reconcile, refund, void
from tests.reliability.shoppers import expect_row
from tradepost.areas.orders.models import OrderRow
from tradepost.kit.clock import now

RACERS, ROUNDS = scaled(64, 4), scaled(5)
REFUNDS = scaled(200)

pytestmark = pytest.mark.timeout(1200)


async def confirm(purchase: Purchase, door: int) -> None:
    """Pay at the provider. It refuses what was paid or voided before."""
    intent = await purchase.shop.browser.confirm(purchase.secret)
    assert intent.get("status") == "succeeded" or intent["error"]["code"] in (
        "payment_intent_unexpected_state",
        "lock_timeout",
    )


async def expire(purchase: Purchase, door: int) -> None:
    """Void the payments of orders whose time is over, and expire these, as the worker does.

    A run leaves a row that a webhook has locked to the next one. If two racers void the same
    payment, the provider answers only one of them. The other one records that the result is not
    known, and then the order gets another hour to be paid, so each run is over an hour later.
    """
    for hours in (0, 1.1, 2.2):
        await purchase.shop.expire(hours=hours)
        await asyncio.sleep(0.2)


async def refund_at_provider(purchase: Purchase, door: int) -> None:
    """Refund a cent at the provider's own pages. It refuses what was refunded before."""
    await purchase.shop.try_refund_at_provider(purchase.reference, 1)


OPEN: Mapping[str, Step] = {
    "confirm": confirm,
    "cancel": cancel,
    "expire": expire,
    "void": void,
    "complete": complete,
    "read": read,
    "reconcile": reconcile,
}
CAPTURED: Mapping[str, Step] = {
    "refund": refund,
    "cancel": cancel,
    "refund_at_provider": refund_at_provider,
    "read": read,
    "reconcile": reconcile,
}


async def make_due(purchase: Purchase) -> None:
    """Let the time to pay be over."""
    async with purchase.shop.worker.state.database.transaction() as session:
        due = update(OrderRow).where(OrderRow.id == purchase.order)
        await session.execute(due.values(expires_at=now() - timedelta(seconds=1)))


def check_open(won: Counter[str], books: Books) -> str:
    """Check what became of an open payment and its order. Return who had it."""
    [payment], [order] = books.payments, books.orders
    paid = payment.captured_amount > 0
    assert won["cancel"] <= 1, won
    assert (order.status == "cancelled") is bool(won["cancel"]), won
    assert payment.status in ({"captured", "refunded"} if paid else {"voided"})
    if paid:
        assert payment.captured_amount == order.grand_total_amount
        assert payment.refunded_amount == (0 if order.status == "confirmed" else payment.captured_amount)
        return "confirm"
    if won["void"]:  # the order is cancelled or expires after it
        return "void"
    return {"cancelled": "cancel", "expired": "expire"}[order.status]


async def test_a_payment_is_paid_or_voided_and_its_order_confirmed_or_closed(
    shop: PaidShop, record_figure: RecordFigure
) -> None:
    winners = Counter[str]()
    await shop.provider.webhooks("double")
    for favourite in ("confirm", "cancel", "expire", "void") * ROUNDS:
        for head_start in HEAD_STARTS:
            purchase = await Purchase.prepare(shop)
            await purchase.create_payment()
            await make_due(purchase)
            won = await race(purchase, OPEN, RACERS, favourite, head_start)
            await shop.read_from_provider(purchase.payment)
            winner = check_open(won, await check_purchase(purchase))
            winners[winner] += 1
            if winner == favourite:
                break
        else:
            pytest.fail(f"`{favourite}` never wins")
    record_figure(f"of {RACERS} racers won: {dict(winners)}")


async def test_refunds_by_staff_cancellation_and_the_provider_pay_all_back_once(
    shop: PaidShop, record_figure: RecordFigure
) -> None:
    succeeded = Counter[str]()
    await shop.provider.webhooks("double")
    for favourite in [*CAPTURED] * ROUNDS:
        purchase = await Purchase.prepare(shop)
        await purchase.pay()
        won = await race(purchase, CAPTURED, RACERS, favourite, 0.05)
        await shop.read_from_provider(purchase.payment)
        books = await check_purchase(purchase)
        assert won["cancel"] == 1, won
        assert books.orders[0].status == "cancelled"
        # Where the provider refused ours because of its own ones, `refund.failed` notifies staff.
        if books.payments[0].refunded_amount < purchase.total:
            assert any(refund.status == "failed" for refund in books.refunds)
            expect_row(await purchase.staff().refund(purchase.payment, {}))
            books = await check_purchase(purchase)
        assert books.payments[0].refunded_amount == purchase.total
        succeeded += won
    record_figure(f"{RACERS} racers: {dict(succeeded)}")


async def test_racing_refunds_never_exceed_what_was_captured_at_the_provider_either(
    shop: PaidShop, record_figure: RecordFigure
) -> None:
    purchase = await Purchase.prepare(shop)
    await purchase.pay()
    amount = purchase.total // (REFUNDS * 3 // 8)  # a payment has at most 100 refunds
    winners = purchase.total // amount
    body = {"amount": {"amount": amount, "currency": "EUR"}}
    doors = [purchase.staff(0), purchase.staff(1)]
    outcomes = await asyncio.gather(*[doors[n % 2].refund(purchase.payment, body) for n in range(REFUNDS)])
    counts = Counter(outcome.code or "refunded" for outcome in outcomes)
    record_figure(f"{REFUNDS} refunds of {amount} of {purchase.total}: {dict(counts)}")
    assert [outcome for outcome in outcomes if outcome.status >= 500] == []
    assert counts["refunded"] == winners
    assert counts.keys() <= {"refunded", "validation", "invalid_transition"}
    books = await check_purchase(purchase)
    assert books.payments[0].refunded_amount == winners * amount
    assert sum([refund["amount"] for refund in books.ledger["refunds"]]) <= sum(
        [intent["amount_received"] for intent in books.ledger["payment_intents"]]
    )


async def test_two_tabs_get_one_payment(shop: PaidShop) -> None:
    purchase, racers = await Purchase.prepare(shop), scaled(50, 2)
    outcomes = await asyncio.gather(*[purchase.payer(n % 2).pay(purchase.order) for n in range(racers)])
    payments = {expect_row(outcome)["id"] for outcome in outcomes if outcome.code != "payment_in_progress"}
    assert len(payments) == 1
    [purchase.payment] = payments
    await purchase.create_payment()
    assert {purchase.payment} == payments
    await asyncio.gather(*[shop.browser.confirm(purchase.secret) for _ in range(2)])
    await purchase.payer().complete(purchase.payment)
    books = await check_purchase(purchase)
    [payment], [order] = books.payments, books.orders
    assert (payment.status, payment.captured_amount, order.status) == ("captured", purchase.total, "confirmed")
