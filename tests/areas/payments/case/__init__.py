"""Payments and refunds, described to the general tests."""

from tests.parity.case import AreaCase

from .events import PROVIDER_EVENT_RECEIPT
from .payments import PAYMENT
from .refunds import REFUND, REFUND_LINE

CASE = AreaCase(entities=(PAYMENT, REFUND, REFUND_LINE), results=(PROVIDER_EVENT_RECEIPT,))
"""Payments and refunds: hidden with their order. Staff capture and refund them."""
