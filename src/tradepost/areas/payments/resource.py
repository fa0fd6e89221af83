"""Resources of payments and refunds: visible rows, filters, sorts and the state machines."""

from datetime import datetime
from uuid import UUID

from tradepost.areas.orders.resource import order_lines, orders, payable_orders
from tradepost.kit.resource.filters import Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.transitions import Transitions

from . import policy
from .models import PaymentRow, RefundLineRow, RefundRow
from .schemas import Payment, PaymentStatus, Refund, RefundLine, RefundStatus

transitions = Transitions(
    PaymentRow.status,
    {"payment_capture": (("created", "authorized"), "captured")},
    internal={
        "payment_authorize": (("created",), "authorized"),
        "payment_void": (("created", "authorized"), "voided"),
        "payment_refund": (("captured", "partially_refunded"), "refunded"),
        "payment_refund_in_part": (("captured", "partially_refunded", "refunded"), "partially_refunded"),
        "payment_restore": (("partially_refunded", "refunded"), "captured"),
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
    actions={"payment_capture": policy.capturable_payments, "refund_create": policy.refundable_payments},
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

refund_transitions = Transitions(
    RefundRow.status,
    {"refund_complete": (("pending",), "succeeded")},
    internal={
        "refund_time_out": (("created",), "unknown"),
        "refund_accept": (("created", "unknown"), "pending"),
        "refund_succeed": (("created", "pending", "unknown"), "succeeded"),
        "refund_fail": (("created", "pending", "succeeded", "unknown"), "failed"),
    },
)

refunds = Resource(
    Refund,
    RefundRow,
    visible=policy.refunds,
    personal=True,
    filters={
        "order_id": equality_filter(RefundRow.order_id, UUID),
        "status": equality_filter(RefundRow.status, RefundStatus),
        **range_filters("created_at", RefundRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=RefundRow.created_at)},
    expressions={f"{name}_currency": RefundRow.currency for name in ("amount", "shipping")},
    actions={"refund_complete": policy.completable_refunds},
    transitions=refund_transitions,
)

refund_lines = Resource(
    RefundLine,
    RefundLineRow,
    visible=policy.refund_lines,
    personal=True,
    order=("position",),
    sorts={"position": Sort(expression=RefundLineRow.position)},
    expressions={f"{name}_currency": RefundLineRow.currency for name in ("amount", "tax")},
)

refunds.has_one(
    "payment",
    payments,
    join=RefundRow.payment_id,
    back="refunds",
    back_paged=False,
    back_doc="The refunds, the newest first.",
)
refunds.has_one("order", orders, join=RefundRow.order_id)
refunds.has_many("lines", refund_lines, join=RefundLineRow.refund_id, doc="The units in it, by line of the order.")
refund_lines.has_one("order_line", order_lines, join=RefundLineRow.order_line_id)
