"""Pricing, described to the general tests."""

from tests.parity.case import AreaCase

from .shipping_methods import SHIPPING_METHOD
from .tax_rates import TAX_RATE

CASE = AreaCase(entities=(TAX_RATE, SHIPPING_METHOD))
