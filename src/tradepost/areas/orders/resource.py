"""Resources of orders: visible rows, filters, sorts and the state machine."""

from datetime import datetime
from uuid import UUID

from tradepost.areas.accounts.resource import users
from tradepost.areas.catalog.resource import variants
from tradepost.areas.inventory.resource import stock_locations
from tradepost.kit.resource.filters import Sort, equality_filter, range_filters, search_filter
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.transitions import Transitions

from . import policy
from .models import (
    AMOUNTS,
    LINE_AMOUNTS,
    FulfilmentLineRow,
    FulfilmentRow,
    OrderEventRow,
    OrderLineRow,
    OrderRow,
    OrderSearchRow,
    ReturnLineRow,
    ReturnRow,
)
from .policy import payable_orders as payable_orders
from .policy import writable_orders as writable_orders
from .schemas import (
    Fulfilment,
    FulfilmentLine,
    FulfilmentStatus,
    Order,
    OrderEvent,
    OrderFulfilmentStatus,
    OrderLine,
    OrderPaymentStatus,
    OrderStatus,
    Return,
    ReturnLine,
    ReturnStatus,
)

transitions = Transitions(
    OrderRow.status,
    {"order_cancel": (("pending", "confirmed"), "cancelled")},
    internal={
        "order_confirm": (("pending",), "confirmed"),
        "order_expire": (("pending",), "expired"),
        "order_complete": (("confirmed",), "completed"),
        "order_reopen": (("expired",), "confirmed"),
    },
)

orders = Resource(
    Order,
    OrderRow,
    visible=policy.orders,
    personal=True,
    key_columns=("id", "number"),
    order=("-placed_at",),
    filters={
        "number": equality_filter(OrderRow.number, bounded=True),
        "status": equality_filter(OrderRow.status, OrderStatus),
        "payment_status": equality_filter(OrderRow.payment_status, OrderPaymentStatus),
        "fulfilment_status": equality_filter(OrderRow.fulfilment_status, OrderFulfilmentStatus),
        "customer_id": equality_filter(OrderRow.customer_id, UUID),
        "email": equality_filter(OrderRow.email),
        **range_filters("placed_at", OrderRow.placed_at, datetime),
        **range_filters("grand_total", OrderRow.grand_total_amount),
        "q": search_filter(
            lambda bind: OrderRow.id.in_(OrderSearchRow.select_matching_ids(bind)),
            doc="Search the number, the e-mail address, names of people and products, and SKUs. Each word must be the "
            "start of a word in them.",
        ),
    },
    sorts={
        "placed_at": Sort(expression=OrderRow.placed_at),
        "grand_total": Sort(expression=OrderRow.grand_total_amount),
    },
    expressions={f"{name}_currency": OrderRow.currency for name in AMOUNTS},
    column_prefixes={"shipping": "delivery"},
    actions={
        "order_cancel": policy.cancellable_orders,
        "order_note_add": policy.staff_orders,
        "fulfilment_create": policy.fulfillable_orders,
        "order_return": policy.orders_to_return,
    },
    transitions=transitions,
)

order_lines = Resource(
    OrderLine,
    OrderLineRow,
    visible=policy.order_lines,
    personal=True,
    order=("position",),
    sorts={"position": Sort(expression=OrderLineRow.position)},
    expressions={f"{name}_currency": OrderLineRow.currency for name in LINE_AMOUNTS},
)

order_events = Resource(
    OrderEvent,
    OrderEventRow,
    visible=policy.order_events,
    personal=True,
    order=("created_at",),
    filters={"type": equality_filter(OrderEventRow.type)},
    sorts={"created_at": Sort(expression=OrderEventRow.created_at)},
)

fulfilment_transitions = Transitions(
    FulfilmentRow.status,
    {
        "fulfilment_ship": (("pending",), "shipped"),
        "fulfilment_deliver": (("shipped",), "delivered"),
        "fulfilment_cancel": (("pending",), "cancelled"),
        "fulfilment_undeliverable": (("shipped",), "returned"),
    },
)

