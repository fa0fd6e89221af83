"""The state machine of payments, tested from its table, and the voiding of a closed order's."""

from itertools import product
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import update

from tests.areas.orders.checkout import placed_order, post
from tradepost.areas.payments.models import PaymentRow
from tradepost.areas.payments.resource import transitions
from tradepost.areas.payments.schemas import PaymentStatus
from tradepost.kit.problems import InvalidTransition

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

STEPS = {
    ("created", "payment_capture"): "captured",
    ("authorized", "payment_capture"): "captured",
    ("created", "payment_authorize"): "authorized",
    ("created", "payment_void"): "voided",
    ("authorized", "payment_void"): "voided",
    ("captured", "payment_refund"): "refunded",
    ("partially_refunded", "payment_refund"): "refunded",
    ("captured", "payment_refund_in_part"): "partially_refunded",
    ("partially_refunded", "payment_refund_in_part"): "partially_refunded",
    ("refunded", "payment_refund_in_part"): "partially_refunded",
    ("partially_refunded", "payment_restore"): "captured",
    ("refunded", "payment_restore"): "captured",
}
"""The table of DOMAIN.md for the provider `manual`, written a second time."""
REFUND_STEPS = ("payment_refund", "payment_refund_in_part", "payment_restore")
NAMES = ("payment_capture", "payment_authorize", "payment_void", *REFUND_STEPS)
STATUSES = [status.value for status in PaymentStatus]


def test_the_table_has_these_steps_and_no_others() -> None:
    assert (*transitions.steps, *transitions.internal) == NAMES


@pytest.mark.parametrize(("status", "name"), list(product(STATUSES, NAMES)))
def test_a_payment_moves_along_its_table_and_nowhere_else(status: str, name: str) -> None:
    row = PaymentRow(status=status)
    if (target := STEPS.get((status, name))) is not None:
        assert transitions.move(row, name) == row.status == target
        return
    with pytest.raises(InvalidTransition):
        transitions.move(row, name)
    assert row.status == status


@pytest.mark.anyio
@pytest.mark.parametrize("status", STATUSES)
async def test_the_payment_of_a_cancelled_order_is_voided_if_its_table_says_so(
    app: "TradepostApp", staff: httpx.AsyncClient, status: str
) -> None:
    client, order = await placed_order(app, staff)
    body = {"provider": "manual", "method": "bank_transfer"}
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", body)).json()
    async with app.state.database.transaction() as session:
        await session.execute(update(PaymentRow).where(PaymentRow.id == payment["id"]).values(status=status))
    assert (await post(client, f"/v1/orders/{order['id']}/cancellation")).json()["status"] == "cancelled"
    after = (await staff.get(f"/v1/payments/{payment['id']}")).json()
    is_voided = (status, "payment_void") in STEPS
    assert after["status"] == ("voided" if is_voided else status)
    assert after["version"] == payment["version"] + is_voided
