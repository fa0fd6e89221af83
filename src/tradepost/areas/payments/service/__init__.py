"""The services of payments."""

from .automatic_refunds import create_refunds, refund_cancelled_orders, refund_cancelled_units
from .creation import PaymentCreation
from .emails import order_refunded
from .lowering import lower_open_payments
from .payments import Payments
from .refund_application import apply_provider_refunds, apply_refund
from .refund_calls import carry_out_created, carry_out_refund
from .refund_creation import RefundCreation
from .refunds import Refunds
from .voiding import void_closed_orders

__all__ = [
    "PaymentCreation",
    "Payments",
    "RefundCreation",
    "Refunds",
    "apply_provider_refunds",
    "apply_refund",
    "carry_out_created",
    "carry_out_refund",
    "create_refunds",
    "lower_open_payments",
    "order_refunded",
    "refund_cancelled_orders",
    "refund_cancelled_units",
    "void_closed_orders",
]
