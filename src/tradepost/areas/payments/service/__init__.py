"""The services of payments.

A call to a provider is begun in one transaction (`calls.py`), made while none is open, and its
answer is applied in another (`application.py`): by the request, the worker or the reconciler.
"""

from .automatic_refunds import create_refunds, refund_cancelled_orders, refund_cancelled_units, refund_returns
from .captures import Captures
from .completion import Completion
from .creation import PaymentCreation
from .emails import order_refunded
from .event_retention import delete_old_events
from .execution import capture_on_shipment, carry_out_calls
from .ledger_report import LedgerDifference, compare_ledgers
from .lowering import lower_open_payments
from .payments import Payments
from .provider_events import MAX_EVENT_BYTES, ProviderEvents
from .reconciler import (
    announce_expiring_authorizations,
    reconcile_payments,
    reread_disputed_payments,
    void_overdue_payments,
)
from .refund_application import apply_provider_refunds, apply_refund
from .refund_calls import carry_out_created, carry_out_refund
from .refund_creation import RefundCreation
from .refunds import Refunds
from .return_urls import origin_of
from .settings import PaymentSettings
from .voiding import ProviderPayments, void_closed_orders

__all__ = [
    "MAX_EVENT_BYTES",
    "Captures",
    "Completion",
    "LedgerDifference",
    "PaymentCreation",
    "PaymentSettings",
    "Payments",
    "ProviderEvents",
    "ProviderPayments",
    "RefundCreation",
    "Refunds",
    "announce_expiring_authorizations",
    "apply_provider_refunds",
    "apply_refund",
    "capture_on_shipment",
    "carry_out_calls",
    "carry_out_created",
    "carry_out_refund",
    "compare_ledgers",
    "create_refunds",
    "delete_old_events",
    "lower_open_payments",
    "order_refunded",
    "origin_of",
    "reconcile_payments",
    "refund_cancelled_orders",
    "refund_cancelled_units",
    "refund_returns",
    "reread_disputed_payments",
    "void_closed_orders",
    "void_overdue_payments",
]
