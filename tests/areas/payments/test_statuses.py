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

OPEN = ("created", "requires_action", "processing", "unknown")
SETTLED = ("captured", "partially_refunded", "refunded")
STEPS = {
    "payment_capture": (("created", "authorized", "voided"), "captured"),  # `voided`: late money, with `manual` only
    "payment_void": (("created", "requires_action", "authorized"), "voided"),
    "payment_require_action": (("created", "processing", "unknown"), "requires_action"),
    "payment_process": (("created", "requires_action", "unknown"), "processing"),
    "payment_authorize": (OPEN, "authorized"),
    "payment_lose": (("created", "requires_action", "authorized"), "unknown"),
    "payment_fail": ((*OPEN, "authorized"), "failed"),
    "payment_lapse": ((*OPEN, "authorized"), "voided"),
    "payment_receive": ((*OPEN, "authorized", "failed", "voided", *SETTLED), "captured"),
    "payment_refund": (("captured", "partially_refunded"), "refunded"),
    "payment_refund_in_part": (SETTLED, "partially_refunded"),
    "payment_restore": (("partially_refunded", "refunded"), "captured"),
}
"""The table of DOMAIN.md, written a second time."""
NAMES = tuple(STEPS)
STATUSES = [status.value for status in PaymentStatus]


def test_the_table_has_these_steps_and_no_others() -> None:
    assert (*transitions.steps, *transitions.internal) == NAMES


@pytest.mark.parametrize(("status", "name"), list(product(STATUSES, NAMES)))
def test_a_payment_moves_along_its_table_and_nowhere_else(status: str, name: str) -> None:
    row = PaymentRow(status=status)
    sources, target = STEPS[name]
    if status in sources:
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
    is_voided = status in STEPS["payment_void"][0]
    assert after["status"] == ("voided" if is_voided else status)
    assert after["version"] == payment["version"] + is_voided
