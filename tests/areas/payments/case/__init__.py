"""Payments and refunds, described to the general tests."""

from tests.parity.case import AreaCase

from .payments import PAYMENT
from .refunds import REFUND, REFUND_LINE

CASE = AreaCase(entities=(PAYMENT, REFUND, REFUND_LINE))
"""Payments and refunds: hidden with their order. Staff capture and refund them."""
