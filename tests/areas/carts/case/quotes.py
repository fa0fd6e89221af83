"""Quotes: as hidden as their carts."""

from tests.parity.case import ReadCase, ResultCase

from .carts import CARTS

CART_QUOTE = ResultCase(
    name="CartQuote",
    answer="tax_estimated",
    reads=(
        ReadCase(
            "cart_quote",
            CARTS,
            {"grand_total{amount},lines{total{amount}},problems{code}": 5},
            path="/carts/{0}/quote",
        ),
    ),
)
