"""The events of payments."""

from uuid import UUID

from msgspec import Struct

from tradepost.kit.writes.event_types import EventType

from .resource import payments
from .schemas import PaymentStatus


class PaymentState(Struct, forbid_unknown_fields=True):
    """The order of the payment, and the payment's status after the change."""

    order_id: UUID
    status: PaymentStatus


class ChangedPayment(PaymentState, forbid_unknown_fields=True):
    """The same, and the names of the members that changed."""

    changed: list[str]


EVENT_TYPES = [
    EventType("payment.created", payments, "A payment was created.", PaymentState),
    EventType("payment.updated", payments, "A payment was lowered to what is left to pay.", ChangedPayment),
    EventType("payment.authorized", payments, "The amount of a payment was authorized.", PaymentState),
    EventType("payment.captured", payments, "The amount of a payment was captured.", PaymentState),
    EventType("payment.voided", payments, "A payment was voided.", PaymentState),
]
