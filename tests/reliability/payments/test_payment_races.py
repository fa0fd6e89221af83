"""Capture, void, cancellation and refund of one payment race, with webhooks and the reconciler."""

from collections import Counter
from collections.abc import Mapping

import pytest

from tests.figures import RecordFigure, scaled
from tests.reliability.payments.books import Books, check_purchase
from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.purchase import Purchase
from tests.reliability.payments.race import (
    HEAD_STARTS,
    Step,
    cancel,
    capture,
    complete,
    race,
    read,
    reconcile,
    refund,
    void,
)

RACERS, ROUNDS = scaled(64, 4), scaled(5)
AUTHORIZED: Mapping[str, Step] = {
    "capture": capture,
    "void": void,
    "cancel": cancel,
    "refund": refund,
    "complete": complete,
    "read": read,
    "reconcile": reconcile,
}

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def shop_settings() -> Mapping[str, str]:
    """Payments are authorized only; staff capture them."""
    return {"CAPTURE": "manual"}


def check_winner(won: Counter[str], books: Books) -> str:
    """Check that what has succeeded is what the rows say. Return what became of the payment."""
    [payment], [order] = books.payments, books.orders
    assert won["capture"] + won["void"] <= 1, won
    assert max(won.values()) == 1, won
    assert (order.status == "cancelled") is bool(won["cancel"]), won
    if won["capture"]:
        assert payment.captured_amount == order.grand_total_amount
        is_refunded = bool(won["refund"] or won["cancel"])
        assert payment.refunded_amount == (payment.captured_amount if is_refunded else 0)
        return "capture"
    assert (payment.status, won["refund"]) == ("voided", 0), (won, payment.status)
    return "void" if won["void"] else "cancel"


async def test_of_capture_void_and_cancellation_one_has_the_payment(
    shop: PaidShop, record_figure: RecordFigure
) -> None:
    winners = Counter[str]()
    await shop.provider.webhooks("double")
    for favourite in ("capture", "void", "cancel") * ROUNDS:
        for head_start in HEAD_STARTS:
            purchase = await Purchase.prepare(shop)
            assert (await purchase.pay()).row
            won = await race(purchase, AUTHORIZED, RACERS, favourite, head_start)
            winner = check_winner(won, await check_purchase(purchase))
            winners[winner] += 1
            if winner == favourite:
                break
        else:
            pytest.fail(f"`{favourite}` never wins")
    record_figure(f"of {RACERS} racers won: {dict(winners)}")
