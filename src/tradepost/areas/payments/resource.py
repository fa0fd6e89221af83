"""Resources of payments and refunds: visible rows, filters, sorts and the state machines."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Text, bindparam, case

from tradepost.areas.orders.resource import order_lines, orders, payable_orders
from tradepost.kit.query.engine import ONE_TIME_SECRET
from tradepost.kit.resource.filters import Filter, Sort, equality_filter, range_filters
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.resource.transitions import Transitions

from . import policy
from .models import SETTLED, PaymentRow, RefundLineRow, RefundRow
from .schemas import Payment, PaymentStatus, ProviderEventReceipt, Refund, RefundLine, RefundStatus

UNFINISHED = ("created", "requires_action", "processing", "unknown")

transitions = Transitions(
    PaymentRow.status,
    {
        "payment_capture": (("created", "authorized", "voided"), "captured"),
        "payment_void": (("created", "requires_action", "authorized"), "voided"),
    },
    internal={
        "payment_require_action": (("created", "processing", "unknown"), "requires_action"),
        "payment_process": (("created", "requires_action", "unknown"), "processing"),
        "payment_authorize": (UNFINISHED, "authorized"),
        "payment_lose": (("created", "requires_action", "authorized"), "unknown"),
        "payment_fail": ((*UNFINISHED, "authorized"), "failed"),
        "payment_lapse": ((*UNFINISHED, "authorized"), "voided"),
        # What the provider has captured is recorded from every status.
        "payment_receive": ((*UNFINISHED, "authorized", "failed", "voided", *SETTLED), "captured"),
        "payment_refund": (("captured", "partially_refunded"), "refunded"),
        "payment_refund_in_part": (("captured", "partially_refunded", "refunded"), "partially_refunded"),
        "payment_restore": (("partially_refunded", "refunded"), "captured"),
    },
)


def _secret_of(type: str) -> ColumnElement[str | None]:
    """Return the secret of the call if the next action is of a type, as SQL."""
    return case((PaymentRow.next_action_type == type, bindparam(ONE_TIME_SECRET, None, type_=Text)))


payments = Resource(
    Payment,
    PaymentRow,
    visible=policy.payments,
    personal=True,
    secret_members={"next_action"},
    filters={
        "order_id": equality_filter(PaymentRow.order_id, UUID),
        "status": equality_filter(PaymentRow.status, PaymentStatus),
        "disputed": Filter(
            type=bool,
            where=lambda bind: PaymentRow.dispute_reason.is_not(None) == bind(Boolean),
            doc="Whether the payment has an open dispute.",
        ),
        **range_filters("created_at", PaymentRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=PaymentRow.created_at)},
    expressions={
        **{f"{name}_currency": PaymentRow.currency for name in ("amount", "authorized", "captured", "refunded")},
        "dispute_amount_currency": PaymentRow.currency,
        # Not columns: only the call that has read them from the provider binds them.
        "next_action_url": _secret_of("redirect"),
        "next_action_client_secret": _secret_of("client_secret"),
    },
    actions={
        "payment_capture": policy.capturable_payments,
        "payment_complete": policy.completable_payments,
        "payment_void": policy.voidable_payments,
        "refund_create": policy.refundable_payments,
    },
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

provider_event_receipts = Result(ProviderEventReceipt)
