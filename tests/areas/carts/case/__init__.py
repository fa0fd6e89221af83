"""Carts, described to the general tests."""

from tests.parity.case import AreaCase

from .carts import CART
from .lines import CART_LINE
from .quotes import CART_QUOTE

CASE = AreaCase(entities=(CART, CART_LINE), results=(CART_QUOTE,))
