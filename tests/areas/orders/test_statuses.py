"""The state machine of orders, tested from its table, and the statuses derived from amounts."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.orders.models import FULFILMENT_STATUSES, ORDER_STATUSES, PAYMENT_STATUSES, OrderRow
from tradepost.areas.orders.resource import transitions
from tradepost.areas.orders.schemas import OrderFulfilmentStatus, OrderPaymentStatus, OrderStatus
from tradepost.areas.orders.service.line_units import LineUnits
from tradepost.areas.orders.service.statuses import derive_fulfilment_status, derive_payment_status, open_amount
from tradepost.kit.problems import InvalidTransition

STEPS = {
    ("pending", "order_confirm"): "confirmed",
    ("pending", "order_cancel"): "cancelled",
    ("pending", "order_expire"): "expired",
    ("confirmed", "order_complete"): "completed",
    ("confirmed", "order_cancel"): "cancelled",
}
"""The table of DOMAIN.md, written a second time."""
NAMES = ("order_confirm", "order_cancel", "order_expire", "order_complete")


def order(**values: Any) -> OrderRow:
    """Return an order with these amounts; the others are 0."""
    names = ("grand_total", "cancelled_total", "authorized", "captured", "refunded")
    amounts = {f"{name}_amount": values.pop(name, 0) for name in names}
    return OrderRow(**({"status": "pending"} | amounts | values))


@pytest.mark.parametrize(("status", "name"), list(product(ORDER_STATUSES, NAMES)))
def test_an_order_moves_along_its_table_and_nowhere_else(status: str, name: str) -> None:
    row = order(status=status)
    if (target := STEPS.get((status, name))) is not None:
        assert transitions.move(row, name) == row.status == target
        return
    with pytest.raises(InvalidTransition):
        transitions.move(row, name)
    assert row.status == status


def test_the_wire_and_the_database_have_the_same_statuses() -> None:
    assert [s.value for s in OrderStatus] == list(ORDER_STATUSES)
    assert [s.value for s in OrderPaymentStatus] == list(PAYMENT_STATUSES)
    assert [s.value for s in OrderFulfilmentStatus] == list(FULFILMENT_STATUSES)
    assert transitions.statuses == set(ORDER_STATUSES)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"grand_total": 100}, "unpaid"),
        ({"grand_total": 100, "authorized": 100}, "authorized"),
        ({"grand_total": 100, "captured": 40}, "partially_paid"),
        ({"grand_total": 100, "captured": 40, "cancelled_total": 60}, "paid"),
        ({"grand_total": 100, "captured": 100}, "paid"),
        ({"grand_total": 100, "captured": 100, "refunded": 1}, "partially_refunded"),
        ({"grand_total": 100, "captured": 100, "refunded": 100}, "refunded"),
        ({"grand_total": 0}, "paid"),
        ({"grand_total": 0, "status": "cancelled"}, "paid"),
        ({"grand_total": 100, "cancelled_total": 100, "status": "cancelled"}, "unpaid"),
        ({"grand_total": 100, "status": "expired"}, "unpaid"),
    ],
)
def test_the_payment_status_follows_from_the_amounts(values: dict[str, Any], status: str) -> None:
    assert derive_payment_status(order(**values)) == status


@dataclass
class Line:
    quantity: int
    shipped: int = 0
    cancelled: int = 0
    returned: int = 0


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([Line(2), Line(1)], "unfulfilled"),
        ([Line(2, 1), Line(1)], "partially_fulfilled"),
        ([Line(2, 2), Line(1)], "partially_fulfilled"),
        ([Line(2, 2), Line(1, 0, 1)], "fulfilled"),
        ([Line(2, 2, 0, 1), Line(1, 1)], "partially_returned"),
        ([Line(2, 2, 0, 2), Line(1, 1, 0, 1)], "returned"),
    ],
)
def test_the_fulfilment_status_follows_from_the_lines(lines: list[Line], status: str) -> None:
    assert derive_fulfilment_status(lines) == status


@given(st.integers(0, 10**8), st.integers(1, 9_999), st.sampled_from([("EUR", 1), ("KWD", 10)]), st.data())
def test_units_cancelled_in_any_steps_are_worth_their_line(
    steps: int, quantity: int, money: tuple[str, int], data: st.DataObject
) -> None:
    currency, step = money
    total = steps * step
    line, worth = LineUnits("id", 1, 0, True, quantity, total, 0, 0, 0, currency), 0
    while line.free:
        units = data.draw(st.integers(1, line.free))
        worth, line = worth + line.value(units), line.after(cancelled=units)
        # Cards take no other amounts, and what is left has to be paid.
        assert worth % step == 0
    assert worth == total


@given(*[st.integers(0, 1000)] * 4)
def test_what_is_open_is_never_negative(total: int, cancelled: int, captured: int, authorized: int) -> None:
    row = order(grand_total=total, cancelled_total=cancelled, captured=captured, authorized=authorized)
    assert open_amount(row) == max(0, total - cancelled - captured - authorized)
