"""The services of payments."""

from .creation import PaymentCreation
from .payments import Payments
from .voiding import void_closed_orders

__all__ = ["PaymentCreation", "Payments", "void_closed_orders"]
