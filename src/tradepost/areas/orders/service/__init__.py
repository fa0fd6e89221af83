"""The services of orders. Later areas record payments through `record_payment`."""

from ..models import OrderRow
from .cancellation import Cancellations
from .closed_accounts import detach_orders
from .delivery import deliver_shipped
from .emails import order_access, order_placed, order_shipped, send_order_email
from .end_emails import order_cancelled, withdrawal_received
from .expiry import expire_orders
from .fulfilment_creation import FulfilmentCreation
from .fulfilments import Fulfilments
from .guest_orders import attach_guest_orders
from .late_payment import confirm_expired
from .line_amounts import LineAmounts, load_line_amounts
from .open_orders import client_hash
from .open_payments import OpenPayments
from .ordered_variants import refuse_to_delete_ordered_variants
from .orders import Orders
from .placement import Placement
from .return_creation import ReturnCreation
from .return_rows import load_return_units
from .returns import Returns
from .settings import OrderSettings
from .settlement import (
    await_bank_transfer,
    lock_order,
    lock_order_for,
    lock_with_order,
    record_payment,
    record_progress,
)
from .statuses import is_closed, open_amount, payable_total
from .timeline import TimelineEntry, add_entries
from .visible_numbers import VisibleOrderNumbers

__all__ = [
    "Cancellations",
    "FulfilmentCreation",
    "Fulfilments",
    "LineAmounts",
    "OpenPayments",
    "OrderRow",
    "OrderSettings",
    "Orders",
    "Placement",
    "ReturnCreation",
    "Returns",
    "TimelineEntry",
    "VisibleOrderNumbers",
    "add_entries",
    "attach_guest_orders",
    "await_bank_transfer",
    "client_hash",
    "confirm_expired",
    "deliver_shipped",
    "detach_orders",
    "expire_orders",
    "is_closed",
    "load_line_amounts",
    "load_return_units",
    "lock_order",
    "lock_order_for",
    "lock_with_order",
    "open_amount",
    "order_access",
    "order_cancelled",
    "order_placed",
    "order_shipped",
    "payable_total",
    "record_payment",
    "record_progress",
    "refuse_to_delete_ordered_variants",
    "send_order_email",
    "withdrawal_received",
]
