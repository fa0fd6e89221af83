"""Resources of payments: visible rows, filters, sorts and the state machine."""

from datetime import datetime
from uuid import UUID

from tradepost.areas.orders.resource import orders, payable_orders
from tradepost.kit.resource.filters import Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.transitions import Transitions

from . import policy
from .models import PaymentRow
from .schemas import Payment, PaymentStatus

transitions = Transitions(
    PaymentRow.status,
    {"payment_capture": (("created", "authorized"), "captured")},
    internal={
        "payment_authorize": (("created",), "authorized"),
        "payment_void": (("created", "authorized"), "voided"),
    },
)

payments = Resource(
    Payment,
    PaymentRow,
    visible=policy.payments,
    personal=True,
    filters={
        "order_id": equality_filter(PaymentRow.order_id, UUID),
        "status": equality_filter(PaymentRow.status, PaymentStatus),
        **range_filters("created_at", PaymentRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=PaymentRow.created_at)},
    expressions={f"{name}_currency": PaymentRow.currency for name in ("amount", "captured", "refunded")},
    actions={"payment_capture": policy.capturable_payments},
    transitions=transitions,
)

payments.has_one(
    "order",
    orders,
    join=PaymentRow.order_id,
    back="payments",
    back_paged=False,
    back_doc="The payments, the newest first.",
)
orders.add_action("payment_create", payable_orders)
