"""The services of payments."""

from .creation import PaymentCreation
from .lowering import lower_open_payments
from .payments import Payments
from .voiding import void_closed_orders

__all__ = ["PaymentCreation", "Payments", "lower_open_payments", "void_closed_orders"]
