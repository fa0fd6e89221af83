"""Payments, described to the general tests."""

from tests.parity.case import AreaCase

from .payments import PAYMENT

CASE = AreaCase(entities=(PAYMENT,))
