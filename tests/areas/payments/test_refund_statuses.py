"""The state machine of refunds, tested from its table."""

from itertools import product

import pytest

from tradepost.areas.payments.models import RefundRow
from tradepost.areas.payments.resource import refund_transitions
from tradepost.areas.payments.schemas import RefundStatus
from tradepost.kit.problems import InvalidTransition

STEPS = {
    ("pending", "refund_complete"): "succeeded",
    ("created", "refund_time_out"): "unknown",
    ("created", "refund_accept"): "pending",
    ("unknown", "refund_accept"): "pending",
    ("created", "refund_succeed"): "succeeded",
    ("pending", "refund_succeed"): "succeeded",
    ("unknown", "refund_succeed"): "succeeded",
    ("created", "refund_fail"): "failed",
    ("pending", "refund_fail"): "failed",
    ("succeeded", "refund_fail"): "failed",
    ("unknown", "refund_fail"): "failed",
}
"""The table of SELLING.md 7, written a second time."""
NAMES = ("refund_complete", "refund_time_out", "refund_accept", "refund_succeed", "refund_fail")


def test_the_table_has_these_steps_and_no_others() -> None:
    assert (*refund_transitions.steps, *refund_transitions.internal) == NAMES


@pytest.mark.parametrize(("status", "name"), list(product([status.value for status in RefundStatus], NAMES)))
def test_a_refund_moves_along_its_table_and_nowhere_else(status: str, name: str) -> None:
    row = RefundRow(status=status)
    if (target := STEPS.get((status, name))) is not None:
        assert refund_transitions.move(row, name) == row.status == target
        return
    with pytest.raises(InvalidTransition):
        refund_transitions.move(row, name)
    assert row.status == status
