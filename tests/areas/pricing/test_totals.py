"""Totals: the parts add up exactly, in currencies with any number of decimals."""

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.figures import IS_TORTURE
from tradepost.areas.pricing.service.totals import (
    AppliedPromotion,
    Discounts,
    GoodsLine,
    ShippingCharge,
    TaxRules,
    Totals,
    compute_totals,
)

MAX_PRICE = 4_000_000_000
CLASSES = ("standard", "reduced", "books", "unknown")
RATES = {"standard": 190_000, "reduced": 70_000, "books": 0}
GROSS, NET = TaxRules(), TaxRules(prices_include_tax=False)


def totals(
    lines: list[GoodsLine],
    shipping: ShippingCharge | None = None,
    rules: TaxRules = GROSS,
    discounts: Discounts | None = None,
    rates: Mapping[str, int] = RATES,
) -> Totals:
    """Compute totals with these rates; other classes are not taxed."""
    return compute_totals(lines, shipping, lambda c: rates.get(c, 0), rules, discounts or Discounts())


def goods() -> st.SearchStrategy[GoodsLine]:
    """Draw a line. Small prices too: they are yens, cents or fils, and round the most."""
    prices = st.one_of(st.integers(0, 99), st.integers(0, 100_000), st.integers(0, MAX_PRICE))
    quantities = st.one_of(st.integers(1, 9), st.integers(1, 9_999))
    return st.builds(GoodsLine, prices, quantities, st.sampled_from(CLASSES), st.booleans())


@st.composite
def discounted(draw: st.DrawFn) -> tuple[list[GoodsLine], ShippingCharge | None, Discounts]:
    """Draw the lines of a cart, a shipping charge, and discounts below them."""
    lines = draw(st.lists(goods(), max_size=12))
    charges = st.builds(ShippingCharge, st.integers(0, 5_000), st.sampled_from([None, *CLASSES]))
    shipping = draw(st.none() | charges)
    if draw(st.booleans()):
        return lines, shipping, Discounts()
    taken = [draw(st.integers(0, line.subtotal)) for line in lines]
    off_shipping = draw(st.integers(0, shipping.price)) if shipping else 0
    return lines, shipping, Discounts(taken, off_shipping, [AppliedPromotion("A", None, "fixed", sum(taken))])


RULES = st.builds(TaxRules, st.booleans(), st.sampled_from(["half_up", "half_even"]))


@settings(max_examples=10_000 if IS_TORTURE else 1_000)
@given(discounted(), RULES)
@example(([GoodsLine(MAX_PRICE, 9_999)] * 100, ShippingCharge(MAX_PRICE), Discounts()), NET)
def test_parts_add_up_to_the_totals(
    drawn: tuple[list[GoodsLine], ShippingCharge | None, Discounts], rules: TaxRules
) -> None:
    lines, shipping, discounts = drawn
    result = totals(lines, shipping, rules, discounts)
    shipped = result.shipping
    assert (shipped is None) == (shipping is None)
    assert result.subtotal == sum(line.unit_price * line.quantity for line in lines)
    tax_on_top = 0 if rules.prices_include_tax else result.tax_total
    assert result.grand_total == result.subtotal + result.shipping_total - result.discount_total + tax_on_top
    assert result.grand_total == sum(p.total for p in result.lines) + (shipped.total if shipped else 0)
    assert result.tax_total == sum(line.tax for line in result.tax_lines)
    assert result.grand_total == sum(line.taxable + line.tax for line in result.tax_lines)
    assert result.grand_total < 2**53
    assert all(0 <= p.tax <= p.total for p in result.lines)


@given(goods(), RULES)
def test_the_tax_of_a_line_is_within_half_a_unit_of_the_exact_tax(line: GoodsLine, rules: TaxRules) -> None:
    [part] = totals([line], rules=rules).lines
    rate = Fraction(RATES.get(line.tax_class, 0), 1_000_000)
    exact = line.subtotal * rate / (1 + rate if rules.prices_include_tax else 1)
    assert abs(part.tax - exact) <= Fraction(1, 2)


def test_tax_is_computed_on_the_line_and_not_per_unit() -> None:
    [part] = totals([GoodsLine(33, 3)]).lines
    assert (part.tax, part.total) == (16, 99)  # three times 5.27 would be 15


def test_a_tie_is_rounded_by_the_setting() -> None:
    lines, rates = [GoodsLine(25, 1)], {"standard": 100_000}
    assert totals(lines, rules=TaxRules(False, "half_up"), rates=rates).tax_total == 3
    assert totals(lines, rules=TaxRules(False, "half_even"), rates=rates).tax_total == 2


def test_shipping_is_taxed_in_proportion_to_the_goods_that_ship() -> None:
    lines = [GoodsLine(3_000, 1), GoodsLine(1_000, 1, "reduced"), GoodsLine(9_000, 1, "books", requires_shipping=False)]
    result = totals(lines, ShippingCharge(400), NET)
    assert result.shipping is not None
    assert result.shipping.tax == 57 + 7  # 19 % of 300, 7 % of 100
    assert [(line.rate, line.taxable) for line in result.tax_lines] == [(190_000, 3_300), (70_000, 1_100), (0, 9_000)]


def test_shipping_of_goods_that_are_free_after_discounts_is_split_by_their_prices() -> None:
    lines = [GoodsLine(300, 1), GoodsLine(100, 1, "reduced")]
    free = totals(lines, ShippingCharge(400), NET, Discounts([300, 100], 0))
    assert free.shipping is not None
    assert free.shipping.tax == 57 + 7
    samples = totals([GoodsLine(0, 3), GoodsLine(0, 1, "reduced")], ShippingCharge(400), NET)
    assert samples.shipping is not None
    assert samples.shipping.tax == 57 + 7


def test_shipping_with_a_tax_class_of_its_own_has_its_rate() -> None:
    result = totals([GoodsLine(1_000, 1, "books")], ShippingCharge(1_190, "standard"))
    assert result.shipping is not None
    assert result.shipping.tax == 190


@pytest.mark.parametrize("rules", [GROSS, NET])
def test_an_empty_cart_costs_nothing(rules: TaxRules) -> None:
    result = totals([], rules=rules)
    assert (result.grand_total, result.tax_lines, result.shipping) == (0, [], None)
