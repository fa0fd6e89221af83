"""Arithmetic with amounts: rounded once, and nothing is lost when an amount is split."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.kit.schema.money import Money
from tradepost.kit.schema.money_arithmetic import add, allocate, apply_rate, divide, included_part, share

AMOUNTS = st.integers(0, 2**53 - 1)
RATES = st.integers(0, 1_000_000)


@pytest.mark.parametrize(
    ("numerator", "half_up", "half_even"), [(0, 0, 0), (1, 1, 0), (2, 1, 1), (3, 2, 2), (5, 3, 2), (7, 4, 4)]
)
def test_a_half_is_rounded_up_or_to_even(numerator: int, half_up: int, half_even: int) -> None:
    assert divide(numerator, 2) == half_up
    assert divide(numerator, 2, "half_even") == half_even


@given(AMOUNTS, st.integers(1, 10**12))
def test_half_even_is_the_rounding_of_python(numerator: int, denominator: int) -> None:
    assert divide(numerator, denominator, "half_even") == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("amount", "rate", "tax"), [(10_000, 190_000, 1_900), (999, 88_750, 89), (50, 10_000, 1), (49, 10_000, 0)]
)
def test_a_rate_of_an_amount_is_rounded_half_up(amount: int, rate: int, tax: int) -> None:
    assert apply_rate(amount, rate) == tax


@pytest.mark.parametrize(("gross", "rate", "tax"), [(11_900, 190_000, 1_900), (100, 190_000, 16), (0, 190_000, 0)])
def test_a_price_with_tax_contains_the_tax(gross: int, rate: int, tax: int) -> None:
    assert included_part(gross, rate) == tax


@given(AMOUNTS, RATES)
def test_the_tax_in_a_price_is_within_half_a_unit_of_the_exact_one(gross: int, rate: int) -> None:
    exact = Fraction(gross * rate, 1_000_000 + rate)
    assert abs(included_part(gross, rate) - exact) <= Fraction(1, 2)


def test_of_equal_remainders_the_earlier_part_gets_the_unit() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(2, [1, 1, 1]) == [1, 1, 0]
    assert allocate(7, [3, 1]) == [5, 2]


def test_nothing_is_split_by_weights_of_zero() -> None:
    assert allocate(5, [0, 0]) == [0, 0]
    assert allocate(5, []) == []


@given(AMOUNTS, st.lists(st.integers(0, 10**12), max_size=100))
def test_parts_add_up_to_the_amount_and_differ_from_their_share_by_less_than_a_unit(
    total: int, weights: list[int]
) -> None:
    parts, weight = allocate(total, weights), sum(weights)
    assert sum(parts) == (total if weight else 0)
    for part, w in zip(parts, weights, strict=True):
        assert part >= 0
        assert weight == 0 or abs(part - Fraction(total * w, weight)) < 1


@given(AMOUNTS, st.lists(st.integers(1, 9_999), min_size=1, max_size=20), st.sampled_from([1, 10]))
def test_the_units_of_a_line_are_worth_its_total_in_whatever_steps_they_are_taken(
    total: int, steps: list[int], step: int
) -> None:
    quantity, start, sums = sum(steps), 0, 0
    for units in steps:
        worth = share(total, units, quantity, start, step)
        assert worth >= 0
        assert total % step or worth % step == 0
        start, sums = start + units, sums + worth
    assert sums == total


def test_amounts_of_different_currencies_are_not_added() -> None:
    assert add([Money(1, "EUR"), Money(2, "EUR")], "EUR") == Money(3, "EUR")
    assert add([], "JPY") == Money(0, "JPY")
    with pytest.raises(ValueError, match="cannot add USD to EUR"):
        add([Money(1, "EUR"), Money(1, "USD")], "EUR")
