"""The events of orders: their number and statuses, never an address, an e-mail or a text."""

from uuid import UUID

from msgspec import Struct

from tradepost.kit.writes.event_types import EventType

from . import policy
from .resource import fulfilments, orders, returns
from .schemas import (
    FulfilmentStatus,
    OrderFulfilmentStatus,
    OrderPaymentStatus,
    OrderStatus,
    ReturnKind,
    ReturnStatus,
)


class OrderState(Struct, forbid_unknown_fields=True):
    """The number of the order, and its statuses after the change."""

    number: str
    status: OrderStatus
    payment_status: OrderPaymentStatus
    fulfilment_status: OrderFulfilmentStatus


class ChangedOrder(OrderState, forbid_unknown_fields=True):
    """The same, and the names of the members that changed."""

    changed: list[str]


class FulfilmentState(Struct, forbid_unknown_fields=True):
    """The order of the fulfilment, and the fulfilment's status after the change."""

    order_id: UUID
    status: FulfilmentStatus


class ChangedFulfilment(FulfilmentState, forbid_unknown_fields=True):
    """The same, and the names of the members that changed."""

    changed: list[str]


class ReturnState(Struct, forbid_unknown_fields=True):
    """The order of the return, its kind, and its status after the change."""

    order_id: UUID
    kind: ReturnKind
    status: ReturnStatus


class ReceivedReturn(ReturnState, forbid_unknown_fields=True):
    """The same, and whether the units and the costs of shipping are refunded."""

    refund: bool
    shipping: bool


EVENT_TYPES = [
    EventType("order.placed", orders, "An order was placed.", OrderState),
    EventType("order.confirmed", orders, "An order is covered by what was authorized and captured.", OrderState),
    EventType("order.paid", orders, "An order was paid.", OrderState),
    EventType("order.updated", orders, "An order was changed in another way.", ChangedOrder),
    EventType("order.cancelled", orders, "An order was cancelled.", OrderState),
    EventType(
        "order.completed",
        orders,
        "Every unit of an order was delivered or cancelled and nothing is left to pay.",
        OrderState,
    ),
    EventType("order.expired", orders, "An order was not paid in time.", OrderState),
    EventType("order.note_added", orders, "A note was added to an order.", OrderState, policy.read_all),
    EventType("order.access_requested", None, "A link to an order was requested.", access=policy.read_all),
    EventType("fulfilment.created", fulfilments, "Units of an order are being packed.", FulfilmentState),
    EventType("fulfilment.updated", fulfilments, "The tracking data of a fulfilment was changed.", ChangedFulfilment),
    EventType("fulfilment.shipped", fulfilments, "A fulfilment has left the shop.", FulfilmentState),
    EventType("fulfilment.delivered", fulfilments, "A fulfilment was delivered.", FulfilmentState),
    EventType("fulfilment.cancelled", fulfilments, "A fulfilment was cancelled before it shipped.", FulfilmentState),
    EventType("fulfilment.returned", fulfilments, "A fulfilment came back undelivered.", FulfilmentState),
    EventType("return.requested", returns, "The customer wants to return units of an order.", ReturnState),
    EventType("return.received", returns, "Units of an order came back.", ReceivedReturn),
    EventType("return.rejected", returns, "The shop does not take units of an order back.", ReturnState),
    EventType("return.cancelled", returns, "A return was cancelled before its units came back.", ReturnState),
]
