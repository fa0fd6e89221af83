"""The amounts of refunds: parts of a line and of its tax add up exactly, in whatever steps."""

from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.orders.service import LineAmounts
from tradepost.areas.payments.service.refund_amounts import (
    RefundedUnits,
    TaxedAmount,
    amounts_of_order,
    amounts_of_shipping,
    next_units,
    reduce_to,
    refundable_units,
    subtract,
    tax_lines,
)
from tradepost.kit.schema.money_arithmetic import share


def line(quantity: int, total: int, tax: int, cancelled: int = 0, currency: str = "EUR") -> LineAmounts:
    """Return a line of an order."""
    return LineAmounts("id", 0, "LAMP", "Oak lamp", "", quantity, cancelled, total, tax, 190_000, currency)


def refunded(parts: list[RefundedUnits]) -> RefundedUnits:
    """Return what the refunds of a line have."""
    sums = [sum(values) for values in zip(*[(part.total, part.tax, part.quantity) for part in parts], strict=True)]
    return RefundedUnits(*sums) if sums else RefundedUnits(0, 0, 0)


@st.composite
def lines(draw: st.DrawFn) -> LineAmounts:
    """Draw a line, of which units may be cancelled."""
    quantity, total = draw(st.integers(1, 40)), draw(st.integers(0, 10**7))
    cancelled = draw(st.integers(0, quantity - 1))
    # A tax of 100 % is half of the price with tax.
    return line(quantity, total, draw(st.integers(0, total // 2)), cancelled)


@given(lines(), st.data())
def test_any_refunds_of_all_units_add_up_to_what_was_not_cancelled(line: LineAmounts, data: st.DataObject) -> None:
    active = list[RefundedUnits]()
    for _ in range(12):
        if active and data.draw(st.booleans(), "a refund fails"):
            active.pop(data.draw(st.integers(0, len(active) - 1)))
        elif left := refundable_units(line, refunded(active)):
            active.append(next_units(line, refunded(active), data.draw(st.integers(1, left))))
        assert refunded(active).total <= line.total
    while left := refundable_units(line, refunded(active)):
        active.append(next_units(line, refunded(active), data.draw(st.integers(1, left))))
    everything = refunded(active)
    assert everything.quantity == line.quantity - line.cancelled
    assert everything.total + share(line.total, line.cancelled, line.quantity) == line.total
    # A unit has no more tax than its price, so below a few cents a cent of tax can be lost.
    if line.total >= 20 * line.quantity:
        assert everything.tax + share(line.tax, line.cancelled, line.quantity) == line.tax
    assert all(0 <= part.tax <= part.total for part in active)


def test_a_failure_in_between_leaves_no_gap() -> None:
    oak = line(3, 1000, 160)
    first = next_units(oak, RefundedUnits(0, 0, 0), 1)
    second = next_units(oak, first, 1)
    assert [(part.total, part.tax) for part in (first, second)] == [(333, 53), (334, 54)]
    # The first one fails: what is left has to pay 1,000 in all.
    third = next_units(oak, second, 2)
    assert (third.total, third.tax) == (666, 106)


RATES = [
    {"percentage": "19", "taxable": {"amount": 1681}, "tax": {"amount": 319}},
    {"percentage": "7", "taxable": {"amount": 935}, "tax": {"amount": 65}},
]
"""Lines of 20.00 and 9.00 euros; shipping costs 1.00 at 7 %."""


def test_the_tax_of_a_bare_amount_is_in_proportion_to_the_order() -> None:
    part = reduce_to(amounts_of_order(RATES), 1501)
    assert part == {"19": TaxedAmount(1001, 160), "7": TaxedAmount(500, 33)}
    assert tax_lines(part, "EUR")[1] == {
        "percentage": "7",
        "taxable": {"amount": 467, "currency": "EUR"},
        "tax": {"amount": 33, "currency": "EUR"},
    }


def test_the_tax_of_shipping_is_what_the_lines_leave() -> None:
    reduced = LineAmounts("b", 1, "BOOK", "Book", "", 1, 0, 900, 59, 70_000, "EUR")
    shipping = amounts_of_shipping(amounts_of_order(RATES), [line(2, 2000, 319), reduced])
    assert shipping == {"19": TaxedAmount(0, 0), "7": TaxedAmount(100, 6)}
    assert [one["percentage"] for one in tax_lines(shipping, "EUR")] == ["7"]


@given(st.dictionaries(st.sampled_from(["19", "7", "0"]), st.tuples(st.integers(0, 9999), st.integers(0, 9999))))
def test_the_parts_of_an_amount_and_the_rest_add_up(sums: dict[str, tuple[int, int]]) -> None:
    amounts = {rate: TaxedAmount(max(pair), min(pair)) for rate, pair in sums.items()}
    total = sum(amount.total for amount in amounts.values())
    assert reduce_to(amounts, total) == amounts
    part = reduce_to(amounts, total // 3)
    assert sum(amount.total for amount in part.values()) == total // 3
    assert all(0 <= amount.tax <= amount.total for amount in part.values())
    rest = subtract(amounts, part)
    assert all(part[rate].tax + rest[rate].tax == amounts[rate].tax for rate in amounts)


@given(st.integers(1, 40), st.integers(0, 10**6), st.data())
def test_refunds_of_units_can_be_paid_back_by_card_in_currencies_with_three_decimals(
    quantity: int, steps: int, data: st.DataObject
) -> None:
    dinars, parts = line(quantity, steps * 10, steps, currency="KWD"), list[RefundedUnits]()
    while left := refundable_units(dinars, refunded(parts)):
        parts.append(next_units(dinars, refunded(parts), data.draw(st.integers(1, left))))
        assert parts[-1].total % 10 == 0
    assert refunded(parts).total == dinars.total
