"""The events of payments and refunds."""

from uuid import UUID

from msgspec import Struct

from tradepost.kit.writes.event_types import EventType

from .resource import payments, refunds
from .schemas import PaymentStatus, RefundStatus


class PaymentState(Struct, forbid_unknown_fields=True):
    """The order of the payment, and the payment's status after the change."""

    order_id: UUID
    status: PaymentStatus


class ChangedPayment(PaymentState, forbid_unknown_fields=True):
    """The same, and the names of the members that changed."""

    changed: list[str]


class RefundState(Struct, forbid_unknown_fields=True):
    """The order and the payment of the refund, and the refund's status after the change."""

    order_id: UUID
    payment_id: UUID
    status: RefundStatus


class ChangedRefund(RefundState, forbid_unknown_fields=True):
    """The same, and the names of the members that changed."""

    changed: list[str]


EVENT_TYPES = [
    EventType("payment.created", payments, "A payment was created.", PaymentState),
    EventType("payment.updated", payments, "A payment was changed in another way.", ChangedPayment),
    EventType("payment.processing", payments, "The provider waits for the customer's bank.", PaymentState),
    EventType("payment.authorized", payments, "The amount of a payment was authorized.", PaymentState),
    EventType("payment.captured", payments, "The amount of a payment was captured.", PaymentState),
    EventType("payment.failed", payments, "A payment has failed for good.", PaymentState),
    EventType("payment.voided", payments, "A payment was voided.", PaymentState),
    EventType("payment.refunded", payments, "An amount of a payment was paid back.", PaymentState),
    EventType("refund.created", refunds, "A refund was created.", RefundState),
    EventType("refund.updated", refunds, "A refund is on its way, or the provider did not answer.", ChangedRefund),
    EventType("refund.succeeded", refunds, "A refund was paid back.", RefundState),
    EventType("refund.failed", refunds, "A refund failed. Its amount was given back to the payment.", RefundState),
    EventType("payment.disputed", payments, "The customer's bank asks for the money back.", PaymentState),
    EventType("payment.authorization_expiring", payments, "An authorization lapses within 48 hours.", PaymentState),
]
