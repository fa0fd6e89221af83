"""The provider's ledger equals ours after many payments with lost calls and doubled webhooks."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import pytest

from tests.figures import RecordFigure, scaled
from tests.reliability.payments.books import Books
from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.payer import secret_of
from tests.reliability.payments.purchase import Purchase
from tests.reliability.shoppers import Json, Outcome, expect_row

PAYMENTS, BATCHES, PARALLEL = scaled(500), 10, 12
OUR_CALLS = "^/v1/(?!.*/confirm$)"
"""The calls of the shop at the provider, not those of the payer's browser."""
TRIES = 60

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module", params=["at_once", "manual"])
def shop_settings(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Payments are captured at once, or later by staff."""
    return {"CAPTURE": request.param}


async def repeat(call: Callable[[], Awaitable[Outcome]], is_done: Callable[[Json], bool] = bool) -> Json:
    """Repeat a call until its answer is what the caller waits for."""
    for _ in range(TRIES):
        outcome = await call()
        if outcome.row is not None and is_done(outcome.row):
            return outcome.row
        assert outcome.row or outcome.code in ("payment_in_progress", "unavailable", "conflict"), outcome
        await asyncio.sleep(0.05)
    pytest.fail("The payment was not settled.")


def status(row: Json) -> str:
    """Return the status in the answer of either API."""
    return str(row["status"]).lower()


async def prepare(shop: PaidShop, variant: str, number: int) -> Purchase:
    """Order and create a payment until the payer can continue."""
    purchase = await Purchase.prepare(shop, variant, number)
    payment = expect_row(await purchase.payer(number).pay(purchase.order))
    if secret_of(payment) is None:
        id, payer = payment["id"], purchase.payer(number)
        payment = await repeat(lambda: payer.complete(id), lambda row: secret_of(row) is not None)
    purchase.set_payment(payment)
    return purchase


async def pay(purchase: Purchase, number: int) -> None:
    """Pay at the provider, and come back until the shop knows it."""
    await purchase.shop.browser.confirm(purchase.secret)
    payer, paid = purchase.payer(number), ("captured", "authorized")
    outcome = await payer.complete(purchase.payment)
    while outcome.row is not None and status(outcome.row) not in paid:
        await asyncio.sleep(0.05)
        outcome = await payer.complete(purchase.payment)
    assert outcome.row or outcome.code == "invalid_transition", outcome


async def refund_some(purchase: Purchase, number: int) -> Json:
    """Refund a third."""
    body = {"amount": {"amount": purchase.total // 3, "currency": "EUR"}}
    return expect_row(await purchase.staff(number).refund(purchase.payment, body))


async def run_course(shop: PaidShop, variant: str, number: int, capture: str) -> tuple[str, str]:
    """Run one payment. Return its order and what was done."""
    purchase = await prepare(shop, variant, number)
    course = COURSES[capture][number // 2 % len(COURSES[capture])]
    if course != "cancel_unpaid":
        await pay(purchase, number)
    staff, part = purchase.staff(number), {"amount": {"amount": purchase.total // 2, "currency": "EUR"}}
    if course in ("capture", "capture_and_refund"):
        row = expect_row(await staff.capture_amount(purchase.payment, {}))
        while course == "capture_and_refund" and status(row) != "captured":
            await asyncio.sleep(0.05)
            await shop.reconcile()
            row = await shop.read(f"/v1/payments/{purchase.payment}")
    if course == "capture_part":
        expect_row(await staff.capture_amount(purchase.payment, part))
    if course == "void":
        expect_row(await staff.void(purchase.payment))
    if course.startswith("cancel"):
        await repeat(lambda: purchase.cancel(number))
    if course in ("refund", "capture_and_refund"):
        await refund_some(purchase, number)
    return purchase.order, course


COURSES = {
    "at_once": ("keep", "refund", "cancel", "keep", "cancel_unpaid"),
    "manual": ("keep", "capture", "capture_part", "void", "cancel", "capture_and_refund", "cancel_unpaid"),
}


async def test_the_ledger_of_the_provider_equals_ours(
    shop: PaidShop, shop_settings: Mapping[str, str], record_figure: RecordFigure
) -> None:
    capture, variant = shop_settings["CAPTURE"], await shop.variant((PAYMENTS * 3, None))
    await shop.settle()  # what other tests have left
    kept_before = (await shop.provider.ledger())["balance"].get("eur", 0)
    await shop.provider.fault("drop_before", path=OUR_CALLS, percent=10)
    await shop.provider.fault("drop_after", path=OUR_CALLS, percent=11)  # of those that are left
    limit, orders, courses = asyncio.Semaphore(PARALLEL), list[str](), Counter[str]()

    async def run(number: int) -> None:
        async with limit:
            order, course = await run_course(shop, variant, number, capture)
        orders.append(order)
        courses[course] += 1

    size = PAYMENTS // BATCHES
    for batch in range(BATCHES):
        await shop.provider.webhooks("normal" if batch else "double")
        await asyncio.gather(*[run(number) for number in range(batch * size, (batch + 1) * size)])
    await shop.settle(*orders, seconds=900)
    await shop.provider.clear_faults()
    books = await Books.read(shop, *orders)
    books.check()
    paid = sum([payment.captured_amount for payment in books.payments])
    refunded = sum([payment.refunded_amount for payment in books.payments])
    assert books.ledger["balance"].get("eur", 0) - kept_before == paid - refunded
    for order in books.orders:
        assert order.captured_amount <= order.grand_total_amount, "paid twice"
    statuses = Counter(payment.status for payment in books.payments)
    record_figure(f"{capture}: {dict(courses)}, {dict(statuses)}, {paid - refunded} cents kept at both")