fulfilments = Resource(
    Fulfilment,
    FulfilmentRow,
    visible=policy.fulfilments,
    personal=True,
    filters={
        "order_id": equality_filter(FulfilmentRow.order_id, UUID),
        "status": equality_filter(FulfilmentRow.status, FulfilmentStatus),
        **range_filters("created_at", FulfilmentRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=FulfilmentRow.created_at)},
    actions={
        "fulfilment_update": policy.staff_orders,
        "fulfilment_ship": policy.shippable_fulfilments,
        "fulfilment_deliver": policy.staff_orders,
        "fulfilment_cancel": policy.staff_orders,
        "fulfilment_undeliverable": policy.staff_orders,
    },
    transitions=fulfilment_transitions,
)

fulfilment_lines = Resource(
    FulfilmentLine,
    FulfilmentLineRow,
    visible=policy.fulfilment_lines,
    personal=True,
    order=("position",),
    sorts={"position": Sort(expression=FulfilmentLineRow.position)},
)

return_transitions = Transitions(
    ReturnRow.status,
    {
        "return_receive": (("requested",), "received"),
        "return_reject": (("requested",), "rejected"),
        "return_cancel": (("requested",), "cancelled"),
    },
)

returns = Resource(
    Return,
    ReturnRow,
    visible=policy.returns,
    personal=True,
    filters={
        "order_id": equality_filter(ReturnRow.order_id, UUID),
        "status": equality_filter(ReturnRow.status, ReturnStatus),
        **range_filters("created_at", ReturnRow.created_at, datetime),
    },
    sorts={"created_at": Sort(expression=ReturnRow.created_at)},
    actions={
        "return_receive": policy.staff_orders,
        "return_reject": policy.staff_orders,
        "return_cancel": policy.writable_returns,
    },
    transitions=return_transitions,
)

return_lines = Resource(
    ReturnLine,
    ReturnLineRow,
    visible=policy.return_lines,
    personal=True,
    order=("position",),
    sorts={"position": Sort(expression=ReturnLineRow.position)},
)

orders.has_one(
    "customer",
    users,
    join=OrderRow.customer_id,
    doc="The user that the order belongs to, if you may see the account.",
    back="orders",
    back_doc="The user's orders, the newest first.",
)
orders.has_many(
    "lines", order_lines, join=OrderLineRow.order_id, default=True, doc="The lines, in the order of the cart."
)
order_lines.has_one(
    "variant",
    variants,
    join=OrderLineRow.variant_id,
    doc="The variant as it is now; null if you may not see it any more.",
)
orders.has_many("events", order_events, join=OrderEventRow.order_id, paged=True, doc="The timeline, oldest first.")
fulfilments.has_one(
    "order",
    orders,
    join=FulfilmentRow.order_id,
    back="fulfilments",
    back_paged=False,
    back_doc="The fulfilments, the newest first.",
)
fulfilments.has_one(
    "location",
    stock_locations,
    join=FulfilmentRow.location_id,
    doc="The stock location; null if you may not see it.",
)
fulfilments.has_many(
    "lines", fulfilment_lines, join=FulfilmentLineRow.fulfilment_id, doc="The units in it, by line of the order."
)
fulfilment_lines.has_one("order_line", order_lines, join=FulfilmentLineRow.order_line_id)
returns.has_one(
    "order",
    orders,
    join=ReturnRow.order_id,
    back="returns",
    back_paged=False,
    back_doc="The returns, the newest first.",
)
returns.has_one(
    "fulfilment", fulfilments, join=ReturnRow.fulfilment_id, doc="The fulfilment, if it could not be delivered."
)
returns.has_many("lines", return_lines, join=ReturnLineRow.return_id, doc="The units in it, by line of the order.")
return_lines.has_one("order_line", order_lines, join=ReturnLineRow.order_line_id)
return_lines.has_one(
    "location",
    stock_locations,
    join=ReturnLineRow.location_id,
    doc="The stock location; null if you may not see it.",
)
