"""The amounts of quotes add up, whatever is in the cart."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.carts.schemas import CartQuote
from tradepost.areas.carts.service import CartSettings, QuotedLine, SoldVariant
from tradepost.areas.carts.service.quote_answer import quote_answer
from tradepost.areas.carts.service.quote_lines import goods_line
from tradepost.areas.inventory.schemas import Availability
from tradepost.areas.inventory.service import VariantStock
from tradepost.areas.pricing.service import ShippingCharge, TaxRules, compute_totals
from tradepost.kit.schema.rate import parts_per_million

RATES = {"standard": 190_000, "reduced": 70_000, "odd": 88_750, "none": 0}
CLASSES = st.sampled_from([*RATES, "unknown"])
PRICES = st.integers(0, 4_000_000_000)
VARIANTS = st.builds(
    SoldVariant,
    id=st.just(""),
    price=PRICES,
    currency=st.just("EUR"),
    sku=st.just("SKU"),
    product_name=st.just("Lamp"),
    name=st.just(""),
    options=st.just({}),
    image_url=st.none(),
    tax_class=CLASSES,
    weight_grams=st.integers(0, 1000),
    requires_shipping=st.booleans(),
    withdrawal_excluded=st.booleans(),
)
LINES = st.builds(
    QuotedLine,
    variant_id=st.builds(lambda: str(uuid4())),
    quantity=st.integers(1, 9_999),
    added_price=PRICES,
    last_sku=st.just("SKU"),
    variant=st.none() | VARIANTS,
)
CHARGES = st.none() | st.builds(ShippingCharge, price=PRICES, tax_class=st.none() | CLASSES)
RULES = st.builds(TaxRules, st.booleans(), st.sampled_from(["half_up", "half_even"]))


def answer(lines: list[QuotedLine], charge: ShippingCharge | None, settings: CartSettings) -> CartQuote:
    """Return the quote of lines and a charge for shipping."""
    goods = [goods_line(line.quantity, line.variant) for line in lines if line.variant is not None]
    totals = compute_totals(goods, charge, lambda name: RATES.get(name, RATES["standard"]), settings.tax_rules)
    stock = {line.variant_id: VariantStock(None, False, Availability.IN_STOCK) for line in lines}
    return quote_answer(
        settings, lines, stock, totals, [], tax_estimated=False, payment_methods=[], problems=[], notices=[]
    )


@given(st.lists(LINES, max_size=12), CHARGES, RULES, st.sampled_from(["JPY", "EUR", "KWD"]))
def test_parts_and_totals_of_a_quote_agree(
    lines: list[QuotedLine], charge: ShippingCharge | None, rules: TaxRules, currency: str
) -> None:
    quote = answer(lines, charge, CartSettings(currency=currency, tax_rules=rules))
    priced = [line for line in quote.lines if line.total is not None]
    assert [line.variant_id for line in quote.lines] == [UUID(line.variant_id) for line in lines]
    assert len(priced) == len([line for line in lines if line.variant is not None])
    shipping = quote.shipping.total.amount if quote.shipping is not None else 0
    shipping_tax = quote.shipping.tax.amount if quote.shipping is not None else 0
    assert sum([line.total.amount for line in priced if line.total]) + shipping == quote.grand_total.amount
    assert sum([line.tax.amount for line in priced if line.tax]) + shipping_tax == quote.tax_total.amount
    assert sum([line.tax.amount for line in quote.tax_lines]) == quote.tax_total.amount
    assert sum([line.unit_price.amount * line.quantity for line in priced if line.unit_price]) == quote.subtotal.amount
    added_tax = 0 if rules.prices_include_tax else quote.tax_total.amount
    net_total = quote.subtotal.amount + quote.shipping_total.amount - quote.discount_total.amount
    assert quote.grand_total.amount == net_total + added_tax
    assert sum([line.taxable.amount + line.tax.amount for line in quote.tax_lines]) == quote.grand_total.amount
    assert {money.currency for money in (quote.subtotal, quote.grand_total, quote.tax_total)} == {currency}


@pytest.mark.parametrize("percentage", ["19", "7", "8.875", "0"])
@given(st.integers(0, 4_000_000_000), st.integers(1, 9_999))
def test_the_rate_of_a_line_is_the_text_of_what_it_was_taxed_at(percentage: str, price: int, quantity: int) -> None:
    tax_class = next(name for name, rate in RATES.items() if rate == parts_per_million(percentage))
    variant = SoldVariant("", price, "EUR", "SKU", "Lamp", "", {}, None, tax_class, 0, True, False)
    quote = answer([QuotedLine(str(uuid4()), quantity, price, "SKU", variant)], None, CartSettings())
    assert quote.lines[0].tax_percentage == percentage
